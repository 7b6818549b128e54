"""An app's calls to the gateway in one test, with their responses, read from a record."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import cast

import msgspec

from pixazo_simulator import spec
from pixazo_simulator.control import Delivery, Exchange, Generation
from pixazo_simulator.script import FAULTS, UNANSWERED, UNREADABLE, Fault
from pytest_pixazo.world import Record

_LATE = frozenset(name for name, fault in FAULTS.items() if fault.wait is not Fault.wait)
"""Faults that delay a response."""


class Call(Exchange, frozen=True):
    """One exchange as its caller saw it."""

    @property
    def second(self) -> float:
        return self.at.timestamp()

    @property
    def is_answered(self) -> bool:
        """Whether the caller received at least the head of a response."""
        return UNANSWERED.isdisjoint(self.faults)

    @property
    def is_lost(self) -> bool:
        """Whether the caller cannot know the outcome: no whole response, none that can be read, or a server error."""
        return self.response.cut is not None or not UNREADABLE.isdisjoint(self.faults) or self.status >= 500

    @property
    def is_submit(self) -> bool:
        return spec.covers(spec.SUBMITS, self.operation)

    @property
    def reported(self) -> str | None:
        """The status of the generation that the caller read in the response, such as QUEUED, if any."""
        if self.is_lost or not spec.is_success(self.status) or not isinstance(self.response.body, dict):
            return None
        status = cast("dict[str, object]", self.response.body).get("status")
        return status if isinstance(status, str) else None

    @property
    def has_ended(self) -> bool:
        return self.reported in spec.TERMINAL

    @property
    def retry_after(self) -> float:
        """The seconds that the response asked to wait; 0 when it did not ask, or not in a form of RFC 9110, section 10.2.3.

        Also 0 for a response that a fault has delayed: nobody knows what the caller had sent when it arrived.
        """
        is_prompt = self.is_answered and _LATE.isdisjoint(self.faults)
        value = self.response.headers.get("retry-after", "") if is_prompt else ""
        if re.fullmatch(r"[0-9]{1,9}", value):
            return float(value)
        try:
            until = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return 0.0
        return max(0.0, until.replace(tzinfo=until.tzinfo or UTC).timestamp() - self.second)

    @property
    def sent(self) -> tuple[object, ...]:
        """What makes it the same request as another; one with a hidden part, which may differ, is like no other."""
        body = msgspec.json.encode(self.request.body, order="sorted")
        known = spec.order(self.target, self.webhook_url, body, self.request.length)
        return self.method, known, self.number if spec.HIDDEN in str(known) else None

    @property
    def webhook_url(self) -> str | None:
        return self.request.headers.get(spec.WEBHOOK_URL_HEADER.lower())


@dataclass(frozen=True, slots=True)
class CallbackAttempt:
    """One attempt of a webhook delivery: the status that it reported, and the status code of the receiver, None without a response."""

    second: float
    request_id: str
    number: int
    reported: str | None
    response_status: int | None

    @property
    def was_received(self) -> bool:
        """Whether the receiver got it, whatever it responded."""
        return self.response_status is not None

    @property
    def has_ended(self) -> bool:
        return self.reported in spec.TERMINAL


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one test shows of an app: its calls in order, the callbacks by time, the generations that ended, operations by name.

    `followed` are the generations whose status the app read, or for which it asked for a callback.
    """

    calls: tuple[Call, ...]
    callbacks: tuple[CallbackAttempt, ...]
    ended: tuple[str, ...]
    followed: frozenset[str]
    operations: Mapping[str, spec.Operation]

    @classmethod
    def of(cls, record: Record, models: Iterable[spec.Operation] = ()) -> Traffic:
        generations = {each.request_id: each for each in record.generations}
        deliveries = record.deliveries
        attempts = [
            each for delivery in deliveries for each in _attempts(delivery, generations.get(delivery.request_id))
        ]
        calls = read_calls(record.exchanges)
        read = {call.request_id for call in calls if call.operation == "status" and call.request_id}
        return cls(
            calls=calls,
            callbacks=tuple(sorted(attempts, key=lambda each: (each.second, each.request_id, each.number))),
            ended=tuple(name for name, each in generations.items() if each.is_terminal),
            followed=frozenset(read | {delivery.request_id for delivery in deliveries}),
            operations={**spec.OPERATIONS, **{each.name: each for each in models}},
        )

    def reads(self) -> dict[str, list[Call]]:
        """The status reads of each generation that reported a status, in order: a failed read shows the app nothing."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            if call.operation == "status" and call.request_id and call.reported:
                found[call.request_id].append(call)
        return found

    def submits(self) -> list[Call]:
        """The submissions that were accepted and charged, whether their callers learned of it or not."""
        return [call for call in self.calls if call.is_submit and call.request_id is not None]

    def received(self, request_id: str) -> list[CallbackAttempt]:
        """The callbacks about a generation that reached the app."""
        return [each for each in self.callbacks if each.request_id == request_id and each.was_received]


def read_calls(exchanges: Sequence[Exchange]) -> tuple[Call, ...]:
    """The exchanges of a record, or its unmatched requests, in their order."""
    return tuple(Call(**msgspec.structs.asdict(each)) for each in exchanges)


def _attempts(delivery: Delivery, generation: Generation | None) -> Iterator[CallbackAttempt]:
    if delivery.form == "challenge":
        return
    reported = None
    if generation and generation.is_terminal:  # the end, unless it was due before
        reported = generation.status if delivery.due_at >= generation.since else spec.Status.PROCESSING
    for number, attempt in enumerate(delivery.attempts, 1):
        yield CallbackAttempt(attempt.at.timestamp(), delivery.request_id, number, reported, attempt.status)
