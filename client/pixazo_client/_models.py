"""How JSON becomes a generation, and an image JSON."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, cast

from ._errors import WebhookPayloadError
from ._gateway import hide_data_urls, is_id, shorten
from ._generation import Generation

MOST_DEPTH = 100
"""Levels of nesting; the page prints three."""

# Types whose members stay Any for type checkers.
_OBJECT: Any = dict
_ARRAY: Any = list


def generation_from(members: Mapping[str, object], hide: Callable[[str], str] = hide_data_urls) -> Generation:
    """The generation that a status envelope describes; hide redacts its `error`.

    Only the two members without which nothing can be done are required. The others may be missing or have another
    type, as in the page's example of a failure, which has no timestamps. Raises ValueError that names the one that is
    missing, empty or no string.
    """
    output = members.get("output")
    media: Mapping[str, object] = cast("Mapping[str, object]", output) if isinstance(output, dict) else {}
    error = members.get("error")
    return Generation(
        request_id=_required(members, "request_id"),
        status=_required(members, "status"),
        model_id=_text(members.get("model_id")),
        error=None if error is None else hide(error if isinstance(error, str) else json.dumps(error)),
        media_urls=_urls(media.get("media_url")),
        media_type=_text(media.get("media_type")),
        created_at=_instant(members.get("created_at")),
        updated_at=_instant(members.get("updated_at")),
        completed_at=_instant(members.get("completed_at")),
        raw=members,
    )


def parse_unverified(payload: bytes | str | Mapping[str, object]) -> Generation:
    """What the body of a callback claims: its bytes, its text or the decoded object.

    The page documents no signature, so anyone could have sent it: it is a hint, not a fact.

    Raises:
        WebhookPayloadError: it is not a status envelope.
    """
    try:
        generation = generation_from(payload if isinstance(payload, Mapping) else object_from(payload))
    except ValueError as error:
        raise WebhookPayloadError(f"the webhook body {error}: ignore it, or read the status instead") from error
    if not is_id(generation.request_id):
        shown = shorten(repr(generation.request_id))
        raise WebhookPayloadError(f"the webhook body names {shown}, which is not an id: ignore it")
    return generation


def object_from(text: str | bytes) -> Mapping[str, object]:
    """The JSON object that the text holds. Raises ValueError for any other text, and for one nested too deep."""
    try:
        value: object = json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    opened = text.count("{") + text.count("[") if isinstance(text, str) else math.inf
    if opened > MOST_DEPTH and _is_deep(value):
        raise ValueError(f"is nested more than {MOST_DEPTH} deep")
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004  # about a text's content, not an argument's type
    return cast("Mapping[str, object]", value)


def object_if_any(text: str | bytes) -> Mapping[str, object] | None:
    """The JSON object that the text holds, None for any other text."""
    try:
        return object_from(text)
    except ValueError:
        return None


def _is_deep(value: Any, left: int = MOST_DEPTH) -> bool:
    """Whether comparing or encoding the value later might end in a RecursionError."""
    if isinstance(value, _OBJECT):
        value = list(value.values())
    inner = value if isinstance(value, _ARRAY) else ()
    return left == 0 or any(_is_deep(each, left - 1) for each in inner)


def _required(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(shorten(f"has no {name!r} text, only the members {sorted(map(str, members))}"))
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _urls(value: object) -> tuple[str, ...]:
    entries = cast("list[object]", value) if isinstance(value, list) else [value]
    return tuple(entry for entry in entries if isinstance(entry, str))


def _instant(value: object) -> datetime | None:
    """Either form of the page: `2026-03-31T10:00:15.000Z`, or `2026-05-22 13:19:23`, which has no zone and means UTC."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def image_url(image: str | PathLike[str] | bytes) -> str:
    """A first frame as the gateway takes it: a str unchanged; bytes, or the content of a file, as a data URL.

    Whether the image meets the page's limits is for the gateway to decide. Raises OSError when the file cannot be read.
    """
    if isinstance(image, str):
        return image
    content = image if isinstance(image, bytes) else Path(image).read_bytes()
    return f"data:{_image_type(content)};base64,{b64encode(content).decode('ascii')}"


def _image_type(content: bytes) -> str:
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"
