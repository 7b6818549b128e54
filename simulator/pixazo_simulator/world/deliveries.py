"""The webhook deliveries of one world: when each is due, which are pending, which are done."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Mapping
from enum import StrEnum
from itertools import chain

import msgspec
from msgspec.structs import replace

from pixazo_simulator.script import AnyFault, Fault
from pixazo_simulator.spec import SECOND, is_success

from .part import Part

__all__ = ["Attempt", "Delivery", "Form", "next_attempt"]

PROGRESS_INTERVAL = 15 * SECOND
"""Milliseconds between two progress webhooks of a running generation in mode `sync` (policy `webhook_events`)."""
_MOST_VOID = 64
"""Void entries of an agenda; it may have more when there are as many valid ones."""


class Form(StrEnum):
    """What is posted: the status body, or MiniMax's own challenge and report (policy `callback_url`)."""

    STATUS = "status"
    CHALLENGE = "challenge"
    UPSTREAM = "upstream"


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One attempt `at` an instant (UTC milliseconds): the HTTP status of the receiver's response or None, and what went wrong or None.

    `final`: no further attempt can succeed, as when the host is not allowed. `rule` and `faults` name what a script did to it. `late`: no
    response came in time (policy `webhook_timeout`). `interrupted`: its process has ended, its result is unknown, another one repeats it.
    """

    at: int
    status: int | None
    problem: str | None = None
    final: bool = False
    rule: str | None = None
    faults: tuple[str, ...] = ()
    interrupted: bool = False
    late: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the receiver accepted it: any 2xx."""
        return is_success(self.status)


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A webhook about `request_id` as it was at `event` (UTC milliseconds), to be posted to `url`.

    `channel` is the header or member by which the caller asked for it; `progress`: the generation was still running. `copy_of` is the
    number of the delivery that it repeats, once. `rule`, `faults` (None: no rule was tried) and their `seed` apply to the next attempt.
    """

    number: int
    request_id: str
    url: str
    channel: str
    event: int
    form: Form = Form.STATUS
    progress: bool = False
    attempts: tuple[Attempt, ...] = ()
    copy_of: int | None = None
    rule: str | None = None
    faults: tuple[AnyFault, ...] | None = None
    seed: int = 0

    @property
    def original(self) -> int:
        """The number of the delivery that this one is or repeats."""
        return self.number if self.copy_of is None else self.copy_of

    def as_of(self, at: int) -> Delivery:
        """The delivery with only the attempts that had been made by an instant; no rule had been tried on the next one."""
        made = tuple(each for each in self.attempts if each.at <= at)
        return self if len(made) == len(self.attempts) else replace(self, attempts=made, rule=None, faults=None)


def next_attempt(delivery: Delivery, retries: tuple[int, ...]) -> int | None:
    """The instant of the next attempt, None when none is left; a progress webhook is never repeated.

    `retries` are pauses in seconds, each counted from the attempt before (policy `webhook_retries`, WEBHOOK-11).
    """
    made = [each for each in delivery.attempts if not each.interrupted]
    if not made:
        return delivery.event
    if delivery.progress or made[-1].succeeded or made[-1].final or len(made) > len(retries):
        return None
    return made[-1].at + retries[len(made) - 1] * SECOND


def next_progress(started: int, finished: int, after: int) -> int | None:
    """The next instant after `after` at which a running generation is reported in mode `sync`, None when it has ended."""
    event = started if after < started else after + PROGRESS_INTERVAL
    return event if event < finished else None


class Outbox(Part):
    """Deliveries by due instant and number; one that was taken stays pending until it is put back. The latest finished are kept."""

    _most_finished: int = 10_000
    # Heap of instants and numbers. An entry is void when `_due` says otherwise: finding and removing it would be slow.
    _agenda: list[tuple[int, int]] = []
    _due: dict[int, int] = {}
    _pending: dict[int, Delivery] = {}
    _numbers: dict[str, tuple[int, ...]] = {}  # pending deliveries, by request id
    _taken: dict[int, str] = {}
    _held: int | None = None
    finished: OrderedDict[int, Delivery] = msgspec.field(default_factory=OrderedDict[int, Delivery])
    latest: int = 0
    """The number of the latest delivery."""

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def taken(self) -> Mapping[int, str]:
        """Which process has taken which deliveries, by number, and has not put them back."""
        return self._taken

    def number(self) -> int:
        self.latest += 1
        return self.latest

    def put(self, delivery: Delivery, due: int | None) -> None:
        """Make a delivery due at an instant; None: it is finished."""
        number = delivery.number
        self._taken.pop(number, None)
        if due is None:
            self._forget(number)
            self.finished[number] = delivery
            if len(self.finished) > self._most_finished:
                self.finished.popitem(last=False)
            return
        if number not in self._pending:
            self._numbers[delivery.request_id] = (*self._numbers.get(delivery.request_id, ()), number)
        self._pending[number] = delivery
        self._due[number] = due
        heapq.heappush(self._agenda, (due, number))

    def next_due(self) -> int | None:
        return self._agenda[0][0] if self._agenda else None

    def due(self, number: int) -> int | None:
        """The instant of the next attempt of a delivery, None when there is none, or when an attempt is in progress."""
        return self._due.get(number)

    def are_due(self, count: int, until: int) -> bool:
        """Whether at least `count` deliveries are due by `until`."""
        found, places = set[int](), [0]
        while places and len(found) < count:
            place = places.pop()
            if place < len(self._agenda) and self._agenda[place][0] <= until:
                due, number = self._agenda[place]
                if self._due.get(number) == due:
                    found.add(number)
                places += 2 * place + 1, 2 * place + 2
        return len(found) >= count

    def take(self, until: int, by: str = "") -> tuple[int, Delivery] | None:
        """The first delivery due by `until` and the instant at which it was due; the process that takes it puts it back."""
        if not self._agenda or self._agenda[0][0] > until:
            return None
        due, number = self._agenda[0]
        self._unschedule(number)
        self._taken[number] = by
        return due, self._pending[number]

    def taken_by(self, process: str | None) -> list[int]:
        """The deliveries that a process has taken, None: that any process has."""
        return [number for number, by in self._taken.items() if process in (None, by)]

    def give_back(self, number: int, due: int, interrupted: str | None = None) -> None:
        """Make a delivery that was taken due again, perhaps after an interrupted attempt; a copy, which is never taken, stays."""
        if number in self._taken:
            taken = self._pending[number]
            if interrupted is not None:
                attempt = Attempt(due, None, interrupted, interrupted=True, rule=taken.rule)
                taken = replace(taken, attempts=(*taken.attempts, attempt))
            self.put(taken, due)

    def hold(self, delivery: Delivery, until: int) -> bool:
        """Let the next delivery go before this one, which is due by `until` at the latest; False when one is held already."""
        if self._held is not None:
            return False
        self._held = delivery.number
        self.put(delivery, until)
        return True

    def release(self, now: int) -> None:
        """Another delivery has gone: the one that was held is due now."""
        held, self._held = self._held, None
        if held is not None:
            self.move(self._pending[held], now)

    def move(self, delivery: Delivery, due: int) -> None:
        """Make a pending delivery, replacing its former value, due at another instant."""
        self._unschedule(delivery.number)
        self.put(delivery, due)

    def drop(self, number: int) -> None:
        """Forget a pending delivery, as if it had never been entered."""
        self._unschedule(number)
        self._forget(number)

    def _unschedule(self, number: int) -> None:
        """Make the entry of a delivery void, which is then not held; void entries are never first, nor the majority."""
        del self._due[number]
        if number == self._held:
            self._held = None
        if len(self._agenda) > 2 * len(self._due) + _MOST_VOID:
            self._agenda = [(due, each) for each, due in self._due.items()]
            heapq.heapify(self._agenda)
        while self._agenda and self._due.get(self._agenda[0][1]) != self._agenda[0][0]:
            heapq.heappop(self._agenda)

    def _forget(self, number: int) -> None:
        if delivery := self._pending.pop(number, None):
            others = tuple(each for each in self._numbers.pop(delivery.request_id) if each != number)
            if others:
                self._numbers[delivery.request_id] = others

    def update(self, delivery: Delivery) -> Delivery:
        """Keep this value of a delivery that was taken."""
        self._pending[delivery.number] = delivery
        return delivery

    def pending(self, request_id: str) -> list[Delivery]:
        """What is still to be delivered about a generation, except what was taken."""
        return [self._pending[number] for number in self._numbers.get(request_id, ()) if number in self._due]

    def find(self, number: int) -> Delivery | None:
        """The delivery of this number, as long as it is kept."""
        return self._pending.get(number) or self.finished.get(number)

    def deliveries(self, after: int = 0) -> list[Delivery]:
        """Finished and pending deliveries with numbers greater than `after`, oldest first, including those that were never attempted."""
        kept = (each for each in chain(self.finished.values(), self._pending.values()) if each.number > after)
        return sorted(kept, key=lambda delivery: delivery.number)

    def copied(self, delivery: Delivery, rule: str | None, faults: tuple[Fault, ...]) -> Delivery:
        """A copy of a delivery as it first was, under a number of its own."""
        first, copy_of = replace(delivery, attempts=()), delivery.original
        return replace(first, number=self.number(), copy_of=copy_of, rule=rule, faults=faults)
