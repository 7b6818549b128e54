"""What an app said to the gateway in one test, and what it was told, read from a record."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import cast

import msgspec

from pixazo_simulator.control import Delivery, Exchange, Generation
from pixazo_simulator.script import SUBMITS
from pixazo_simulator.spec import TERMINAL
from pytest_pixazo.world import Record

_UNANSWERED = frozenset({"reply_lost", "empty_reply", "connection_reset", "hang"})
_UNREAD = _UNANSWERED | {"truncated_body", "garbled_body"}
"""Faults after which the caller has no answer at all, and those after which it has none that it can read."""
SERVER_ERROR = 500


class Call(Exchange, frozen=True):
    """One exchange, as its caller lived through it."""

    @property
    def second(self) -> float:
        """When it was, in seconds of the world's clock."""
        return self.at.timestamp()

    @property
    def is_answered(self) -> bool:
        """Whether its caller got the head of an answer at least."""
        return _UNANSWERED.isdisjoint(self.faults)

    @property
    def is_lost(self) -> bool:
        """Whether its caller cannot know what became of it: no answer, none that can be read, or a server error."""
        return not _UNREAD.isdisjoint(self.faults) or self.status >= SERVER_ERROR

    @property
    def is_committed(self) -> bool:
        """Whether it is a submit that was accepted, and charged, whatever its caller heard of it."""
        return self.operation in SUBMITS and self.request_id is not None

    @property
    def word(self) -> str | None:
        """The status that its caller read in the answer, such as QUEUED, if any."""
        if self.is_lost or not _is_good(self.status) or not isinstance(self.response.body, dict):
            return None
        word = cast("dict[str, object]", self.response.body).get("status")
        return word if isinstance(word, str) else None

    @property
    def has_ended(self) -> bool:
        """Whether its caller was told a terminal state."""
        return self.word in TERMINAL

    @property
    def retry_after(self) -> float:
        """Seconds that the answer asked to wait; 0 when it did not ask, or in no form that RFC 9110 knows."""
        value = self.response.headers.get("retry-after", "") if self.is_answered else ""
        if re.fullmatch(r"[0-9]{1,9}", value):
            return float(value)
        try:
            until = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return 0.0
        return max(0.0, until.replace(tzinfo=until.tzinfo or UTC).timestamp() - self.second)

    def is_like(self, other: Call) -> bool:
        """Whether it is the same request again, unchanged."""
        return (self.method, self.target) == (other.method, other.target) and (
            (self.request.length, self.request.body) == (other.request.length, other.request.body)
        )


@dataclass(frozen=True, slots=True)
class Callback:
    """One attempt to call back about a generation: `word` is the status it told, `code` what the receiver answered, or None."""

    second: float
    request_id: str
    attempt: int
    word: str | None
    code: int | None

    @property
    def was_heard(self) -> bool:
        """Whether the receiver got it, whatever it answered."""
        return self.code is not None

    @property
    def was_taken(self) -> bool:
        """Whether the receiver answered 2xx."""
        return self.code is not None and _is_good(self.code)

    @property
    def has_ended(self) -> bool:
        """Whether it told a terminal state."""
        return self.word in TERMINAL


@dataclass(frozen=True, slots=True)
class Scene:
    """What one test shows of an app: its calls in order, the callbacks by instant, and the generations that ended.

    `followed` are the generations that the app looked at, or about which it wanted to be called back.
    """

    calls: tuple[Call, ...]
    callbacks: tuple[Callback, ...]
    ended: tuple[str, ...]
    followed: frozenset[str]

    @classmethod
    def of(cls, record: Record) -> Scene:
        """The scene that a record tells of."""
        generations = {each.request_id: each for each in record.generations}
        deliveries = record.deliveries
        attempts = [each for delivery in deliveries for each in _attempts(delivery, generations)]
        calls = read_calls(record.exchanges)
        read = {call.request_id for call in calls if call.operation == "status" and call.request_id}
        return cls(
            calls=calls,
            callbacks=tuple(sorted(attempts, key=lambda each: (each.second, each.request_id, each.attempt))),
            ended=tuple(name for name, each in generations.items() if each.is_terminal),
            followed=frozenset(read | {delivery.request_id for delivery in deliveries}),
        )

    def reads(self) -> dict[str, list[Call]]:
        """The status reads of each generation that told a status, in order: one that failed is no look."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            if call.operation == "status" and call.request_id and call.word:
                found[call.request_id].append(call)
        return found

    def submits(self) -> list[Call]:
        """The submits that were accepted, whether their callers heard of it or not."""
        return [call for call in self.calls if call.is_committed]

    def heard(self, request_id: str) -> list[Callback]:
        """The callbacks about a generation that reached the app."""
        return [each for each in self.callbacks if each.request_id == request_id and each.was_heard]


def read_calls(exchanges: Sequence[Exchange]) -> tuple[Call, ...]:
    """The exchanges of a record, or of its unmatched requests, in their order."""
    return msgspec.convert(exchanges, tuple[Call, ...], from_attributes=True)


def _is_good(code: int) -> bool:
    return 200 <= code < 300


def _attempts(delivery: Delivery, generations: Mapping[str, Generation]) -> Iterator[Callback]:
    if delivery.form == "challenge":
        return
    word = _told(delivery, generations.get(delivery.request_id))
    for number, attempt in enumerate(delivery.attempts, 1):
        yield Callback(attempt.at.timestamp(), delivery.request_id, number, word, attempt.status)


def _told(delivery: Delivery, generation: Generation | None) -> str | None:
    """What a callback says: how the generation ended, unless it is about an instant before that."""
    if generation is None or not generation.is_terminal:
        return None
    return generation.status if delivery.due_at >= generation.since else "PROCESSING"
