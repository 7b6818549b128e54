"""Delivers callbacks when they are due; the only thing that ever waits."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from pixazo_simulator.script import DeadReceiver, Drop, Fault, content_type, edited, garbled, kind_of
from pixazo_simulator.spec import LAST_INSTANT, SECOND, timestamp
from pixazo_simulator.world import Attempt, Clock, Delivery, Form, Transition, World, Worlds

from .egress import receiver
from .sender import Outcome, Parcel
from .signature import secret, signed_headers

TIMEOUT = 15.0
"""Seconds of the world's clock that a receiver has to answer (policy `webhook_retries`)."""
CHALLENGE_TIMEOUT = 3.0
"""Seconds that a receiver has to echo a challenge (policy `callback_url`)."""
LEAST_TIMEOUT = 5.0
"""Real seconds that a receiver has at least (or what it has on a real clock, when that is less), however fast the clock runs.

Also those that it has when the clock stands still. A receiver that works is not given up because its machine is busy: a
connection that its full backlog turned away is tried again by the system after 1 s and after 3 s.
"""
MOST_AT_ONCE = 5
"""Attempts under way to one receiver of one world; the others wait, and the time-out of none of them runs.

Not more than the shortest usual backlog holds (5, of Python's http.server). What a full backlog turned away is given up after a
while, and yet reaches a receiver that comes to it later: then it arrives twice.
"""
MOST_STARTED = 100
"""Callbacks or transitions of one world that are dealt with before the loop serves others."""
MOST_ATTEMPTS = 10_000
"""Callbacks that one advance attempts; it ends at the instant of the last one."""
LONGEST_ADVANCE = 300.0
"""Real seconds after which an advance ends, at the instant that it has reached. A client gives up after twice that time."""

FallenDue = Transition | tuple[Delivery, Attempt]
"""What happened while the clock was advanced: a generation changed its status, or a callback was attempted."""

log = logging.getLogger("pixazo_simulator")


class AdvanceError(Exception):
    """An advance met a bound and ended early. `fallen` is what fell due until then, in order; the message says at which instant."""

    def __init__(self, message: str, fallen: list[FallenDue]) -> None:
        super().__init__(message)
        self.fallen = fallen


class _Lane:
    """The attempts to reach one receiver of one world."""

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(MOST_AT_ONCE)
        self.waiting: deque[Delivery] = deque()
        self.workers = 0


