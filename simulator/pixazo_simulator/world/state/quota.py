"""A rate limit as a fixed window of calls."""

from __future__ import annotations

from pixazo_simulator.spec import SECOND, RateLimit

from .fork import Part


class Quota(Part):
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
