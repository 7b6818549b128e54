"""How values are shown in messages, which known word was probably meant, and the IP addresses, instants and sums that people write."""

from __future__ import annotations

import json
import re
import traceback
from datetime import datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address, ip_address
from reprlib import Repr
from typing import Any, AnyStr, cast

__all__ = [
    "LAST_INSTANT", "LAST_PORT", "LOOPBACK_OF", "PAGE_INSTANT", "SECOND", "IpAddress", "beginning", "closest",
    "dollars", "is_data_url", "is_loopback_ip", "json_or_text", "micros", "nearest", "not_unicode", "plain_ip", "raised_at",
    "read_instant", "regex", "shown",
]  # fmt: skip

CUT = "[cut]"
"""Marks where `beginning` cut a text: a redactor redacts what may be the first part of a key before it."""


class _Regex:
    """What `regex` returns: methods become attributes when they are first used."""

    def __init__(self, *given: Any) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._given), name)
        setattr(self, name, value)
        return value


def regex(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As `re.compile`, but it compiles on first use: a server that starts needs hardly any of them."""
    return cast("re.Pattern[AnyStr]", _Regex(pattern, flags))


_CUT_MARK = regex(r"\[c?u?t?\Z")

LAST_PORT = 65535
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens here
"""The address to call instead of one on which a server listens on all interfaces, and which cannot be called."""
IpAddress = IPv4Address | IPv6Address


def beginning(text: str, size: int) -> str:
    """A text, or this many of its first characters, with a mark for the redactor where it was cut."""
    return text if len(text) <= size else _CUT_MARK.sub("", text[:size]) + CUT


def closest(word: str, known: tuple[str, ...]) -> str | None:
    """The known word that was probably meant, in either case, if one is near."""
    if len(word) > 3 * max(map(len, known), default=0):  # none can be near, and comparing would take long
        return None
    from difflib import get_close_matches  # only to word a refusal

    folded = {each.casefold(): each for each in known}
    return next((folded[each] for each in get_close_matches(word.casefold(), folded, n=1)), None)


def nearest(word: str, known: tuple[str, ...]) -> str:
    """` (did you mean X?)` when a known word is near, else the empty string."""
    near = closest(word, known)
    return f" (did you mean {near}?)" if near else ""


_SHOWN = 200


class _Short(Repr):
    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002 - Repr calls it with a level
        return repr(beginning(x, self.maxstring))


_short = _Short()
_short.maxlevel, _short.maxlist, _short.maxtuple, _short.maxdict = 1, 6, 6, 6
_short.maxlong, _short.maxother = 40, _SHOWN


def shown(value: object) -> str:
    """A value as Python writes it, or the start of it: never much longer than 200 characters."""
    if isinstance(value, str):
        return repr(beginning(value, _SHOWN))
    return _short.repr(value)


_MOST_OF_A_VALUE = 40


def quoted(text: str) -> str:
    """The beginning of a text as JSON writes it, in one line; of a data URL only that it is one."""
    return "a data URL" if is_data_url(text) else json.dumps(beginning(text, _MOST_OF_A_VALUE), ensure_ascii=False)


def is_data_url(text: str) -> bool:
    """Whether a text is a data URL, in letters of either case."""
    return text[:5].lower() == "data:"


def json_value(value: object) -> str:
    """A JSON value as an error names it: its type, and its beginning unless it contains other values."""
    match value:
        case None | bool():
            return json.dumps(value)
        case str():
            return quoted(value) if is_data_url(value) else f"the string {quoted(value)}"
        case list():
            return "an array"
        case dict():
            return "an object"
        case int() if value.bit_length() > _MOST_OF_A_VALUE * 3:  # Python refuses to write very long ones
            return "a number with very many digits"
        case _:
            return f"the number {str(value).removesuffix('.0')}"


def json_or_text(text: str) -> Any:
    """The value of a string that is JSON, any other string as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def not_unicode(error: UnicodeEncodeError) -> str:
    """What is wrong with a string that cannot be encoded as UTF-8."""
    return f"{shown(error.object)} is not Unicode text: remove the lone surrogate"


def raised_at(error: BaseException) -> str:
    """Where in the source an error was raised; its message, which may contain keys, is left out."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)  # unlike `extract_tb` it reads no source file
    file = re.split(r"[/\\]", frame.f_code.co_filename)[-1]
    return f"in {frame.f_code.co_name}, {file}:{line}"


def plain_ip(text: str) -> IpAddress | None:
    """The IP address of a string in the usual notation, with or without a zone; None for any other string.

    Other forms, which only inet_aton reads (`127.1`), are names. An IPv6 address that maps an IPv4 one becomes that: Python
    before 3.13 takes ::ffff:127.0.0.1 for an address of another machine.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def is_loopback_ip(text: str) -> bool:
    """Whether a string is an address of this machine's loopback interface; a name never is."""
    address = plain_ip(text)
    return address is not None and address.is_loopback


# The units that everything is counted in: milliseconds of UTC, and millionths of a US dollar.

SECOND = 1000
"""One second in milliseconds, the unit of every instant."""

PAGE_INSTANT = 1_774_951_200_000
"""2026-03-31T10:00:00.000Z, where a manual clock starts: the `created_at` of the page's sample (Response (Completed))."""

LAST_INSTANT = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z: no clock passes it, since no timestamp could be written."""

_RFC_3339 = regex(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MICROS = 1_000_000
_MOST = 10**15


def read_instant(text: str) -> int | None:
    """Read an RFC 3339 instant in UTC milliseconds; None for any other string."""
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
    """Write millionths of a US dollar as a string with at least two decimals."""
    whole, rest = divmod(abs(amount), _MICROS)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}{whole}.{decimals}"
