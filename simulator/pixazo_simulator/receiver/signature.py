"""Judges the signatures of webhooks (Standard Webhooks)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import msgspec

from pixazo_simulator.spec import SECOND
from pixazo_simulator.webhooks import SIGNED_BY, verify

from .callback import Callback

TOLERANCE = 300
"""Seconds that a timestamp may be off for the verifiers that Standard Webhooks publishes."""
_DIGITS = 12
"""Digits of a timestamp: this many are the seconds of 30,000 years."""


class Verdict(msgspec.Struct, frozen=True):
    """What was found about a signature, in a word and a sentence; `age` is that of its timestamp in seconds, below 0 if that is in the future."""

    verdict: Literal["valid", "wrong", "missing", "not checked"]
    age: int | None
    reason: str


def judge(callback: Callback, secrets: Sequence[bytes], now: int) -> Verdict:
    """Judge a signature at an instant (UTC milliseconds) of the real clock.

    One with an old timestamp is valid, and its age is stated: worlds with a manual clock run in other years.
    """
    identity, stamp, signatures = (callback.header(name.encode()) for name in SIGNED_BY)
    if identity is None or stamp is None or signatures is None:
        if not secrets:
            return Verdict("not checked", None, "not signed")
        absent = next(name for name in SIGNED_BY if callback.header(name.encode()) is None)
        return Verdict("missing", None, f"signature missing: there is no {absent}")
    age = now // SECOND - int(stamp) if stamp.isascii() and stamp.isdecimal() and len(stamp) <= _DIGITS else None
    if not secrets:
        return Verdict("not checked", age, "signature not checked: give --secret")
    if age is None:
        return Verdict("wrong", None, "signature wrong: webhook-timestamp is not in seconds")
    if not verify(secrets, identity, stamp, signatures, callback.body):
        of_what = "the secret" if len(secrets) == 1 else f"any of {len(secrets)} secrets"
        return Verdict("wrong", age, f"signature wrong: not made with {of_what} of these bytes")
    if abs(age) <= TOLERANCE:
        return Verdict("valid", age, "signature valid")
    when = f"{timedelta(seconds=abs(age))} {'ago' if age > 0 else 'ahead'}"
    takes = f"verifiers that use the present time accept {TOLERANCE // 60} min"
    return Verdict("valid", age, f"signature valid, but from {when}: {takes}")
