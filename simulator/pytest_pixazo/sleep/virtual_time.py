"""Virtual time: it moves when all that is left to do is to wait for it."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager

from .loops import AsyncioLoop, Loop, TrioLoop
from .quiescence import Stillness
from .timer_queue import Agenda, Ticket

LIMIT = 3600.0
"""Seconds that one test may sleep, if it says nothing else: as many as `run_until` takes, and so few that a loop that polls every
second for ever is ended after a few real ones."""
KEPT = 10_000
"""Sleeps of which the length is remembered."""
HELD_UP = 0.05
"""Real seconds after which a sleep ends that began while the clock was moved: the receiver of a callback sleeps, and the
clock waits for its answer."""

STOP_DEADLINE = 2.0
"""Real seconds that the thread that moves the time has to end."""

SECOND = 1_000_000_000
"""In nanoseconds, the unit of virtual time."""
MILLISECOND = 1_000_000

log = logging.getLogger("pytest_pixazo")


class SleepLimitError(BaseException):
    """The app has slept longer than a test may. No Exception, since a loop that retries whatever happens would go on for ever."""


class Sleeps:
    """What the app has slept. Sleeps that overlap in the app overlap here, and end in the order of their deadlines.

    `advance` moves the clock of the world by so many seconds; it is called from one thread at a time. `running` tells what
    the app may have waited for when it slept too long.
    """

    def __init__(
        self, advance: Callable[[float], object], limit: float = LIMIT, running: Callable[[], str | None] | None = None
    ) -> None:
        self.limit = limit
        """Seconds that may be slept in all; can be changed while it is in use."""
        self._running = running
        self.exceeded = False
        """Whether the app was refused a sleep, since it had slept for `limit` seconds."""
        self.count = 0
        """How often it has slept."""
        self._lengths: deque[float] = deque(maxlen=KEPT)
        self._advance = advance
        self._now = 0
        self._agenda = Agenda()
        self._changed = threading.Condition()
        self._leading = self._moving = self._over = False
        self._threads: set[int] = set()
        self._loops: dict[object, Loop] = {}
        self._stillness = Stillness(lambda: advance(0), self._loops.values(), self._threads)
        self._mover: threading.Thread | None = None

    @property
    def total(self) -> float:
        """Seconds by which they have moved the clock."""
        return self._now / SECOND

    @property
    def total_ns(self) -> int:
        """The same in nanoseconds."""
        return self._now

    @property
    def lengths(self) -> list[float]:
        """The seconds of each sleep, in the order in which they began: the last 10,000."""
        return list(self._lengths)

    def in_thread(self, seconds: float) -> None:
        """Sleep as `time.sleep` does."""
        thread = threading.get_ident()
        with self._changed:
            ticket = self._enter(seconds, lambda: self._threads.discard(thread))
            late = self._moving
            self._threads.add(thread)
            try:
                self._lead_until(lambda: ticket.woken, HELD_UP if late else None)
            finally:
                self._threads.discard(thread)
                self._agenda.leave(ticket)
        _raise(ticket.error)

    async def in_asyncio(self, seconds: float) -> None:
        """Sleep as `asyncio.sleep` does."""
        running = asyncio.get_running_loop()
        future: asyncio.Future[None] = running.create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        loop = self._loops.setdefault(running, AsyncioLoop(running))
        with self._asleep(seconds, wake, loop) as (ticket, late):
            if late:
                running.call_later(HELD_UP, wake)
            await future
        _raise(ticket.error)

    async def in_trio(self, seconds: float) -> None:
        """Sleep as `trio.sleep` does."""
        import trio

        token = trio.lowlevel.current_trio_token()
        woken = trio.Event()
        loop = self._loops.setdefault(token, TrioLoop(token))
        with (
            self._asleep(seconds, woken.set, loop) as (ticket, late),
            trio.move_on_after(HELD_UP if late else math.inf),
        ):
            await woken.wait()
        _raise(ticket.error)

    def follow(self, seconds: float, wake: Callable[[], object], alive: Callable[[], bool]) -> None:
        """Call `wake`, from any thread, if that many seconds (rounded up to the millisecond) are slept and `alive` still says so."""
        with self._changed:
            due = self._now + max(0, math.ceil(seconds * 1000)) * MILLISECOND
            self._agenda.enter(Ticket(due, wake, drives=False, alive=alive))

    def check(self) -> None:
        """Raise SleepLimitError if the app was refused a sleep."""
        if self.exceeded:
            running = self._running() if self._running else None
            raise SleepLimitError(
                f"the app has slept {self.total:,.0f} s and would go on beyond the limit of {self.limit:,.0f} s"
                f"{f' ({running})' if running else ''}: give its loop"
                " an end, told by a counter, a time-out, time.monotonic() or time.time() (datetime.now() stands still"
                " while it sleeps), or raise the limit, as with pixazo_sleep.limit = 86400"
            )

    def end(self) -> None:
        """Wake everybody; whoever sleeps again, sleeps in real time."""
        with self._changed:
            self._over = True
            for ticket in self._agenda.take():
                if ticket.drives:
                    ticket.wake()
            self._changed.notify_all()
        if self._mover:
            self._mover.join(STOP_DEADLINE)
            if self._mover.is_alive():
                log.warning("virtual sleep ended while the clock was still being moved")

    @contextmanager
    def _asleep(self, seconds: float, wake: Callable[[], object], loop: Loop) -> Generator[tuple[Ticket, bool]]:
        """While a task of a loop sleeps; tells whether it fell asleep while the clock was moved."""

        def call() -> None:
            loop.sleepers -= 1
            loop.call(wake)

        with self._changed:
            ticket = self._enter(seconds, call)
            loop.enter()
            late = self._moving
            self._mover = self._mover or self._start_mover()
        try:
            yield ticket, late
        finally:
            with self._changed:
                if not ticket.woken:
                    loop.sleepers -= 1
                    self._agenda.leave(ticket)

    def _enter(self, seconds: float, wake: Callable[[], object]) -> Ticket:
        due = self._now + round(seconds * SECOND)
        if due > self.limit * SECOND:
            self.exceeded = True
            self.check()
        self.count += 1
        self._lengths.append(seconds)
        ticket = Ticket(due, wake, woken=self._over)
        if self._over:
            wake()
        else:
            self._agenda.enter(ticket)
            self._changed.notify_all()
        return ticket

    def _start_mover(self) -> threading.Thread:
        """Loops need a thread that moves the time for them: the one they run in has to go on."""
        thread = threading.Thread(target=self._lead, name="pixazo-sleep", daemon=True)
        thread.start()
        return thread

    def _lead(self) -> None:
        with self._changed:
            while not self._over:
                self._lead_until(lambda: self._over or self._agenda.next_due() is None)
                if not self._over:
                    self._changed.wait()

    def _lead_until(self, done: Callable[[], bool], patience: float | None = None) -> None:
        """Move the time on until `done`, unless another thread does so already."""
        while not done():
            if self._leading:
                if not self._changed.wait(patience) and self._moving:
                    return
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
        """Let everybody come to rest, move the clock to the next instant for which somebody waits, and wake whoever does."""
        until: int | None = None
        problem: Exception | None = None
        try:
            self._stillness.wait()
            until = self._move_clock()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is for those who sleep
            problem = error
        with self._changed:
            self._moving = False
            if until is None and problem is None:
                return
            self._now = self._now if until is None else until
            for ticket in self._agenda.take(until):
                ticket.error = problem
                ticket.wake()
                if not ticket.drives:
                    for loop in list(self._loops.values()):
                        loop.stir()

    def _move_clock(self) -> int | None:
        with self._changed:
            until = self._agenda.next_due()
            if until is None:
                return None
            self._moving = True
        milliseconds = -(-until // MILLISECOND) - -(-self._now // MILLISECOND)
        if milliseconds:
            self._advance(milliseconds / 1000)
        return until


def _raise(error: Exception | None) -> None:
    if error:
        raise error
