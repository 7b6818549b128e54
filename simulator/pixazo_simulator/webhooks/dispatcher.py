"""Sends webhooks when they are due, and advances clocks: the only part of the simulator that waits for time to pass."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from weakref import WeakKeyDictionary, WeakValueDictionary

from pixazo_simulator import world as state
from pixazo_simulator.script import Drop, Fault, fault_of, kind_of
from pixazo_simulator.spec import LAST_INSTANT, SECOND, timestamp
from pixazo_simulator.world import Attempt, Delivery, StateUnavailableError, Transition, World, Worlds

from .compose import composed, injected
from .egress import Outcome, receiver
from .sender import WebhookRequest

FLOOD = 65
"""Deliveries of one instant from which on they are attempted together, unless the world has rules about webhooks.

Fewer, and those to a receiver that gets fewer of a flood, are attempted one after another, so a test sees the same in every run. Any
other receiver gets up to MOST_AT_ONCE at once, begun in order, and waits for no other. Attempts are recorded in the order of deliveries.
"""
MOST_TOGETHER = 64
"""Attempts in progress for one world; the others wait, and their time-outs have not begun."""
MOST_AT_ONCE = 5
"""Attempts in progress to one receiver of one world: as many as fit into the shortest common backlog, of Python's http.server.

The receiver may still accept an attempt that a full backlog dropped when it has been given up: the webhook would arrive twice.
"""
MOST_STARTED = 100
"""Deliveries or transitions of one world that are processed between turns of other tasks."""
MOST_POSTED = 1000
"""Webhooks of one world whose posted content is remembered."""
MOST_ATTEMPTS = 10_000
"""Attempts that one advance makes; it ends at the instant of the last one."""
LONGEST_ADVANCE = 300.0
"""Real seconds after which an advance ends, at the instant that it has reached. A client gives up after twice that time."""

AdvanceEvent = Transition | tuple[Delivery, Attempt]
"""An event of an advance: a generation changed its status, or a webhook delivery was attempted."""

_LOOK_AGAIN = 0.2
"""Real seconds after which a store that could not be used is tried again."""
_GIVEN_UP = "the server stopped during the attempt: it will be retried and may arrive twice"

log = logging.getLogger("pixazo_simulator")


class AdvanceError(Exception):
    """An advance reached a bound and ended early. `events` has its events until then, in order; the message says at which instant."""

    def __init__(self, message: str, events: list[AdvanceEvent]) -> None:
        super().__init__(message)
        self.events = events


class _ReceiverQueue:
    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(MOST_AT_ONCE)
        self.waiting: deque[Delivery] = deque()
        self.workers = 0


class _Progress:
    """What is in progress for one world; `posted` is by number of the delivery: the ordinal of the attempt, and what was posted.

    `advancing` is held by an advance, `slots` by attempts, `tasks` attempt deliveries in the background, `unreported` are attempts of
    `reach`, which the next `advance` reports. `is_halted`: an advance on a manual clock ended early, nothing is sent until the next one.
    """

    def __init__(self, world: World) -> None:
        self.advancing = asyncio.Lock()
        self.slots = asyncio.Semaphore(MOST_TOGETHER)
        self.tasks: set[asyncio.Task[None]] = set()
        self.unreported: deque[tuple[Delivery, Attempt]] = deque(maxlen=world.bounds.deliveries)
        self.is_halted = False
        self.posted: dict[int, tuple[int, WebhookRequest]] = {}


class Dispatcher:
    """Sends what is due in any world, on that world's clock; `edit` replaces each webhook with those that are really sent."""

    def __init__(self, worlds: Worlds, send: Callable[[WebhookRequest], Awaitable[Outcome]]) -> None:
        self._worlds = worlds
        self._send = send
        self.edit: Callable[[World, WebhookRequest], tuple[WebhookRequest, ...]] = lambda _, webhook: (webhook,)
        self.attempts = {"delivered": 0, "refused": 0, "failed": 0}
        """The number of attempts: with a 2xx response, with another response, without a response or not sent."""
        self._woken = asyncio.Event()
        self._to_wake: set[int | None] = set()  # by number, the worlds to look at, None: all
        self._alarms: dict[int, asyncio.TimerHandle] = {}  # by number of the world
        self._loop: asyncio.AbstractEventLoop | None = None  # of `run`, as its thread
        self._thread = threading.get_ident()
        self._progress: WeakKeyDictionary[World, _Progress] = WeakKeyDictionary()
        self._tasks: set[asyncio.Task[None]] = set()  # of all worlds: a loop keeps only weak references to its tasks
        # Only those in use: one that no attempt uses is collected.
        self._queues: WeakValueDictionary[tuple[World, str, int], _ReceiverQueue] = WeakValueDictionary()

    def wake(self, world: World | None = None) -> None:
        """Look for deliveries of a world that are due, None: of any world: there may be a new one. Any thread may call it."""
        self._to_wake.add(world.number if world else None)  # before the event is set: `run` clears that one first
        if self._loop is None or self._thread == threading.get_ident():
            self._woken.set()
        elif not self._woken.is_set():
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Send in the background until cancelled."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self.wake()
        while True:
            await self._woken.wait()
            self._woken.clear()
            for world in self._to_look_at():
                pause = await self._start_due(world)
                if alarm := self._alarms.pop(world.number, None):
                    alarm.cancel()
                if pause is not None:
                    self._alarms[world.number] = self._loop.call_later(pause, self._ring, world.number)

    def _ring(self, number: int) -> None:
        del self._alarms[number]
        self._to_wake.add(number)
        self._woken.set()

    def _to_look_at(self) -> list[World]:
        numbers = set[int | None]()
        while self._to_wake:  # one by one: another thread may add to them
            numbers.add(self._to_wake.pop())
        if None in numbers:
            return [world for world in self._worlds if len(world.outbox)]
        return [world for number in sorted(filter(None, numbers)) if (world := self._worlds.numbered(number))]

    async def close(self) -> None:
        """Cancel what is in progress, as if the process had ended: the deliveries are still due."""
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _progress_of(self, world: World) -> _Progress:
        return self._progress.get(world) or self._progress.setdefault(world, _Progress(world))

    @property
    def _process(self) -> str:
        return self._worlds.log.process if self._worlds.log else ""

    async def _start_due(self, world: World) -> float | None:
        """Start the attempts that are due; return the real seconds until the next look, None to wait until woken."""
        progress, log = self._progress.get(world), self._worlds.log
        if progress and (progress.is_halted or progress.advancing.locked()):
            return None
        if log and (world.turn is not None or not log.dispatches):
            return None
        now = world.clock.now()
        for _ in range(1 if world.script else MOST_STARTED):  # the rules of a script may take long
            if len(world.outbox.taken) >= world.bounds.pending or (due := world.next_due()) is None:
                return None
            if due > now:
                return world.clock.real_seconds_until(due)
            try:
                delivery = await self._worlds.apply(world, state.TakeDelivery(now, self._process))
            except StateUnavailableError:
                return _LOOK_AGAIN
            if delivery:
                self._start(world, delivery)
        return 0.0

    def _start(self, world: World, delivery: Delivery) -> None:
        queue = self._queue(world, delivery)
        queue.waiting.append(delivery)
        if queue.workers < MOST_AT_ONCE:
            queue.workers += 1
            task = asyncio.create_task(self._worlds.in_steps(self._work, world, queue))
            for tasks in (self._tasks, self._progress_of(world).tasks):
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    def _queue(self, world: World, delivery: Delivery) -> _ReceiverQueue:
        place = (world, *receiver(delivery.url)[1:])
        return self._queues.get(place) or self._queues.setdefault(place, _ReceiverQueue())

    async def _work(self, world: World, queue: _ReceiverQueue) -> None:
        """Attempt the waiting deliveries one after another, as long as the world exists."""
        try:
            while queue.waiting and self._worlds.get(world.key) is world:
                await self._attempt(world, queue.waiting.popleft())
                self.wake(world)
        except Exception as error:  # noqa: BLE001 - nobody awaits this task
            log.error("a webhook could not be attempted: %r", error)  # noqa: TRY400 - one line, as for every attempt
        finally:
            queue.workers -= 1
            self.wake(world)

    async def _attempt(self, world: World, delivery: Delivery) -> Attempt:
        try:
            attempt = await self._outcome(world, delivery)
        except asyncio.CancelledError:
            await self._return(world, [delivery.number])
            raise
        await self._record(world, delivery, attempt)
        return attempt

    async def _return(self, world: World, numbers: Iterable[int]) -> None:
        """Put back deliveries whose attempts were given up. Without the store this cannot be recorded: the next process that opens it does it."""
        interrupted = _GIVEN_UP if self._worlds.log else None
        with suppress(StateUnavailableError):
            for number in numbers:
                await self._worlds.apply(world, state.ReturnDelivery(world.clock.now(), number, interrupted))

    async def _apply_when_possible(self, world: World, command: state.Command[None]) -> None:
        while True:
            try:
                return await self._worlds.apply(world, command)
            except StateUnavailableError:
                await asyncio.sleep(_LOOK_AGAIN)

    async def _record(self, world: World, delivery: Delivery, attempt: Attempt) -> None:
        """Record an attempt; what has happened is not lost while the store cannot be used."""
        await self._apply_when_possible(world, state.RecordAttempt(attempt.at, delivery, attempt, self._process))
        if log.isEnabledFor(logging.INFO):
            shown = map(world.redactor.text, (delivery.url, attempt.problem or f"answered {attempt.status}"))
            fields = {"world": world.number, "request_id": delivery.request_id}
            log.info("webhook about %s to %s: %s", delivery.request_id, *shown, extra=fields)

    async def _outcome(self, world: World, delivery: Delivery) -> Attempt:
        """Send a delivery when there is a slot for it; the result is not recorded yet."""
        faults, queue = delivery.faults or (), self._queue(world, delivery)
        try:
            async with queue.slots, self._progress_of(world).slots:
                outcome = await self._deliver(world, delivery, faults)
        except Exception as error:  # noqa: BLE001  # whatever it is, the delivery must not be lost
            log.error("a webhook could not be attempted: %r", error)  # noqa: TRY400 - one line, as for every attempt
            outcome = Outcome(None, f"{type(error).__name__}: {error}")
        at, names = world.clock.now(), tuple(map(kind_of, faults))
        attempt = Attempt(at, outcome.status, outcome.problem, outcome.final, delivery.rule, names, late=outcome.late)
        self.attempts["failed" if attempt.status is None else "delivered" if attempt.succeeded else "refused"] += 1
        return attempt

    async def _deliver(self, world: World, delivery: Delivery, faults: tuple[Fault, ...]) -> Outcome:
        if fault_of(faults, Drop):
            return Outcome(None, "dropped by the script", final=True)
        outcome, posted = Outcome(None, "held back by a mutant", final=True), self._progress_of(world).posted
        for each in self.edit(world, composed(world, delivery, faults, world.clock.now())):
            webhook = injected(each, faults, delivery.seed)
            posted.pop(delivery.number, None)
            posted[delivery.number] = len(delivery.attempts) + 1, webhook
            if len(posted) > MOST_POSTED:
                del posted[next(iter(posted))]
            outcome = await self._send(webhook)
        return outcome

    def posted(self, world: World, delivery: Delivery) -> WebhookRequest | None:
        """What was posted at the latest attempt of a delivery, as long as it is remembered; None also where another process has made it."""
        ordinal, webhook = self._progress_of(world).posted.get(delivery.number, (0, None))
        return webhook if ordinal == len(delivery.attempts) else None

    async def resend(self, world: World, number: int) -> tuple[Delivery, Attempt]:
        """Send a delivery once more, now, without rules; return the copy and its attempt.

        Raises KeyError when the world has no delivery of this number, or is attempting it, ValueError when the time of its event is not known.
        """
        copy = await self._worlds.apply(world, state.CopyDelivery(world.clock.now(), number))
        try:
            return copy, await self._attempt(world, copy)
        finally:
            self.wake(world)  # the one that a rule held back goes after it

    def advance_at_once(self, world: World, milliseconds: int) -> list[AdvanceEvent] | None:
        """Advance a world's clock when that needs no waiting. Any thread may call it.

        None, and nothing changes, when a delivery is due or in progress, or when others would wait for so many transitions.
        """
        with self._worlds.lock:
            due, progress = world.next_due(), self._progress.get(world)
            is_busy = progress and (progress.advancing.locked() or progress.tasks or progress.unreported)
            if self._worlds.log or is_busy:
                return None
            events = world.apply(state.AdvanceIdly(world.clock.now(), milliseconds, MOST_STARTED))
        if due is not None and events is not None:
            self.wake(world)
        return None if events is None else [*events]

    def is_advancing(self, world: World) -> bool:
        """Whether a world's clock is just being advanced by what may wait for a receiver. Any thread may ask."""
        progress = self._progress.get(world)
        return progress is not None and progress.advancing.locked()

    async def advance(self, world: World, milliseconds: int) -> list[AdvanceEvent]:
        """Advance a world's clock, stopping at every instant at which a delivery is due; return the events, in order.

        Raises AdvanceError when the attempts are too many for one advance, or take too long: the others stay pending for another advance.
        """
        progress = self._progress_of(world)
        if self._worlds.log and not (progress.advancing.locked() or progress.tasks or progress.unreported):
            # One command, where there would be five.
            idle = await self._worlds.apply(world, state.AdvanceIdly(world.clock.now(), milliseconds, MOST_STARTED))
            if idle is not None:
                return [*idle]
        try:
            async with progress.advancing, self._turn(world):
                target = min(world.clock.now() + milliseconds, LAST_INSTANT)  # several advances may overlap
                attempts, stopped = await self._attempt_until(world, target)
                attempts += progress.unreported
                progress.unreported.clear()
                until, events = world.clock.now() if stopped else target, list[AdvanceEvent]()
                while transitions := await self._worlds.apply(world, state.TakeTransitions(until, MOST_STARTED)):
                    events += transitions
                    await asyncio.sleep(0)  # serves other requests
        finally:
            self.wake(world)
        events = sorted([*events, *attempts], key=lambda each: each.at if isinstance(each, Transition) else each[1].at)
        if stopped:
            raise AdvanceError(stopped, events)
        return events

    @asynccontextmanager
    async def _turn(self, world: World) -> AsyncGenerator[None]:
        """Before the `with` block begins, keep other processes from attempting deliveries of a world, and let attempts in progress end."""
        if self._worlds.log is None or not self._worlds.log.is_shared:
            yield
            return
        changed = asyncio.Event()
        try:
            # The turn of another process, or a delivery that it has taken, ends with a notification.
            with world.notifier.listening(changed.set):
                async with asyncio.timeout(LONGEST_ADVANCE):
                    while not await self._has_turn(world):
                        await changed.wait()
                        changed.clear()
        except TimeoutError:
            problem = f"another process has advanced this world for {LONGEST_ADVANCE:g} s"
            raise StateUnavailableError(problem) from None
        try:
            yield
        finally:
            end = state.EndTurn(world.clock.now(), self._process)
            ending = asyncio.create_task(self._worlds.in_steps(self._apply_when_possible, world, end))
            self._tasks.add(ending)
            ending.add_done_callback(self._tasks.discard)

    async def _has_turn(self, world: World) -> bool:
        """Take the turn if it is free; whether no other process attempts a delivery."""
        has_it = await self._worlds.apply(world, state.TakeTurn(world.clock.now(), self._process))
        return has_it and world.outbox.taken_by(None) == world.outbox.taken_by(self._process)

    async def reach(self, world: World, instant: int) -> None:
        """Return when a world's clock reads `instant` and what was due by then has been attempted.

        A manual clock is advanced, and the next `advance` reports the events; any other clock is waited for.
        """
        pause, progress = world.clock.real_seconds_until(instant), self._progress_of(world)
        await asyncio.sleep(pause or 0)
        try:
            async with progress.advancing, self._turn(world):
                attempts, stopped = await self._attempt_until(world, instant)
        finally:
            self.wake(world)
        if stopped:
            log.warning("%s", stopped)
        if pause is None:
            progress.unreported.extend(attempts)

    async def _attempt_until(self, world: World, target: int) -> tuple[list[tuple[Delivery, Attempt]], str | None]:
        """Attempt what is due by `target`, each at its instant, while the world exists; also why this ended before `target`."""
        progress, loop = self._progress_of(world), asyncio.get_running_loop()
        progress.is_halted = False
        end = loop.time() + LONGEST_ADVANCE
        attempts: list[tuple[Delivery, Attempt]] = []
        if progress.tasks:
            _, busy = await asyncio.wait(progress.tasks, timeout=LONGEST_ADVANCE)
            if busy:
                return attempts, self._halt(world, target, len(attempts))
        while self._worlds.get(world.key) is world and (due := world.next_due()) is not None and due <= target:
            if len(attempts) >= MOST_ATTEMPTS or (attempts and loop.time() >= end):
                return attempts, self._halt(world, target, len(attempts))
            await self._worlds.apply(world, state.AdvanceClock(due))
            if world.outbox.are_due(FLOOD, due) and not world.script.is_about("webhook"):
                attempts += await self._attempt_flood(world, due, MOST_ATTEMPTS - len(attempts), end)
            elif delivery := await self._worlds.apply(world, state.TakeDelivery(due, self._process)):
                attempts.append((delivery, await self._attempt(world, delivery)))
            await asyncio.sleep(0)  # an attempt that sends nothing has not let others run
        await self._worlds.apply(world, state.AdvanceClock(target))
        return attempts, None

    async def _attempt_flood(self, world: World, due: int, most: int, end: float) -> list[tuple[Delivery, Attempt]]:
        """Attempt up to `most` deliveries of an instant as FLOOD says; return the attempts in the order of their deliveries.

        What was not begun by `end` (time of the loop) is still due. When this is cancelled, every completed attempt has been recorded.
        """
        loop, attempts = asyncio.get_running_loop(), list[tuple[Delivery, Attempt]]()
        taken, made = dict[int, Delivery](), dict[int, Attempt]()  # by number: what is not recorded yet
        turns: deque[deque[Delivery]] = deque()

        async def record(number: int, attempt: Attempt) -> None:
            await self._record(world, taken[number], attempt)
            attempts.append((taken.pop(number), attempt))

        async def work() -> None:
            while turns and self._worlds.get(world.key) is world and (not attempts or loop.time() < end):
                if queue := turns.popleft():
                    delivery = queue.popleft()
                    made[delivery.number] = await self._outcome(world, delivery)
                    turns.append(queue)
                    while taken and (attempt := made.pop(first := next(iter(taken)), None)):
                        await record(first, attempt)
                await asyncio.sleep(0)  # an attempt that sends nothing has not let others run

        try:
            take = state.TakeDelivery(due, self._process)
            while len(taken) < most and (delivery := await self._worlds.apply(world, take)):
                taken[delivery.number] = delivery
                if not len(taken) % MOST_STARTED:
                    await asyncio.sleep(0)  # serves other requests
            turns += _turns(taken.values())
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(min(MOST_TOGETHER, len(turns))):
                        workers.create_task(self._worlds.in_steps(work))
            finally:
                for number in [each for each in taken if each in made]:
                    await record(number, made[number])
        finally:
            await self._return(world, taken)
        return attempts

    def _halt(self, world: World, target: int, attempts: int) -> str:
        """Report that an advance ends early; on a manual clock nothing is sent until the next one."""
        self._progress_of(world).is_halted = not world.clock.rate
        now = world.clock.now()
        bound = f"after {LONGEST_ADVANCE:g} s of real time"
        if attempts >= MOST_ATTEMPTS:
            bound = "the most for one advance"
        return (
            f"the advance ended at {timestamp(now)}, {max(0, target - now) / SECOND:.15g} s early, with {attempts} webhooks"
            f" attempted, {bound}; the rest are pending: advance again to continue"
        )


def _turns(deliveries: Iterable[Delivery]) -> Iterator[deque[Delivery]]:
    queues: dict[tuple[str, int], deque[Delivery]] = {}
    for delivery in deliveries:
        queues.setdefault(receiver(delivery.url)[1:], deque()).append(delivery)
    return (each for each in queues.values() for _ in range(MOST_AT_ONCE if len(each) >= FLOOD else 1))
