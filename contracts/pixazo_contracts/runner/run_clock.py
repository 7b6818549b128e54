"""The clock of a run, real or shared with the target and moved by waiting; detects a target whose own clock stands still."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from queue import Empty, Queue
from typing import Final, TypeVar

from pixazo_contracts.clauses import show
from pixazo_contracts.trace import TERMINAL, Exchange

T = TypeVar("T")

#: How much later each reading of a virtual clock is than the one before, in seconds.
READING: Final = 1e-6

#: The longest step of a virtual clock, in seconds: a callback is recorded at most this much later than it arrived.
STEP: Final = 2.0

#: How long a virtual clock waits, in real seconds, for a request that is under way.
STUCK: Final = 120.0

NOTHING_TO_COME: Final = "the run waits for an event that cannot happen: this is a bug in a probe"


#: A target's clock stands still if nothing moved in this many seconds of real time; a Date shows whole seconds.
STANDSTILL: Final = 3.0

RUN_IT: Final = (
    "give it a running clock, as `pixazo-sim serve` has without --clock manual, or a discovery document that says how to advance"
    " it (requested on this machine only, without --no-discovery, and where generations are not limited)"
)


class StandstillError(Exception):
    """The target or its clock stands still, or could not be advanced; the message gives the evidence and the remedy."""


class _TargetClock:
    """What responses show about the target's clock.

    It stands still if a generation that is read has neither ended nor changed its status for a while, and meanwhile the Date
    never changed (in responses without an Age, which a cache adds), or another generation got the same `created_at`.
    """

    def __init__(self) -> None:
        self._moves = False
        self._seen: dict[str, tuple[str, float]] = {}  # by request id: the first status, and when it was read
        self._dates: dict[str, float] = {}  # when each was first seen
        self._created: tuple[object, float] | None = None  # the first one, and when its submit was answered
        self._submitted: dict[str, float] = {}

    def problem(self, exchange: Exchange) -> str | None:
        """The evidence after this exchange that the clock stands still; None if there is none."""
        now, date = exchange.finished, exchange.header("date")
        if date and exchange.operation != "media" and exchange.header("age") is None:
            self._dates.setdefault(date, now)
        if exchange.accepted_id is not None:
            self._submitted[exchange.accepted_id] = now
        state, name = exchange.state, exchange.request_id
        if self._moves or state is None or name not in self._submitted:
            return None
        first, since = self._seen.setdefault(name, (state, now))
        same_created = self._same_created(exchange.members.get("created_at"), self._submitted[name])
        if state != first or state in TERMINAL:
            self._moves = True
        if self._moves or now - since < STANDSTILL:
            return None
        shown, at = next(iter(self._dates.items()), ("", now))
        if len(self._dates) == 1 and now - at >= STANDSTILL:
            return f"Date has been {show(shown)} for {now - at:.0f} s"
        return same_created

    def _same_created(self, stamp: object, submitted: float) -> str | None:
        if not stamp:
            return None
        first, since = self._created = self._created or (stamp, submitted)
        if stamp != first:
            self._moves = True
        apart = abs(submitted - since)
        return f"created_at is {show(stamp)} of submits {apart:.0f} s apart" if apart >= STANDSTILL else None


class RunClock:
    """Time as it passes, in seconds since this clock was made."""

    def __init__(self) -> None:
        self._zero = time.monotonic()
        self._target = _TargetClock()

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._zero

    def receive(self, inbox: Queue[T], seconds: float | None, *, busy: bool) -> T | None:
        """The next event, or None after this many seconds or earlier (None: no limit).

        `busy` says that requests are under way. Raises RuntimeError if no event can happen.
        """
        if seconds is None and not busy:
            raise RuntimeError(NOTHING_TO_COME)
        try:
            return inbox.get(timeout=seconds)
        except Empty:
            return None

    def watch(self, exchange: Exchange) -> None:
        """Raise `StandstillError` once exchanges show that the target's own clock does not move."""
        if problem := self._target.problem(exchange):
            raise StandstillError(f"the target's clock stands still ({problem}): {RUN_IT}")

    def delay(self, seconds: float) -> None:
        """Wait before the receiver responds."""
        time.sleep(seconds)


class VirtualClock(RunClock):
    """Time that passes only while the run waits; `advance` moves the target's clock by a number of seconds.

    Each reading is a microsecond later than the one before, so requests have an order and simultaneous ones overlap.
    """

    def __init__(self, advance: Callable[[float], object]) -> None:
        super().__init__()
        self._advance = advance
        self._waited = 0.0
        self._readings = count()

    def now(self) -> float:
        """All seconds that were waited, and a microsecond for each reading."""
        return self._waited + next(self._readings) * READING

    def receive(self, inbox: Queue[T], seconds: float | None, *, busy: bool) -> T | None:
        """The next event, or None after this many seconds or a step; the clock is moved only if no event can happen by itself."""
        try:
            return inbox.get(timeout=STUCK) if busy else inbox.get_nowait()
        except Empty:
            if busy:
                raise RuntimeError(f"a request has been under way for {STUCK:g} s of real time") from None
        if seconds is None:
            raise RuntimeError(NOTHING_TO_COME)
        step = min(seconds, STEP)
        self._waited += step
        self._advance(step)
        return None

    def watch(self, exchange: Exchange) -> None:
        """Do nothing: this clock moves the target's."""

    def delay(self, seconds: float) -> None:
        """Do not wait: the thread that moves the clock is waiting for this response."""
