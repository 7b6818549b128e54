"""Delivers callbacks when they are due; the only thing that ever waits."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from weakref import WeakKeyDictionary

from .clock import LAST_INSTANT, Clock
from .damage import content_type, edited, garbled
from .delivery import Attempt, Delivery, Form
from .faults import DeadReceiver, Drop, Fault, kind_of
from .post import Outcome, Parcel
from .signature import secret, signed_headers
from .world import Transition, World
from .worlds import Worlds

__all__ = ["Courier", "FallenDue"]

TIMEOUT = 15.0
"""Seconds of the world's clock that a receiver has to answer (policy `webhook_retries`)."""
CHALLENGE_TIMEOUT = 3.0
"""Seconds that a receiver has to echo a challenge (policy `callback_url`)."""
LEAST_TIMEOUT = 1.0
"""Real seconds that a receiver has at least, however fast the clock runs."""
MANUAL_TIMEOUT = 5.0
"""Real seconds that a receiver has when the clock stands still."""

FallenDue = Transition | tuple[Delivery, Attempt]
"""What happened while the clock was advanced: a generation changed its status, or a callback was attempted."""

log = logging.getLogger("pixazo_simulator")


class Courier:
    """Posts what falls due in any world, on that world's clock; `edit` makes of each parcel those that are really posted."""

    def __init__(self, worlds: Worlds, post: Callable[[Parcel], Awaitable[Outcome]]) -> None:
        self._worlds = worlds
        self._post = post
        self.edit: Callable[[World, Parcel], tuple[Parcel, ...]] = _unedited
        self._woken = asyncio.Event()
        self._under_way: dict[World, set[asyncio.Task[Attempt]]] = {}
        self._advancing: WeakKeyDictionary[World, asyncio.Lock] = WeakKeyDictionary()
        self._untold: WeakKeyDictionary[World, deque[tuple[Delivery, Attempt]]] = WeakKeyDictionary()

    def wake(self) -> None:
        """Look again: something new may be due."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver in the background until cancelled."""
        while True:
            self._woken.clear()
            pause = self._start_due()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)

    async def close(self) -> None:
        """Give up what is under way; it is as if the process had ended."""
        tasks = [task for started in self._under_way.values() for task in started]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start_due(self) -> float | None:
        """Start every attempt that is due and tell how many real seconds to sleep; None is until woken."""
        pauses: list[float] = []
        for world in self._worlds:
            if (lock := self._advancing.get(world)) and lock.locked():
                continue
            while delivery := world.take_due(world.clock.now()):
                self._start(world, delivery)
            due = world.next_due()
            pause = None if due is None else world.clock.real_seconds_until(due)
            if pause is not None:
                pauses.append(pause)
        return min(pauses, default=None)

    def _start(self, world: World, delivery: Delivery) -> None:
        task = asyncio.create_task(self._attempt(world, delivery))
        self._under_way.setdefault(world, set()).add(task)
        task.add_done_callback(lambda done: self._ended(world, done))

    def _ended(self, world: World, task: asyncio.Task[Attempt]) -> None:
        tasks = self._under_way[world]
        tasks.discard(task)
        if not tasks:
            del self._under_way[world]
        if not task.cancelled() and (error := task.exception()):
            log.error("a callback could not be attempted: %r", error)
        self.wake()

    async def _attempt(self, world: World, delivery: Delivery) -> Attempt:
        rule, faults = delivery.rule, delivery.faults or ()
        try:
            outcome = await self._deliver(world, delivery, faults)
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
        """Advance a world's clock when nothing has to be waited for; None, and nothing is changed, when a callback has."""
        target, due, lock = _after(world, milliseconds), world.next_due(), self._advancing.get(world)
        if (lock and lock.locked()) or world in self._under_way or (due is not None and due <= target):
            return None
        world.clock.advance_to(target)
        if due is not None:
            self.wake()
        return [*world.transitions(target)]

    async def advance(self, world: World, milliseconds: int) -> list[FallenDue]:
        """Advance a world's clock, stopping at every instant at which a callback is due; return what fell due, in order."""
        lock = self._advancing.setdefault(world, asyncio.Lock())
        try:
            async with lock:
                return await self._advance(world, _after(world, milliseconds))
        finally:
            self.wake()

    async def reach(self, world: World, instant: int) -> None:
        """Return when a world's clock reads `instant` and what was due by then has been attempted.

        A clock that stands still is advanced, any other is waited for; the next `advance` tells what fell due.
        """
        pause = world.clock.real_seconds_until(instant)
        await asyncio.sleep(pause or 0)
        async with self._advancing.setdefault(world, asyncio.Lock()):
            attempts = await self._attempt_until(world, instant)
        if pause is None:
            self._untold.setdefault(world, deque(maxlen=world.bounds.deliveries)).extend(attempts)
        self.wake()

    async def _advance(self, world: World, target: int) -> list[FallenDue]:
        attempts = [*await self._attempt_until(world, target), *self._untold.pop(world, ())]
        fallen: list[FallenDue] = [*world.transitions(target), *attempts]
        return sorted(fallen, key=_instant)

    async def _attempt_until(self, world: World, target: int) -> list[tuple[Delivery, Attempt]]:
        """Attempt what is due by `target`, each callback when the clock reads its instant."""
        await asyncio.gather(*self._under_way.get(world, ()))
        attempts: list[tuple[Delivery, Attempt]] = []
        while (due := world.next_due()) is not None and due <= target:
            world.clock.advance_to(due)
            delivery = world.take_due(due)
            if delivery:
                attempts.append((delivery, await self._attempt(world, delivery)))
        world.clock.advance_to(target)
        return attempts


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
    return max(LEAST_TIMEOUT, seconds / clock.rate) if clock.rate else min(seconds, MANUAL_TIMEOUT)
