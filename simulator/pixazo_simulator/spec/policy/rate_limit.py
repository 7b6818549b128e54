"""The policy value of a rate limit."""

from __future__ import annotations

import re

import msgspec


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
