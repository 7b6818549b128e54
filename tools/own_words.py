"""Writes simulator/pixazo_simulator/spec/data/own_words.txt: the words of our messages, types and policy, whole and in parts. A key that is one of them is no secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from msgspec import inspect

from pixazo_simulator.script import SavedScript
from pixazo_simulator.spec import OPERATIONS, points
from pixazo_simulator.state.entries import LoggedCommand
from pixazo_simulator.world import World

FILE = Path(__file__).parents[1] / "simulator" / "pixazo_simulator" / "spec" / "data" / "own_words.txt"
OTHERS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ok", "media", "manual", "real", "webhook", "transition", "opening",
    "debit", "refund", "adjustment", "image-to-video", "requests", "v1", "v2", "http", "localhost", "127.0.0.1", "host", "accept",
    "application/json", "documented", "observed", "prompt_optimizer", "first_frame_image", "polling_url", "media_url",
    "created_at", "updated_at", "completed_at", "content-type", "ocp-apim-subscription-key", "x-webhook-url", "x-webhook-mode",
    "X-Webhook-URL",
)  # fmt: skip


def text() -> str:
    """The words, each between line breaks."""
    found = {*OTHERS, *(word for point in points().values() for word in point.forms.split(" | "))}
    for operation in OPERATIONS.values():
        found |= {operation.name, operation.path, operation.model_id}
    seen = set[type]()
    for each in (LoggedCommand, World, SavedScript):  # what a log and a state contain
        _collect(inspect.type_info(each), found, seen)
    parts = {part for each in found for part in re.split(r"[^\w-]+", each) if part}
    return "\n".join(["", *sorted(found | parts), ""])


def _collect(info: Any, found: set[str], seen: set[type]) -> None:
    """Add the names of members, tags and literals of a type and of those in it."""
    if isinstance(info, inspect.StructType):
        if info.cls in seen:
            return
        seen.add(info.cls)
        found.update(str(each) for each in (info.tag, info.tag_field) if each)
        found.update(each.encode_name for each in info.fields)
    elif isinstance(info, inspect.EnumType):
        found.update(str(each.value) for each in info.cls)
    elif isinstance(info, inspect.LiteralType):
        found.update(map(str, info.values))
    for name in ("fields", "types", "item_types"):
        for part in getattr(info, name, ()):
            _collect(part, found, seen)
    for name in ("type", "item_type", "key_type", "value_type"):
        if part := getattr(info, name, None):
            _collect(part, found, seen)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
