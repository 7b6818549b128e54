"""A rate limit as a fixed window of calls."""

from __future__ import annotations

import re

import msgspec

from .clock import SECOND

__all__ = ["Quota", "RateLimit"]


class RateLimit(msgspec.Struct, frozen=True):
    """At most `calls` calls in `seconds` seconds; `submits_only` leaves reads uncounted. No calls: every call is refused."""

    calls: int
    seconds: int
    submits_only: bool = False

    @classmethod
    def parse(cls, text: str) -> RateLimit | None:
        """Read `off`, `60/60` (calls per seconds) or `5/60 submits`. Raises ValueError with the remedy."""
        if text == "off":
            return None
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,6})( submits)?", text)
        if not found or not int(found[2]):
            raise ValueError(f"{text!r} is not off, CALLS/SECONDS (for example 60/60) or CALLS/SECONDS submits")
        return cls(int(found[1]), int(found[2]), found[3] is not None)

    def __str__(self) -> str:
        return f"{self.calls}/{self.seconds}{' submits' if self.submits_only else ''}"


class Quota:
    """How much of the current window is used; the window begins with the first call after the last one ended."""

    __slots__ = ("_began", "_used")

    def __init__(self) -> None:
        self._began = 0
        self._used = 0

    def take(self, limit: RateLimit, now: int) -> int | None:
        """Count one call at `now` (UTC milliseconds): None when it is allowed, else the whole seconds to wait."""
        window = limit.seconds * SECOND
        if now >= self._began + window:
            self._began, self._used = now, 0
        if self._used < limit.calls:
            self._used += 1
            return None
        return max(1, -(-(self._began + window - now) // SECOND))

    def exhaust(self, limit: RateLimit, now: int) -> None:
        """Use up the window that begins at `now`."""
        self._began, self._used = now, limit.calls
