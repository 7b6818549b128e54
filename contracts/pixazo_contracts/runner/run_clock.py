"""The clock of a run: real time, or a clock that the target shares and that waiting moves forward."""

from __future__ import annotations

import time
from itertools import count
from queue import Empty, Queue
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


T = TypeVar("T")

#: What a look at a virtual clock takes, in seconds.
LOOK = 1e-6

#: How long a virtual clock waits, in real seconds, for a request that is on the way.
STUCK = 120.0


class RunClock(Protocol):
    """Seconds since the run began, and how to wait for the next event."""

    def now(self) -> float:
        """Seconds since the run began."""
        ...

    def receive(self, inbox: Queue[T], seconds: float | None, *, busy: bool) -> T | None:
        """The next event, or None after so many seconds (None: never); `busy`: requests are on the way."""
        ...

    def dawdle(self, seconds: float) -> None:
        """Let a peer of ours wait: a receiver that is slow to answer."""
        ...


class RealClock:
    """Time as it passes."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._zero = monotonic()

    def now(self) -> float:
        """Seconds since this clock was made."""
        return self._monotonic() - self._zero

    def receive(self, inbox: Queue[T], seconds: float | None, *, busy: bool) -> T | None:
        """Wait on the inbox."""
        if seconds is None and not busy:
            raise RuntimeError("the run waits for something that nobody will send: a probe is at fault")
        try:
            return inbox.get(timeout=seconds)
        except Empty:
            return None

    def dawdle(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


class VirtualClock:
    """Time that is moved by waiting only; `advance` moves the target's clock.

    Each look at it is a microsecond later than the one before, so that requests have an order and those at once overlap.
    """

    def __init__(self, advance: Callable[[float], object]) -> None:
        self._advance = advance
        self._now = 0.0
        self._looks = count()

    def now(self) -> float:
        """Seconds that have been waited in all, and a microsecond for each look."""
        return self._now + next(self._looks) * LOOK

    def receive(self, inbox: Queue[T], seconds: float | None, *, busy: bool) -> T | None:
        """The next event; only where none can come by itself is the clock moved."""
        try:
            return inbox.get(timeout=STUCK) if busy else inbox.get_nowait()
        except Empty:
            if busy:
                raise RuntimeError(f"a request has been on the way for {STUCK:g} s of real time") from None
        if seconds is None:
            raise RuntimeError("the run waits for something that nobody will send: a probe is at fault")
        self._now += seconds
        self._advance(seconds)
        return None

    def dawdle(self, seconds: float) -> None:
        """Nothing: whoever moves the clock is waiting for the answer."""
