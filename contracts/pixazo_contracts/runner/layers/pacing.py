"""When a request may go out: not sooner than a gap after the one before, and not before the wait of a 429 is over."""

from __future__ import annotations

from typing import Final

from pixazo_contracts.trace import whole_number

#: After so many 429s a run no longer waits.
MOST_HOLDS: Final = 20


class Pacing:
    """Hands out the instants at which requests may go out; it does not wait itself."""

    def __init__(self, gap: float = 0.0) -> None:
        self._gap = gap
        self._next = 0.0
        self._until = 0.0
        self._holds = 0

    def slot(self, now: float) -> float:
        """The instant, `now` or later, at which the next request may go out."""
        at = max(now, self._next, self._until)
        self._next = at + self._gap
        return at

    def hold(self, until: float) -> bool:
        """Send nothing until then; False if this has happened too often."""
        self._holds += 1
        self._until = max(self._until, until)
        return self._holds <= MOST_HOLDS


def retry_after(value: str | None, *, otherwise: float, at_most: float) -> float:
    """Seconds to wait after a 429: its `Retry-After` in seconds, else `otherwise`; never more than `at_most`."""
    asked = whole_number(value)
    return min(otherwise if asked is None else asked, at_most)
