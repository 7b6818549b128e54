"""The two operations and the types of their parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from pixazo_simulator.spec.errors import (
    MOST_BRACKETS,
    MOST_COMMAS,
    SMALL_BODY,
    InvalidBody,
    InvalidParameters,
    Problem,
    Rule,
)

MODEL_ID = "minimax-hailuo-ai"  # page, Base URL and `model_id` of Response (Completed)


class Parameters(msgspec.Struct, gc=False):
    """The members that both operations share, UNSET when they were not sent (page, Request Parameters of text-to-video)."""

    prompt: str | UnsetType = UNSET
    duration: float | UnsetType = UNSET  # the page says integer; JSON has one type of number (policy `number_forms`)
    resolution: str | UnsetType = UNSET
    prompt_optimizer: bool | UnsetType = UNSET
    fast_pretreatment: bool | UnsetType = UNSET
    callback_url: str | UnsetType = UNSET
    aigc_watermark: bool | UnsetType = UNSET


class ImageParameters(Parameters, gc=False):
    """Image-to-video has one more member (page, Request Parameters of image-to-video)."""

    first_frame_image: str | UnsetType = UNSET


class Operation(msgspec.Struct, frozen=True):
    """An operation that is submitted: the last segment of its path, its parameters, and whether the page states their limits."""

    name: Literal["generate", "imageToVideo"]
    parameters: type[Parameters]
    required: tuple[str, ...]
    limited: bool


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("generate", Parameters, ("prompt",), limited=False),
        Operation("imageToVideo", ImageParameters, ("prompt", "first_frame_image"), limited=True),
    )
}

_RAW_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TYPE_RULES = {str: Rule.STRING, bool: Rule.BOOLEAN, float: Rule.NUMBER}


def members(body: bytes) -> dict[str, Any] | InvalidBody:
    """The members of a JSON object, whatever they are; where a name stands twice the last one counts.

    A value that JSON allows and Python has no number for (more digits or a larger exponent than fit) stays `msgspec.Raw`.
    """
    if not body.strip():
        return InvalidBody("empty")
    if is_crowded(body):
        return InvalidBody("crowded")
    try:
        value = msgspec.json.decode(body)
    except RecursionError:
        return InvalidBody("nested")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _members_with_unreadable_values(body)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else InvalidBody("object")


def _members_with_unreadable_values(body: bytes) -> dict[str, Any] | InvalidBody:
    try:
        raw = _RAW_MEMBERS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return InvalidBody("malformed")
    return {name: _readable(value) for name, value in raw.items()}


def _readable(value: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return value


def is_crowded(body: bytes, commas: int = MOST_COMMAS, brackets: int = MOST_BRACKETS) -> bool:
    """Whether it would take long to read each value of a body: it is large, and has more than so many of these marks."""
    marks = ((b",", commas), (b"[", brackets), (b"{", brackets))
    return len(body) > SMALL_BODY and any(_has_more(body, mark, most) for mark, most in marks)


def _has_more(body: bytes, mark: bytes, most: int) -> bool:
    at = -1
    for _ in range(most + 1):
        at = body.find(mark, at + 1)
        if at < 0:
            return False
    return True


def parameters_of(given: dict[str, Any], operation: Operation) -> Parameters | InvalidBody | InvalidParameters:
    """The parameters among the members of a body, or everything that is wrong with their types."""
    if any(isinstance(given.get(name), msgspec.Raw) for name in operation.parameters.__struct_fields__):
        return InvalidBody("malformed")
    try:
        return msgspec.convert(given, operation.parameters)
    except msgspec.ValidationError:
        return InvalidParameters(tuple(_type_problems(given, operation)))


def _type_problems(given: dict[str, Any], operation: Operation) -> Iterator[Problem]:
    missing = [name for name in operation.required if given.get(name) is None]
    yield from (Problem(name, Rule.REQUIRED) for name in missing)
    for field in msgspec.structs.fields(operation.parameters):
        if field.name in given and field.name not in missing and not _converts(given[field.name], field.type):
            yield Problem(field.name, _type_rule(field.type, operation))


def _converts(value: object, kind: object) -> bool:
    try:
        msgspec.convert(value, cast("type[object]", kind))
    except msgspec.ValidationError:
        return False
    return True


def _type_rule(kind: object, operation: Operation) -> Rule:
    found = next(rule for known, rule in _TYPE_RULES.items() if known in getattr(kind, "__args__", ()))
    return Rule.INTEGER if found is Rule.NUMBER and operation.limited else found
