"""Edits of the members of a JSON object, and conditions on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pixazo_simulator.spec import MODEL_ID, SECOND, TERMINAL, timestamp

from .context import Context
from .messages import Members

Edit = Callable[[Members, Context], Members]
"""What an object becomes; the object that is given is left as it is."""
When = Callable[[Members], bool]


def put(name: str, value: object) -> Edit:
    """Set a member."""
    return lambda members, _: {**members, name: value}


def computed(name: str, value: Callable[[Members, Context], Any]) -> Edit:
    """Set a member to what follows from the object and the context."""
    return lambda members, context: {**members, name: value(members, context)}


def amended(name: str, change: Callable[[Any], Any]) -> Edit:
    """Change the value of a member, when it has one that is not null."""

    def edit(members: Members, _: Context) -> Members:
        return members if members.get(name) is None else {**members, name: change(members[name])}

    return edit


def drop(*names: str) -> Edit:
    """Leave members out."""
    return lambda members, _: {name: value for name, value in members.items() if name not in names}


def rename(old: str, new: str) -> Edit:
    """Give a member another name, in its place."""
    return lambda members, _: {new if name == old else name: value for name, value in members.items()}


def chain(*edits: Edit) -> Edit:
    """One edit after the other."""

    def edit(members: Members, context: Context) -> Members:
        for each in edits:
            members = each(members, context)
        return members

    return edit


def on(when: When, edit: Edit) -> Edit:
    """An edit for the objects of which `when` is true."""
    return lambda members, context: edit(members, context) if when(members) else members


def status_is(*words: str) -> When:
    """Whether the status is one of these words."""
    return lambda members: members.get("status") in words


finished: When = status_is(*TERMINAL)
"""Whether an envelope tells of a terminal state."""


def has(name: str) -> When:
    """Whether there is a member of this name."""
    return lambda members: name in members


def running(members: Members) -> bool:
    """Whether an envelope tells of a state that will be left."""
    return not finished(members)


def in_output(edit: Edit) -> Edit:
    """An edit of `output`, where there is one."""

    def edited(members: Members, context: Context) -> Members:
        output: Members | None = members.get("output")
        return {**members, "output": edit(output, context)} if output else members

    return edited


def output_url(change: Callable[[str], str]) -> Edit:
    """Change every entry of `media_url`."""
    return in_output(amended("media_url", lambda urls: [change(url) for url in urls]))


def without_prefix(text: str) -> str:
    """A request id without the model's name."""
    return text.removeprefix(f"{MODEL_ID}_")


def instant(text: str) -> int:
    """A timestamp, in either form of policy `timestamps`, as UTC milliseconds."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * SECOND)


def shifted(milliseconds: int, *names: str) -> Edit:
    """Move timestamps in time."""
    return chain(*(amended(name, lambda text: timestamp(instant(text) + milliseconds)) for name in names))
