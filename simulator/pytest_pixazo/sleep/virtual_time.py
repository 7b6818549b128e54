"""Virtual time: the clock moves when the whole app waits for it."""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from _pytest.outcomes import Failed  # what `pytest.fail.Exception` is, under a name that type checkers take as a base

from pytest_pixazo.settable import Settable

from .frozen import move_frozen_time
from .quiescence import AsyncioLoop, Loop, Quiescence, TrioLoop, real_clock

LIMIT = 3600.0
"""Seconds that one test may sleep by default: as many as `run_until` takes, and few enough to end an endless loop that polls every
second after a few real seconds.
"""
KEPT = 10_000
"""How many lengths of sleeps are kept."""
HELD_UP = 0.1
"""Real seconds after which a sleep ends that began while the clock was being moved: then the receiver of a callback sleeps, and the
clock waits for its response. A move that waits for no receiver ends earlier; the gateway gives a receiver 5 s, enough for many such sleeps.
"""
SLICES = 20
"""The fewest waits within HELD_UP: on a busy machine seconds pass in which no thread runs."""

STOP_DEADLINE = 10.0
"""Real seconds within which the thread that moves the clock must end: it may wait for a receiver, which has 5 s."""

SECOND = 1_000_000_000
"""Virtual time is counted in nanoseconds."""
MILLISECOND = 1_000_000
MICROSECOND = 1_000

SWEEP = 1000
"""The number of wakeups from which on dead ones are removed: most deadlines are never reached."""

log = logging.getLogger("pytest_pixazo")


class SleepLimitError(Failed):
    """The app has slept longer than a test may. As one of pytest's outcomes, it is retried by no loop, and teardowns go on."""


@dataclass(slots=True, eq=False)
class Wakeup:
    """Something to call at a point of virtual time, in nanoseconds. The clock moves to it only if it `drives`, as a sleep does."""

    due: int
    wake: Callable[[], object]
    drives: bool = True
    alive: Callable[[], bool] | None = None
    """Whether a deadline is still pending."""
    woken: bool = False
    error: BaseException | None = None
    """Why the clock was not moved."""

    @property
    def is_pending(self) -> bool:
        return not self.woken and (self.alive is None or self.alive())


