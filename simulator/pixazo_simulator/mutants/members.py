"""Edits of the members of a JSON object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pixazo_simulator.spec import SECOND, timestamp

from .messages import Context, Members

Edit = Callable[[Members, Context], Members]
"""Returns the edited object; the given one stays as it is."""
When = Callable[[Members], bool]


def put(name: str, value: object) -> Edit:
    return lambda members, _: {**members, name: value}


def compute(name: str, value: Callable[[Members, Context], Any]) -> Edit:
    """Set a member to a value that is computed from the object and the context."""
    return lambda members, context: {**members, name: value(members, context)}


def change(name: str, value: Callable[[Any], Any]) -> Edit:
    """Change the value of a member that is neither missing nor null."""
    return where(lambda members: members.get(name) is not None, compute(name, lambda members, _: value(members[name])))


def drop(*names: str) -> Edit:
    return lambda members, _: {name: value for name, value in members.items() if name not in names}


def rename(old: str, new: str) -> Edit:
    """Give a member another name, at the same place."""
    return lambda members, _: {new if name == old else name: value for name, value in members.items()}


def chain(*edits: Edit) -> Edit:

    def edit(members: Members, context: Context) -> Members:
        for each in edits:
            members = each(members, context)
        return members

    return edit


def where(when: When, edit: Edit) -> Edit:
    return lambda members, context: edit(members, context) if when(members) else members


def in_output(edit: Edit) -> Edit:

    def edited(members: Members, context: Context) -> Members:
        output: Members | None = members.get("output")
        return {**members, "output": edit(output, context)} if output else members

    return edited


def in_media_urls(value: Callable[[str], str]) -> Edit:
    """Change every entry of `media_url`."""
    return in_output(change("media_url", lambda urls: [value(url) for url in urls]))


def shift(milliseconds: int, *names: str) -> Edit:
    """Move timestamps in time."""
    return chain(*(change(name, lambda text: timestamp(instant(text) + milliseconds)) for name in names))


def without_prefix(text: str) -> str:
    """A request id without the model's name."""
    return text.rpartition("_")[2]


def instant(text: str) -> int:
    """A timestamp, in either form of policy `timestamps`, as UTC milliseconds."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * SECOND)
