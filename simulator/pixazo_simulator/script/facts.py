"""What rules can be about, and what conditions can ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

import msgspec

from pixazo_simulator.spec import nearest, shown

from .matchers import Matcher

SubmitCall = Literal["generate", "imageToVideo", "image_to_video", "submit"]
MediaCall = Literal["media", "download"]
Call = Literal[SubmitCall, "status", MediaCall, "webhook", "request"]
"""What a rule can be about; `image_to_video` and `download` are other names of `imageToVideo` and `media`."""

SUBMITS = frozenset({"generate", "imageToVideo"})
CALLS: Mapping[str, frozenset[str]] = {
    "generate": frozenset({"generate"}),
    "imageToVideo": frozenset({"imageToVideo"}),
    "submit": SUBMITS,
    "status": frozenset({"status"}),
    "media": frozenset({"media"}),
    "webhook": frozenset({"webhook"}),
    "request": SUBMITS | {"status", "media"},
}
"""The operations that each word means: `submit` is either submission, `request` anything but webhook deliveries."""
_ALIASES = {"image_to_video": "imageToVideo", "download": "media"}

Condition = Matcher | Mapping[str, Any] | Sequence[Any] | str | float | None
"""A matcher, such as `contains("bear")`, the same as JSON has it (`{"contains": "bear"}`), or the value itself."""


class RequestConditions(TypedDict, total=False):
    """What can be asked of any request; `headers` maps names to conditions."""

    headers: Mapping[str, Condition]
    prompt: Condition


class SubmitConditions(RequestConditions, total=False):
    """What can be asked of a submission; `body` maps names of members, even of those that the page does not list."""

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
    """What can be asked of the generation that is concerned; `age` is in seconds since its acceptance."""

    request_id: Condition
    operation: Condition
    status: Condition
    prompt: Condition
    age: Condition


class StatusConditions(_GenerationConditions, total=False):
    """What can be asked of a status read."""

    headers: Mapping[str, Condition]


class MediaConditions(StatusConditions, total=False):
    """What can be asked of a download."""

    method: Condition


class WebhookConditions(_GenerationConditions, total=False):
    """What can be asked of an attempt to deliver a webhook; attempts count from 1."""

    url: Condition
    channel: Condition
    attempt: Condition


class Conditions(SubmitConditions, MediaConditions, WebhookConditions, total=False):
    """What can be asked of some call or other."""


KNOWN: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(SUBMITS, SubmitConditions.__optional_keys__),
    "status": StatusConditions.__optional_keys__,
    "media": MediaConditions.__optional_keys__,
    "webhook": WebhookConditions.__optional_keys__,
}
"""The names of the facts of each operation."""


class Facts(msgspec.Struct, frozen=True):
    """What rules are asked about: the operation of a request or webhook delivery, and its facts by name."""

    operation: str
    values: Mapping[str, Any]


def operations(when: str) -> frozenset[str]:
    """The operations that a rule is about. Raises ValueError with the nearest known name."""
    known = _ALIASES.get(when, when)
    if known not in CALLS:
        names = (*CALLS, *_ALIASES)
        raise ValueError(f"when {shown(when)} is not one of {', '.join(names)}{nearest(when, names)}")
    return CALLS[known]