class TimerQueue:
    """Wakeups in order of their time, then of their entry."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Wakeup]] = []
        self._entered = 0
        self._driving: dict[Wakeup, None] = {}  # in order of entry
        self._sweep = SWEEP

    def enter(self, wakeup: Wakeup) -> None:
        self._entered += 1
        heapq.heappush(self._heap, (wakeup.due, self._entered, wakeup))
        if wakeup.drives:
            self._driving[wakeup] = None
        if len(self._heap) > self._sweep:
            self._heap = [entry for entry in self._heap if entry[2].is_pending]
            heapq.heapify(self._heap)
            self._sweep = max(SWEEP, 2 * len(self._heap))

    def leave(self, wakeup: Wakeup) -> None:
        """Remove the wakeup of a sleep, if it is still there."""
        wakeup.woken = True
        self._driving.pop(wakeup, None)

    def next_due(self) -> int | None:
        """The time of the next wakeup; None while nothing sleeps."""
        while self._heap and not self._heap[0][2].is_pending:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._driving else None

    def take(self, until: int) -> list[Wakeup]:
        """Remove and return the wakeups due by a time, in order; they count as woken."""
        taken: list[Wakeup] = []
        while self._heap and self._heap[0][0] <= until:
            wakeup = heapq.heappop(self._heap)[2]
            if wakeup.is_pending:
                taken.append(wakeup)
                self.leave(wakeup)
        return taken

    def take_sleeps(self) -> list[Wakeup]:
        """Remove and return the wakeups of all sleeps, in order; they count as woken. Deadlines stay: their time has not come."""
        taken = sorted(self._driving, key=lambda each: each.due)
        for wakeup in taken:
            self.leave(wakeup)
        return taken


def _started(function: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=function, name="pixazo-sleep", daemon=True)
    thread.start()
    return thread


@dataclass(frozen=True, slots=True)
class WorldClock:
    """The clock that sleeps move: `advance` moves it by seconds, called from one thread at a time.

    `running` describes what the app may be waiting for when it sleeps too long. `is_advancing`: the clock is just being moved, by
    anyone; `is_delaying`: a response is still to come that is delayed in real time.
    """

    advance: Callable[[float], object]
    running: Callable[[], str | None] = lambda: None
    is_advancing: Callable[[], bool] = lambda: False
    is_delaying: Callable[[], bool] = lambda: False


class Sleeps(Settable):
    """What the app has slept. Sleeps that overlap in the app overlap here, and end in the order of their deadlines."""

    _settable, _remedy = ("limit", "exceeded", "count"), "set pixazo_sleep.limit"

    def __init__(self, clock: WorldClock, limit: float = LIMIT) -> None:
        self.limit = limit
        """Seconds that may be slept in all; may be changed at any time."""
        self._clock = clock
        self.exceeded = False
        """Whether sleeps were ended because nothing but one beyond `limit` was left."""
        self.count = 0
        """The number of sleeps so far."""
        self._lengths: deque[float] = deque(maxlen=KEPT)
        self._now = 0
        self._queue = TimerQueue()
        self._changed = threading.Condition()
        # A leading thread waits for quiescence and then moves the clock; only one leads at a time.
        self._leading = self._moving = self._over = False
        self._moves = 0
        self._threads: set[int] = set()
        self._loops: dict[object, Loop] = {}
        self._quiescence = Quiescence(
            lambda: self._clock.advance(0), self._loops.values(), self._threads,
            lambda: self._clock.is_delaying(),  # noqa: PLW0108 - another one in another world
            lambda: self._over,
        )  # fmt: skip
        self._mover: threading.Thread | None = None

    @property
    def total(self) -> float:
        """Seconds by which sleeping has moved the clock."""
        return self._now / SECOND

    @property
    def total_ns(self) -> int:
        """The same, in nanoseconds."""
        return self._now

    @property
    def lengths(self) -> list[float]:
        """The seconds of each sleep, in the order in which they began; at most the last 10,000."""
        return list(self._lengths)

    def in_thread(self, seconds: float) -> None:
        """Sleep as `time.sleep` does."""
        thread = threading.get_ident()
        with self._changed:
            wakeup = self._enter(seconds, lambda: self._threads.discard(thread))
            self._threads.add(thread)
            try:
                if not self._is_held_up(wakeup, self._moves):
                    self._lead_until(lambda: wakeup.woken)
            finally:
                self._threads.discard(thread)
                self._queue.leave(wakeup)
        if wakeup.error:
            raise wakeup.error

    async def in_asyncio(self, seconds: float) -> None:
        """Sleep as `asyncio.sleep` does."""
        running = asyncio.get_running_loop()
        future: asyncio.Future[None] = running.create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        loop = self._loops.setdefault(running, AsyncioLoop(running))
        with self._asleep(seconds, wake, loop):
            await future

    async def in_trio(self, seconds: float) -> None:
        """Sleep as `trio.sleep` does."""
        import trio

        token = trio.lowlevel.current_trio_token()
        woken = trio.Event()
        loop = self._loops.setdefault(token, TrioLoop(token))
        with self._asleep(seconds, woken.set, loop):
            await woken.wait()

    def follow(self, seconds: float, wake: Callable[[], object], alive: Callable[[], bool]) -> None:
        """Call `wake`, from any thread, once this many seconds (rounded up to the millisecond) were slept, if `alive` still holds."""
        with self._changed:
            due = self._now + max(0, math.ceil(seconds * 1000)) * MILLISECOND
            self._queue.enter(Wakeup(due, wake, drives=False, alive=alive))

    @contextmanager
    def in_another_world(self, clock: WorldClock) -> Generator[None]:
        """Within this context sleeps advance another world; the limit counts for it alone.

        Raises SleepLimitError at its start and its end, as `check` does.
        """
        self.check()
        kept, limit, before = self._clock, self.limit, self.total
        self._clock = clock
        self.limit = limit + before
        try:
            yield
            self.check()
        finally:
            self._clock = kept
            self.limit, self.exceeded = limit + self.total - before, False

    def check(self) -> None:
        """Raise SleepLimitError if the app would have slept beyond the limit."""
        if self.exceeded:
            running = self._clock.running()
            raise SleepLimitError(
                f"the app has slept {self.total:,.0f} s and would exceed the limit of {self.limit:,.0f} s"
                f"{f' ({running})' if running else ''}: give its loop"
                " an end with a counter, a time-out, time.monotonic() or datetime.now(), or raise the limit, as with"
                " pixazo_sleep.limit = 86400"
            )

    def end(self) -> None:
        """Wake every sleep; later ones are real."""
        with self._changed:
            self._over = True
            for wakeup in self._queue.take_sleeps():
                wakeup.wake()
            self._changed.notify_all()
        if self._mover:
            self._mover.join(STOP_DEADLINE)
            if self._mover.is_alive():
                log.warning("virtual sleep ended while the clock was still being moved")

    @contextmanager
    def _asleep(self, seconds: float, wake: Callable[[], object], loop: Loop) -> Generator[None]:
        """Surrounds the sleep of a task. Raises why the clock could not be moved."""

        def call() -> None:
            loop.sleepers -= 1
            loop.call(wake)

        with self._changed:
            wakeup = self._enter(seconds, call)
            loop.enter()
            self._mover = self._mover or _started(self._lead)
            # A timer of the loop would stop when freezegun has stopped its clock.
            if self._moving or self._clock.is_advancing():
                _started(partial(self._release_if_held_up, wakeup, self._moves))
        try:
            yield
        finally:
            with self._changed:
                if not wakeup.woken:
                    loop.sleepers -= 1
                    self._queue.leave(wakeup)
        if wakeup.error:
            raise wakeup.error

    def _enter(self, seconds: float, wake: Callable[[], object]) -> Wakeup:
        self.count += 1
        self._lengths.append(seconds)
        wakeup = Wakeup(self._now + round(seconds * SECOND), wake, woken=self._over)
        if self._over:
            wake()
        else:
            self._queue.enter(wakeup)
            self._changed.notify_all()
        return wakeup

    def _is_held_up(self, wakeup: Wakeup, move: int) -> bool:
        """Wait while a move goes on; True when a sleep that began in it must end, since the move may be waiting for the sleeper."""
        end, left = real_clock() + HELD_UP, SLICES
        while self._moves == move and not wakeup.woken and (self._moving or self._clock.is_advancing()):
            if left <= 0 and real_clock() >= end:
                return True
            left -= 1
            self._changed.wait(HELD_UP / SLICES)
        return False

    def _release_if_held_up(self, wakeup: Wakeup, move: int) -> None:
        with self._changed:
            if self._is_held_up(wakeup, move):
                self._queue.leave(wakeup)
                wakeup.wake()

    def _lead(self) -> None:
        """Move the clock for event loops, whose own threads must not block."""
        with self._changed:
            while not self._over:
                self._lead_until(lambda: self._over or self._queue.next_due() is None)
                if not self._over:
                    self._changed.wait()

    def _lead_until(self, done: Callable[[], bool]) -> None:
        """Move the clock repeatedly until `done`, unless another thread is already doing so."""
        while not done():
            if self._leading:
                self._changed.wait()
                continue
            self._leading = True
            self._changed.release()
            try:
                self._move()
            finally:
                self._changed.acquire()
                self._leading = self._moving = False
                self._changed.notify_all()

    def _move(self) -> None:
        """Wait until the app is idle, move the clock to the next wakeup, and wake what is due."""
        until: int | None = None
        problem: BaseException | None = None
        try:
            self._quiescence.wait()
            with self._changed:
                while self._clock.is_advancing() and not self._over:  # what the test moves ends first, and ends sleeps
                    self._changed.wait(HELD_UP / SLICES)
                due = self._queue.next_due()
                if due is None:
                    return
                self._moving = True
                self._moves += 1
            if due / SECOND > self.limit:  # not when such a sleep begins: it may never come to its end
                self.exceeded = True
                self.check()
            if milliseconds := -(-due // MILLISECOND) - -(-self._now // MILLISECOND):
                self._clock.advance(milliseconds / 1000)
            until = due
        except (Exception, SleepLimitError) as error:  # noqa: BLE001  # raised again in what sleeps
            problem = error
        with self._changed:
            self._moving = False
            if until is not None:
                move_frozen_time(until // MICROSECOND - self._now // MICROSECOND)
                self._now = until
            for wakeup in self._queue.take_sleeps() if until is None else self._queue.take(until):
                wakeup.error = problem
                wakeup.wake()
                if not wakeup.drives:
                    for loop in list(self._loops.values()):
                        loop.mark_active()
