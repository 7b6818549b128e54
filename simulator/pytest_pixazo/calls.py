"""What an app said to the gateway in one test, and what it was told, read from a record."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from pixazo_simulator.faults import SUBMITS
from pixazo_simulator.lifecycle import TERMINAL
from pixazo_simulator.wire import STATUS_PATH, SUBMIT_PATHS

from .record import Record

__all__ = ["Call", "Callback", "Scene", "read_calls"]

_MEDIA = re.compile(r"/v1/([^/?]+)/output\.\w+")
_UNANSWERED = frozenset({"reply_lost", "empty_reply", "connection_reset", "hang"})
_UNREAD = _UNANSWERED | {"truncated_body", "garbled_body"}
"""Faults after which the caller has no answer at all, and those after which it has none that it can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One exchange: `at` in seconds of the world's clock, `operation` generate, imageToVideo, status, media or None.

    `request_id` names the generation concerned, if there is one; `word` is the status that the caller read in the answer, if any;
    `retry_after` is in seconds; `is_scripted` says that a rule of the test answered.
    """

    number: int
    at: float
    method: str
    target: str
    path: str
    operation: str | None
    request_id: str | None
    code: int
    word: str | None
    retry_after: float | None
    faults: frozenset[str]
    is_scripted: bool
    headers: Mapping[str, str]
    body: Any
    length: int

    @property
    def is_answered(self) -> bool:
        """Whether its caller got the head of an answer at least."""
        return not self.faults & _UNANSWERED

    @property
    def is_lost(self) -> bool:
        """Whether its caller cannot know what became of it: no answer, none that can be read, or a server error."""
        return bool(self.faults & _UNREAD) or self.code >= 500

    @property
    def is_committed(self) -> bool:
        """Whether it is a submit that was accepted, and charged, whatever its caller heard of it."""
        return self.operation in SUBMITS and self.request_id is not None

    @property
    def has_ended(self) -> bool:
        """Whether its caller was told a terminal state."""
        return self.word in TERMINAL

    def is_like(self, other: Call) -> bool:
        """Whether it is the same request again, unchanged."""
        return (self.method, self.target, self.body, self.length) == (
            other.method, other.target, other.body, other.length,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One attempt of a callback about a generation: `word` is the status it told, `code` the receiver's answer or None."""

    at: float
    request_id: str
    word: str | None
    code: int | None
    attempt: int

    @property
    def was_taken(self) -> bool:
        """Whether the receiver answered 2xx."""
        return self.code is not None and 200 <= self.code < 300

    @property
    def was_heard(self) -> bool:
        """Whether the receiver got it, whatever it answered."""
        return self.code is not None

    @property
    def has_ended(self) -> bool:
        """Whether it told a terminal state."""
        return self.word in TERMINAL


@dataclass(frozen=True, slots=True)
class Scene:
    """What one test shows of an app: its calls in order, the callbacks by instant, and when each generation ended that did.

    Instants are seconds of the world's clock.
    """

    calls: tuple[Call, ...]
    callbacks: tuple[Callback, ...]
    ends: Mapping[str, float]

    @classmethod
    def of(cls, record: Record) -> Scene:
        """The scene that a record tells of."""
        generations = {each["request_id"]: each for each in record.generations}
        attempts = [each for delivery in record.deliveries for each in _attempts(delivery, generations)]
        return cls(
            calls=read_calls(record.exchanges),
            callbacks=tuple(sorted(attempts, key=lambda each: (each.at, each.request_id, each.attempt))),
            ends={name: _seconds(each["since"]) for name, each in generations.items() if each["status"] in TERMINAL},
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


def read_calls(exchanges: Sequence[Mapping[str, Any]]) -> tuple[Call, ...]:
    """The exchanges of a record, or of its lobby, in their order."""
    return tuple(map(_call, exchanges))


def _seconds(text: str) -> float:
    """An instant of the world's clock, such as `2026-03-31T10:00:15.000Z`, in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def _call(told: Mapping[str, Any]) -> Call:
    request, response = told["request"], told["response"]
    path = str(told["target"]).partition("?")[0]
    faults = frozenset(cast("list[str]", told.get("faults", ())))
    headers = {name.lower(): value for name, value in response.get("headers", {}).items()}
    return Call(
        number=told["number"],
        at=_seconds(told["at"]),
        method=told["method"],
        target=told["target"],
        path=path,
        operation=_operation(told["method"], path),
        request_id=told.get("request_id"),
        code=told["status"],
        word=None if faults & _UNREAD else _word(told["status"], response["body"]),
        retry_after=None if faults & _UNANSWERED else _retry_after(headers, told["at"]),
        faults=faults,
        is_scripted=told.get("rule") is not None,
        headers=request["headers"],
        body=request["body"],
        length=request["length"],
    )


def _operation(method: str, path: str) -> str | None:
    if method == "POST" and path in SUBMIT_PATHS:
        return SUBMIT_PATHS[path].name
    if method == "GET" and path.startswith(STATUS_PATH):
        return "status"
    return "media" if method in ("GET", "HEAD") and _MEDIA.fullmatch(path) else None


def _word(code: int, body: object) -> str | None:
    word = cast("dict[str, object]", body).get("status") if isinstance(body, dict) and 200 <= code < 300 else None
    return word if isinstance(word, str) else None


def _retry_after(headers: Mapping[str, str], now: str) -> float | None:
    """Seconds that an answer asked to wait; None when it did not ask, or in no form that RFC 9110 knows."""
    value = headers.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, until.replace(tzinfo=until.tzinfo or UTC).timestamp() - _seconds(now))


def _attempts(delivery: Mapping[str, Any], generations: Mapping[str, Mapping[str, Any]]) -> Iterator[Callback]:
    if delivery["form"] == "challenge":
        return
    for number, attempt in enumerate(delivery["attempts"], 1):
        yield Callback(
            at=_seconds(attempt["at"]),
            request_id=delivery["request_id"],
            word=_told_word(delivery, generations.get(delivery["request_id"])),
            code=attempt["status"],
            attempt=number,
        )


def _told_word(delivery: Mapping[str, Any], generation: Mapping[str, Any] | None) -> str | None:
    """What a callback says: the state at its event, which is the last one unless the event lies before that."""
    if generation is None or generation["status"] not in TERMINAL:
        return None
    return str(generation["status"]) if delivery["due_at"] >= generation["since"] else "PROCESSING"
