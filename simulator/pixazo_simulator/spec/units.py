"""The units that everything is counted in: milliseconds of UTC, and millionths of a US dollar."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from .text import regex

SECOND = 1000
"""One second in milliseconds, the unit of every instant."""

PAGE_INSTANT = 1_774_951_200_000
"""2026-03-31T10:00:00.000Z, where a manual clock starts: the `created_at` of the page's sample (Response (Completed))."""

LAST_INSTANT = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z: no clock goes beyond, since no timestamp could be written."""

_RFC_3339 = regex(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MICROS = 1_000_000
_MOST = 10**15


def read_instant(text: str) -> int | None:
    """Read an instant of RFC 3339 in UTC milliseconds; None for any other text."""
    try:
        return round(datetime.fromisoformat(text.upper()).timestamp() * SECOND) if _RFC_3339.fullmatch(text) else None
    except ValueError:  # such as the 30th of February
        return None


def micros(text: str, name: str = "amount") -> int:
    """Read US dollars, such as `0.35`, as an integer of millionths. Raises ValueError that begins with `name` and has the remedy."""
    try:
        amount = Decimal(text) * _MICROS
    except ArithmeticError:  # not a number, or one beyond every exponent
        amount = Decimal("NaN")
    if not text.isascii() or not amount.is_finite() or amount != amount.to_integral_value() or not 0 <= amount <= _MOST:
        raise ValueError(f"{name} {text!r} is not a sum of US dollars from 0 to 1000000000, such as 12.50")
    return int(amount)


def dollars(amount: int) -> str:
    """Write millionths of a US dollar as text with at least two decimals."""
    whole, rest = divmod(abs(amount), _MICROS)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}{whole}.{decimals}"
