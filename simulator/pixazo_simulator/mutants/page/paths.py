"""Members of a JSON value by path, such as `output.media_url[]`, and URLs by what is around the id in their path."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeGuard, cast
from urllib.parse import urlsplit

GONE = object()
"""No member; an edit that returns it leaves the member out."""
_ID = re.compile(r"\{[^}/]*\}|[\w.-]+_[0-9a-fx]{4,}(?:-[0-9a-fx]{4,})*")


def _keys(path: str) -> list[str]:
    return re.findall(r"[^.\[\]]+|\[\]", path)


def found(value: Any, path: str) -> Any:
    """The first value at a path, or GONE."""
    seen = list[Any]()
    updated(value, path, seen.append)
    return seen[0] if seen else GONE


def updated(value: Any, path: str, edit: Callable[[Any], Any]) -> Any:
    """The value with every member at a path edited."""
    return _updated(value, _keys(path), edit)


def _updated(value: Any, keys: list[str], edit: Callable[[Any], Any]) -> Any:
    if not keys:
        return edit(value)
    key, *rest = keys
    if key == "[]" and is_list(value):
        return [_updated(each, rest, edit) for each in value]
    members = members_in(value)
    if key not in members:
        return value
    changed = {**members, key: _updated(members[key], rest, edit)}
    return {name: member for name, member in changed.items() if member is not GONE}


def added(value: Any, path: str, new: object) -> Any:
    """The value with a member at a path; as it is where the object that would have it is null."""
    keys = _keys(path)
    is_null = len(keys) > 1 and members_in(value).get(keys[0], GONE) is None
    return value if is_null else _added(value, keys, new)


def _added(value: Any, keys: list[str], new: object) -> Any:
    if not keys:
        return new
    key, *rest = keys
    members = members_in(value)
    return [_added(None, rest, new)] if key == "[]" else {**members, key: _added(members.get(key), rest, new)}


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def members_in(value: Any) -> dict[str, Any]:
    """The members of a JSON value; none unless it is an object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def around_id(path: str) -> tuple[str, str]:
    """What a path has before and after its id, without an extension."""
    before, _, after = _ID.sub("\0", path, count=1).partition("\0")
    return before, after.rpartition(".")[0] or after


def moved(path: str, old: tuple[str, str], new: tuple[str, str]) -> str | None:
    """A path with another prefix and suffix around its id; None if it does not have the old one."""
    (before, after), (to, end) = old, new
    rest = path.removeprefix(before)
    if not path.startswith(before) or after not in rest:
        return None
    middle, _, extension = rest.rpartition(after) if after else (rest, "", "")
    return f"{to}{middle}{end}{extension}"


def is_url(text: object) -> bool:
    """Whether a string of the page is an absolute URL."""
    return isinstance(text, str) and urlsplit(text).scheme in ("http", "https")
