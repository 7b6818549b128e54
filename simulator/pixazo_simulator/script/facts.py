"""What rules can be about, and what their conditions can match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NewType, TypedDict

import msgspec

from pixazo_simulator import spec

from .matchers import Matcher

__all__ = [
    "CALLS", "KNOWN", "LONGEST_TEXT", "Call", "Condition", "Facts", "MediaConditions", "ModelCall",
    "RequestConditions", "StatusConditions", "SubmitCall", "SubmitConditions", "WebhookConditions", "at_download",
    "at_read", "at_submit", "operations",
]  # fmt: skip

ModelCall = NewType("ModelCall", str)
"""The name of an operation of a model file, such as `ModelCall("ltx-video/text-to-video")`: at run time a plain string is enough."""
SubmitCall = Literal["generate", "imageToVideo", "submit"] | ModelCall
Call = SubmitCall | Literal["status", "media", "webhook", "request"]
"""What a rule can be about."""

LONGEST_TEXT = 10_000
"""Code points of a string that rules see: there may be many rules, and each searches and reports it."""
CALLS: Mapping[str, frozenset[str]] = {
    **{name: frozenset({name}) for name in spec.OPERATIONS},
    "submit": spec.SUBMITS,
    **{name: frozenset({name}) for name in ("status", "media", "webhook")},
    "request": spec.SUBMITS | {"status", "media"},
}
"""The operations that each word means: `submit` is any submission, those of model files too; `request` is any request, so all but webhooks."""
_PARAMETERS = frozenset[str]().union(*(each.names for each in spec.HAILUO))
_WEBHOOK_URL = spec.WEBHOOK_URL_HEADER.lower().encode()
_OF_MODEL = spec.regex(r"[\w.-]+(/[\w.-]+)+")

Condition = Matcher | Mapping[str, Any] | Sequence[Any] | str | float | None
"""A matcher, such as `contains("bear")`, the same in JSON (`{"contains": "bear"}`), or the value itself."""


class RequestConditions(TypedDict, total=False):
    """What can be matched in any request; `headers` maps names to conditions."""

    headers: Mapping[str, Condition]
    prompt: Condition


class SubmitConditions(RequestConditions, total=False):
    """What can be matched in a submission: members of its `body`, listed or not, and the number of its `generation`, from 1."""

    generation: Condition
    duration: Condition
    resolution: Condition
    prompt_optimizer: Condition
    fast_pretreatment: Condition
    callback_url: Condition
    aigc_watermark: Condition
    first_frame_image: Condition
    webhook_url: Condition
    body: Mapping[str, Condition]


class _GenerationConditions(TypedDict, total=False):
    """What can be matched in the generation concerned: its number among the accepted ones, from 1, and its `age` in seconds."""

    request_id: Condition
    generation: Condition
    operation: Condition
    status: Condition
    prompt: Condition
    age: Condition


class StatusConditions(_GenerationConditions, total=False):
    """What can be matched in a status read."""

    headers: Mapping[str, Condition]


class MediaConditions(StatusConditions, total=False):
    """What can be matched in a download."""

    method: Condition


class WebhookConditions(_GenerationConditions, total=False):
    """What can be matched in an attempt to deliver a webhook; attempts count from 1."""

    url: Condition
    channel: Condition
    attempt: Condition


class Conditions(SubmitConditions, MediaConditions, WebhookConditions, total=False):
    """What can be matched in any kind of call."""


KNOWN: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(spec.SUBMITS, SubmitConditions.__optional_keys__),
    "status": StatusConditions.__optional_keys__,
    "media": MediaConditions.__optional_keys__,
    "webhook": WebhookConditions.__optional_keys__,
}
"""The names of the facts of each operation; one whose name has a slash has those of `*/*`."""


class Facts(msgspec.Struct, frozen=True):
    """What rules are tried on: the operation of a request or webhook delivery, its facts by name, its instant (UTC milliseconds)."""

    operation: str
    values: Mapping[str, Any]
    at: int = 0


def operations(when: str) -> frozenset[str]:
    """The operations that a rule is about; a name with a slash is not checked. Raises ValueError with the nearest known name."""
    if _OF_MODEL.fullmatch(when):
        return frozenset({when})
    if when not in CALLS:
        raise ValueError(f"when {spec.shown(when)} is not one of {', '.join(CALLS)}{spec.nearest(when, tuple(CALLS))}")
    return CALLS[when]


class Headers:
    """Headers by lower-case name; several of one name are joined (RFC 9110, 5.3). They are decoded when a condition first needs them."""

    __slots__ = ("_named", "_sent")

    def __init__(self, sent: Iterable[spec.Header]) -> None:
        self._sent = sent
        self._named: dict[str, str] | None = None

    def get(self, name: str, absent: object = None) -> object:
        if self._named is None:
            self._named = {}
            for sent, value in self._sent:
                key, text = sent.decode("latin-1").lower(), value.decode("latin-1")
                self._named[key] = f"{self._named[key]}, {text}" if key in self._named else text
        return self._named.get(name, absent)


def at_submit(
    operation: spec.Operation,
    headers: Iterable[spec.Header],
    members: Mapping[str, Any] | spec.InvalidBody,
    generation: int,
    now: int = 0,
) -> Facts:
    """A submission as it was sent: members not sent are absent; `generation` is the number of the next one that is accepted."""
    sent: Mapping[str, Any] = {} if isinstance(members, spec.InvalidBody) else members
    if any(isinstance(value, str) and len(value) > LONGEST_TEXT for value in sent.values()):
        sent = {name: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in sent.items()}
    facts = {name: value for name, value in sent.items() if name in _PARAMETERS}
    facts["generation"] = generation
    facts["headers"] = named = Headers(headers)
    facts["body"] = sent
    has_url = any(len(name) == len(_WEBHOOK_URL) and name.lower() == _WEBHOOK_URL for name, _ in headers)
    if has_url and (url := str(named.get("x-webhook-url")).strip()):
        facts["webhook_url"] = url
    if not operation.on_page and (prompt := operation.text(operation.prompt, sent)):
        facts["prompt"] = prompt[:LONGEST_TEXT]
    return Facts(operation.name, facts, now)


def at_read(request_id: str, known: Mapping[str, Any], headers: Iterable[spec.Header], now: int = 0) -> Facts:
    """A status read; `known` are the facts about the generation, empty when the world has none with this id."""
    return Facts("status", {**known, "request_id": request_id, "headers": Headers(headers)}, now)


def at_download(
    request_id: str, known: Mapping[str, Any], method: str, headers: Iterable[spec.Header], now: int = 0
) -> Facts:
    """A GET or HEAD for media."""
    return Facts("media", {**known, "request_id": request_id, "method": method, "headers": Headers(headers)}, now)