class Courier:
    """Posts what falls due in any world, on that world's clock; `edit` makes of each parcel those that are really posted."""

    def __init__(self, worlds: Worlds, post: Callable[[Parcel], Awaitable[Outcome]]) -> None:
        self._worlds = worlds
        self._post = post
        self.edit: Callable[[World, Parcel], tuple[Parcel, ...]] = _unedited
        self._woken = asyncio.Event()
        self._under_way: dict[World, set[asyncio.Task[None]]] = {}
        self._lanes: WeakValueDictionary[tuple[World, str, int], _Lane] = WeakValueDictionary()  # those in use
        self._advancing: WeakKeyDictionary[World, asyncio.Lock] = WeakKeyDictionary()
        self._halted: WeakSet[World] = WeakSet()  # by an advance that ended early, until the next one
        self._untold: WeakKeyDictionary[World, deque[tuple[Delivery, Attempt]]] = WeakKeyDictionary()

    def wake(self) -> None:
        """Look again: something new may be due."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver in the background until cancelled."""
        while True:
            self._woken.clear()
            pauses = [pause for world in self._worlds if (pause := self._start_due(world)) is not None]
            with suppress(TimeoutError):
                # Not wait_for: that of Python 3.11 loses a cancellation that comes just after the event was set.
                async with asyncio.timeout(min(pauses, default=None)):
                    await self._woken.wait()

    async def close(self) -> None:
        """Give up what is under way; it is as if the process had ended."""
        tasks = [task for started in self._under_way.values() for task in started]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start_due(self, world: World) -> float | None:
        """Start attempts that are due, and tell after how many real seconds to look again; None is when woken."""
        if world in self._halted or ((lock := self._advancing.get(world)) and lock.locked()):
            return None
        now = world.clock.now()
        for _ in range(1 if world.script else MOST_STARTED):  # rules may take long to decide
            if world.is_crowded or (due := world.next_due()) is None:
                return None
            if due > now:
                return world.clock.real_seconds_until(due)
            if delivery := world.take_due(now):
                self._start(world, delivery)
        return 0.0

    def _start(self, world: World, delivery: Delivery) -> None:
        lane = self._lane(world, delivery)
        lane.waiting.append(delivery)
        if lane.workers < MOST_AT_ONCE:
            lane.workers += 1
            task = asyncio.create_task(self._work(world, lane))
            self._under_way.setdefault(world, set()).add(task)
            task.add_done_callback(partial(self._ended, world))

    def _lane(self, world: World, delivery: Delivery) -> _Lane:
        return self._lanes.setdefault((world, *receiver(delivery.url)), _Lane())

    async def _work(self, world: World, lane: _Lane) -> None:
        """Attempt what waits, one after another, as long as the world is there."""
        try:
            while lane.waiting and self._worlds.get(world.key) is world:
                await self._attempt(world, lane.waiting.popleft())
                self.wake()
        finally:
            lane.workers -= 1

    def _ended(self, world: World, task: asyncio.Task[None]) -> None:
        tasks = self._under_way[world]
        tasks.discard(task)
        if not tasks:
            del self._under_way[world]
        if not task.cancelled() and (error := task.exception()):
            log.error("a callback could not be attempted: %r", error)
        self.wake()

    async def _attempt(self, world: World, delivery: Delivery) -> Attempt:
        rule, faults, lane = delivery.rule, delivery.faults or (), self._lane(world, delivery)
        try:
            async with lane.slots:
                outcome = await self._deliver(world, delivery, faults)
        except asyncio.CancelledError:
            world.outbox.give_back(delivery, world.clock.now())
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the callback must not be lost
            log.error("a callback could not be attempted: %r", error)  # noqa: TRY400 - one line, as of every attempt
            outcome = Outcome(None, f"{type(error).__name__}: {error}")
        names = tuple(kind_of(fault) for fault in faults)
        attempt = Attempt(world.clock.now(), outcome.status, outcome.problem, outcome.final, rule, names)
        world.record(delivery, attempt)
        told = attempt.problem or f"answered {attempt.status}"
        log.info(
            "callback about %s to %s: %s",
            delivery.request_id,
            world.redactor.text(delivery.url),
            world.redactor.text(told),
        )
        return attempt

    async def _deliver(self, world: World, delivery: Delivery, faults: tuple[Fault, ...]) -> Outcome:
        if any(isinstance(fault, Drop) for fault in faults):
            return Outcome(None, "dropped, as the script wants", final=True)
        outcome = Outcome(None, "held back by a mutant", final=True)
        for each in self.edit(world, _parcel(world, delivery, faults)):
            outcome = await self._post(_harmed(world, each, faults))
        return outcome

    async def resend(self, world: World, number: int) -> tuple[Delivery, Attempt]:
        """Post a delivery once more, now, and return the copy and what became of it; no rule is asked about it.

        Raises KeyError when the world has no delivery of this number, or when it is just being attempted.
        """
        copy = world.copy(number)
        return copy, await self._attempt(world, copy)

    def advance_at_once(self, world: World, milliseconds: int) -> list[FallenDue] | None:
        """Advance a world's clock when nothing has to be waited for; None, and nothing is changed, when a callback has.

        None, too, when there is so much to tell that others would have to wait.
        """
        target, due, lock = _after(world, milliseconds), world.next_due(), self._advancing.get(world)
        if (lock and lock.locked()) or world in self._under_way or (due is not None and due <= target):
            return None
        if world.coming > MOST_STARTED:
            return None
        world.clock.advance_to(target)
        if due is not None:
            self.wake()
        return [*world.transitions(target)]

    async def advance(self, world: World, milliseconds: int) -> list[FallenDue]:
        """Advance a world's clock, stopping at every instant at which a callback is due; return what fell due, in order.

        Raises AdvanceError when there are more callbacks than one advance attempts, or when they take too long: those that
        are left stay pending, and another advance goes on.
        """
        lock = self._advancing.setdefault(world, asyncio.Lock())
        try:
            async with lock:
                target = _after(world, milliseconds)
                attempts, stopped = await self._attempt_until(world, target)
                attempts += self._untold.pop(world, ())
                fallen = await _transitions(world, world.clock.now() if stopped else target)
        finally:
            self.wake()
        fallen = sorted([*fallen, *attempts], key=_instant)
        if stopped:
            raise AdvanceError(stopped, fallen)
        return fallen

    async def reach(self, world: World, instant: int) -> None:
        """Return when a world's clock reads `instant` and what was due by then has been attempted.

        A clock that stands still is advanced, any other is waited for; the next `advance` tells what fell due.
        """
        pause = world.clock.real_seconds_until(instant)
        await asyncio.sleep(pause or 0)
        async with self._advancing.setdefault(world, asyncio.Lock()):
            attempts, stopped = await self._attempt_until(world, instant)
        if stopped:
            log.warning("%s", stopped)
        if pause is None:
            self._untold.setdefault(world, deque(maxlen=world.bounds.deliveries)).extend(attempts)
        self.wake()

    async def _attempt_until(self, world: World, target: int) -> tuple[list[tuple[Delivery, Attempt]], str | None]:
        """Attempt what is due by `target`, each callback when the clock reads its instant; also why this ended before.

        Of a world that was deleted nothing more is attempted.
        """
        self._halted.discard(world)
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST_ADVANCE
        attempts: list[tuple[Delivery, Attempt]] = []
        if started := self._under_way.get(world):
            _, busy = await asyncio.wait(started, timeout=LONGEST_ADVANCE)
            if busy:
                return attempts, self._halt(world, target, len(attempts))
        while self._worlds.get(world.key) is world and (due := world.next_due()) is not None and due <= target:
            if len(attempts) >= MOST_ATTEMPTS or (attempts and loop.time() >= end):
                return attempts, self._halt(world, target, len(attempts))
            world.clock.advance_to(due)
            if delivery := world.take_due(due):
                attempts.append((delivery, await self._attempt(world, delivery)))
            await asyncio.sleep(0)  # an attempt that posts nothing waits for nothing
        world.clock.advance_to(target)
        return attempts, None

    def _halt(self, world: World, target: int, attempts: int) -> str:
        """Say that an advance ends early; where the clock stands still nothing happens until the next one."""
        if not world.clock.rate:
            self._halted.add(world)
        now = world.clock.now()
        bound = (
            "as many as one advance attempts"
            if attempts >= MOST_ATTEMPTS
            else f"after {LONGEST_ADVANCE:g} s of real time"
        )
        return (
            f"the advance ended at {timestamp(now)}, {max(0, target - now) / SECOND:.15g} s early, with {attempts} callbacks"
            f" attempted, {bound}; the others stay pending: advance again to go on"
        )


