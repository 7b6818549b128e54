"""What the gateway says about a Generation, as a frozen value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from ._redact import hide_data_urls

if TYPE_CHECKING:
    from collections.abc import Callable


COMPLETED = "COMPLETED"
FAILED = "FAILED"
ERROR = "ERROR"
TERMINAL = frozenset({COMPLETED, FAILED, ERROR})
MOST_DEPTH = 100
_HOLDERS: Any = (dict, list)
KNOWN = TERMINAL | {"QUEUED", "PROCESSING"}


@dataclass(frozen=True, slots=True)
class Generation:
    """One accepted piece of work as the gateway showed it at one instant (Response Fields).

    Attributes:
        request_id: its identifier.
        status: QUEUED, PROCESSING, COMPLETED, FAILED, ERROR, or a word that the page does not know.
        model_id: the model that processes it; None if not said.
        error: why it failed, the API key and embedded images hidden; None if it did not.
        media_urls: addresses of the results, empty before COMPLETED.
        media_type: MIME type of the results; None if not said.
        created_at: when it was accepted, aware, UTC; None if not said or not readable. Likewise:
        updated_at: when it last changed.
        completed_at: when it ended.
        raw: every member as received, known or not.
    """

    request_id: str
    status: str
    model_id: str | None = None
    error: str | None = None
    media_urls: tuple[str, ...] = ()
    media_type: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    completed_at: datetime | None = None
    raw: Mapping[str, object] = field(default_factory=dict[str, object], repr=False, hash=False)

    @property
    def is_terminal(self) -> bool:
        """Has it ended, in whichever of the three ways?"""
        return self.status in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Is there a result to download?"""
        return self.status == COMPLETED


def generation_from(members: Mapping[str, object], hide: Callable[[str], str] = hide_data_urls) -> Generation:
    """The Generation that a status envelope or a callback describes; hide takes the secrets out of its `error`.

    Raises:
        ValueError: `request_id` or `status` is not a non-empty string; the message says which.
    """
    output = members.get("output")
    media: Mapping[str, object] = cast("Mapping[str, object]", output) if isinstance(output, dict) else {}
    return Generation(
        request_id=_required(members, "request_id"),
        status=_required(members, "status"),
        model_id=_text(members.get("model_id")),
        error=_error(members.get("error"), hide),
        media_urls=_urls(media.get("media_url")),
        media_type=_text(media.get("media_type")),
        created_at=_instant(members.get("created_at")),
        updated_at=_instant(members.get("updated_at")),
        completed_at=_instant(members.get("completed_at")),
        raw=members,
    )


def object_from(text: str | bytes) -> Mapping[str, object]:
    """The JSON object that the text holds.

    Raises:
        ValueError: it is not JSON, or not an object.
    """
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    if _is_deep(value):
        raise ValueError(f"is nested more than {MOST_DEPTH} deep")
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004  # about a text's content, not an argument's type
    return cast("Mapping[str, object]", value)


def _is_deep(value: object) -> bool:
    """Nested so deep that what is done with the value later, such as comparing it, might end in a RecursionError?"""
    level: list[Any] = [value]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, _HOLDERS)
            for inner in (outer.values() if hasattr(outer, "values") else outer)
        ]
        if not level:
            return False
    return True


def _required(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"has no {name!r} text, only the members {sorted(members)}")
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _error(value: object, hide: Callable[[str], str]) -> str | None:
    if value is None:
        return None
    return hide(value if isinstance(value, str) else json.dumps(value))


def _urls(value: object) -> tuple[str, ...]:
    entries = cast("list[object]", value) if isinstance(value, list) else [value]
    return tuple(entry for entry in entries if isinstance(entry, str))


def _instant(value: object) -> datetime | None:
    """Both forms in use: `2026-03-31T10:00:15.000Z` and `2026-05-22 13:19:23`, the latter without a zone, meaning UTC."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
