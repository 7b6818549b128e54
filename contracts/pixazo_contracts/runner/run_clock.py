"""The clock of a run: real time, or a clock that the target shares and that waiting moves forward."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from queue import Empty, Queue
from typing import Final, TypeVar

T = TypeVar("T")

#: How much later each reading of a virtual clock is than the one before, in seconds.
READING: Final = 1e-6

#: How long a virtual clock waits, in real seconds, for a request that is under way.
STUCK: Final = 120.0

NOTHING_TO_COME: Final = "the run waits for an event that cannot come: this is a bug in a probe"


class RunClock:
    """Time as it passes, in seconds since this clock was made."""

    def __init__(self) -> None:
        self._zero = time.monotonic()

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._zero

    def receive(self, inbox: Queue[T], seconds: float | None, *, busy: bool) -> T | None:
        """The next event, or None after so many seconds (None: no limit); `busy`: requests are under way.

        Raises RuntimeError if no event can come.
        """
        if seconds is None and not busy:
            raise RuntimeError(NOTHING_TO_COME)
        try:
            return inbox.get(timeout=seconds)
        except Empty:
            return None

    def delay(self, seconds: float) -> None:
        """Wait before the receiver responds."""
        time.sleep(seconds)


class VirtualClock(RunClock):
    """Time that passes only while the run waits; `advance` moves the target's clock by so many seconds.

    Each reading is a microsecond later than the one before, so that requests have an order and those at once overlap.
    """

    def __init__(self, advance: Callable[[float], object]) -> None:
        super().__init__()
        self._advance = advance
        self._waited = 0.0
        self._readings = count()

    def now(self) -> float:
        """Seconds that were waited in all, and a microsecond for each reading."""
        return self._waited + next(self._readings) * READING

    def receive(self, inbox: Queue[T], seconds: float | None, *, busy: bool) -> T | None:
        """The next event; the clock is moved only if none can come by itself."""
        try:
            return inbox.get(timeout=STUCK) if busy else inbox.get_nowait()
        except Empty:
            if busy:
                raise RuntimeError(f"a request has been under way for {STUCK:g} s of real time") from None
        if seconds is None:
            raise RuntimeError(NOTHING_TO_COME)
        self._waited += seconds
        self._advance(seconds)
        return None

    def delay(self, seconds: float) -> None:
        """Do not wait: the thread that moves the clock is waiting for this response."""