async def _transitions(world: World, until: int) -> list[FallenDue]:
    """What happened to the generations, with pauses in which others are served."""
    found: list[FallenDue] = []
    while some := world.transitions(until, MOST_STARTED):
        found += some
        await asyncio.sleep(0)
    return found


def _after(world: World, milliseconds: int) -> int:
    """What a world's clock will read when so much time has passed: others may advance it, too, but never beyond its end."""
    return min(world.clock.now() + milliseconds, LAST_INSTANT)


def _unedited(_: World, parcel: Parcel) -> tuple[Parcel, ...]:
    return (parcel,)


def _instant(fallen: FallenDue) -> int:
    return fallen.instant if isinstance(fallen, Transition) else fallen[1].instant


def _parcel(world: World, delivery: Delivery, faults: tuple[Fault, ...]) -> Parcel:
    """What the gateway posts, signed as it says it."""
    body = edited(world.callback(delivery), faults)
    headers = {"content-type": "application/json"}
    if world.policy.webhook_signature == "standard":
        message_id = f"msg_{delivery.request_id}_{delivery.original}"
        headers |= signed_headers(secret(world.seed, world.key), message_id, world.clock.now(), body)
    challenge = delivery.form is Form.CHALLENGE
    return Parcel(
        url=delivery.url,
        body=body,
        headers=headers,
        allowed=world.policy.webhook_allow,
        follow=world.policy.webhook_redirects == "follow",
        timeout=_patience(world.clock, CHALLENGE_TIMEOUT if challenge else TIMEOUT),
        echo=challenge,
    )


def _harmed(world: World, parcel: Parcel, faults: tuple[Fault, ...]) -> Parcel:
    """What becomes of a parcel on its way; what was signed is no longer what arrives."""
    if not faults:
        return parcel
    kind = content_type(faults)
    return replace(
        parcel,
        body=garbled(parcel.body, faults, world.chance),
        headers=parcel.headers | ({"content-type": kind} if kind else {}),
        refused=any(isinstance(fault, DeadReceiver) for fault in faults),
    )


def _patience(clock: Clock, seconds: float) -> float:
    least = min(seconds, LEAST_TIMEOUT)
    return max(least, seconds / clock.rate) if clock.rate else least
