"""The state of a world as rows of bytes, of which an equal world is made: what a store keeps besides the commands that followed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from functools import cache
from random import Random
from typing import Any, NamedTuple, cast, get_args, get_origin, get_type_hints

import msgspec

from pixazo_simulator.script import SavedScript, Script

from .part import Part

MOST_TOGETHER = 2000
"""Elements of a container in one row: they take some milliseconds to encode, and meanwhile nobody else runs."""
DERIVED = frozenset({"__weakref__", "_functions", "_shown", "affords", "bounds", "clock", "notifier", "redactor"})
"""Members of a part that are made with it, and are no state: settings, caches, its clock, and those who listen."""
_CONTAINERS = (list, deque, dict, OrderedDict)


class Row(NamedTuple):
    """A piece of a state: the path of a value, such as `account.ledger._total`, and the value, or some of its elements, encoded."""

    path: str
    data: bytes


def rows(part: Part) -> Iterator[Row]:
    """The state of a part; it must not change until the last row was taken, so fork it where others run meanwhile."""
    for path, owner, name, _ in _walk(part, ""):
        value = getattr(owner, name)
        if isinstance(value, _CONTAINERS):
            elements: list[Any] = [*(value.items() if isinstance(value, dict) else value)]
            # A tuple may hold thousands of elements itself.
            size = max(1, MOST_TOGETHER // len(elements[0])) if elements and type(elements[0]) is tuple else MOST_TOGETHER
            for start in range(0, len(elements), size):
                yield Row(path, msgspec.msgpack.encode(elements[start : start + size]))
        else:
            yield Row(path, msgspec.msgpack.encode(_plain(value)))


def restore(part: Part, saved: Iterable[Row]) -> None:
    """Give a part that was just made the state that the rows hold. Raises ValueError for rows that are no state of such a part."""
    members = {path: (owner, name, kind) for path, owner, name, kind in _walk(part, "")}
    for owner, name, kind in members.values():
        if get_origin(kind) in _CONTAINERS:
            getattr(owner, name).clear()
    try:
        for path, data in saved:
            _enter(*members[path], data)
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ValueError(f"this is not the state of a world: {type(error).__name__} {error}") from None


def _walk(part: Part, prefix: str) -> Iterator[tuple[str, Part, str, Any]]:
    """Every member of a part and of its parts: path, owner, name, type."""
    for name, kind in _members(type(part)).items():
        value = getattr(part, name)
        if isinstance(value, Part):
            yield from _walk(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", part, name, kind


@cache
def _members(kind: type[Part]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    slots = (name for each in kind.__mro__ for name in getattr(each, "__slots__", ()))
    return {name: hints[name] for name in slots if name not in DERIVED}


def _plain(value: Any) -> Any:
    if isinstance(value, Random):
        return value.getstate()
    return value.saved() if isinstance(value, Script) else value


def _enter(owner: Part, name: str, kind: Any, data: bytes) -> None:
    """Enter what one row holds: a value, or further elements of a container."""
    origin, present = get_origin(kind), getattr(owner, name)
    if origin in (dict, OrderedDict):
        present.update(msgspec.msgpack.decode(data, type=_pairs(*get_args(kind))))
    elif origin in _CONTAINERS:
        present.extend(msgspec.msgpack.decode(data, type=_list(*get_args(kind))))
    elif isinstance(present, Script):
        present.restore(msgspec.msgpack.decode(data, type=SavedScript))
    elif kind in (Random, Random | None):
        setattr(owner, name, _random(msgspec.msgpack.decode(data)))
    else:
        setattr(owner, name, msgspec.msgpack.decode(data, type=kind))


def _random(state: Any) -> Random | None:
    if state is None:
        return None
    random = Random()  # noqa: S311 - reproducible by design, guards nothing
    version, numbers, gauss = state
    random.setstate((version, tuple(cast("list[int]", numbers)), gauss))
    return random


def _list(element: Any) -> Any:
    return list[element]


def _pairs(key: Any, value: Any) -> Any:
    return list[tuple[key, value]]
