"""What a world is made of: parts that can be forked, or kept as rows of bytes; and what wakes the waiters for its events."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache
from random import Random
from typing import Any, ClassVar, NamedTuple, Self, cast, get_args, get_origin, get_type_hints

import msgspec

from pixazo_simulator.script import SavedScript, Script

__all__ = ["Row", "rows"]

MOST_TOGETHER = 2000
"""Elements of a container in one row: they take some milliseconds to encode, and meanwhile nothing else runs."""
_CONTAINERS = (list, deque, dict, OrderedDict)


class Part(msgspec.Struct, eq=False, weakref=True):
    """A part of a world, which can be forked, and saved as rows, each member with the type of its annotation.

    A fork copies its containers and forks the parts in it, also in mappings but not in lists, where to look for some would take longer than
    the copy; all other values are immutable and shared. A new member needs no code here unless it is a mutable object of a new kind.
    """

    DERIVED: ClassVar[frozenset[str]] = frozenset()
    """Members that are made with a part of this class, and are not state: settings, caches and listeners."""

    __repr__ = object.__repr__  # a repr that does not show the key

    def fork(self) -> Self:
        """A part with the same contents that changes independently."""
        other = copy(self)
        for name in self.__struct_fields__:
            setattr(other, name, _forked(getattr(self, name)))
        return other


def _forked(value: Any) -> Any:
    if callable(fork := getattr(value, "fork", None)):
        return fork()
    if isinstance(value, dict):
        members = cast("dict[object, object]", value)
        return type(members)((key, _forked(each)) for key, each in members.items())
    if isinstance(value, list | deque | Random):
        return copy(cast("list[object]", value))
    return value


class Notifier:
    """Calls every listener immediately, in no particular order; a listener finds out by itself what has happened."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: list[Callable[[], object]] = []

    def notify(self) -> None:
        for listener in tuple(self._listeners):  # another thread may start or stop listening
            listener()

    @contextmanager
    def listening(self, listener: Callable[[], object]) -> Generator[None]:
        """Call `listener` at every notification inside the `with` block."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def fork(self) -> Self:
        """A notifier without listeners: nothing waits for events in a fork of a world."""
        return type(self)()


class Row(NamedTuple):
    """A piece of a state: the path of a value, such as `account.ledger._total`, and the value, or some of its elements, encoded."""

    path: str
    data: bytes


def rows(part: Part) -> Iterator[Row]:
    """The state of a part; it must not change until the last row has been taken, so fork it where others run meanwhile."""
    for path, owner, name, _ in _walk(part, ""):
        value = getattr(owner, name)
        if isinstance(value, _CONTAINERS):
            elements: list[Any] = [*(value.items() if isinstance(value, dict) else value)]
            # An element that is a tuple may contain thousands, and the tuples of one container are about equally long.
            held = len(cast("Any", elements[0])) if elements and isinstance(elements[0], tuple) else 1
            size = max(1, MOST_TOGETHER // max(1, held))
            for start in range(0, len(elements), size):
                yield Row(path, msgspec.msgpack.encode(elements[start : start + size]))
        else:
            yield Row(path, msgspec.msgpack.encode(value, enc_hook=_plain))


def restore(part: Part, saved: Iterable[Row]) -> None:
    """Give a part that was just made the state in the rows. Raises ValueError for rows that are not the state of such a part."""
    members = {path: (owner, name, kind) for path, owner, name, kind in _walk(part, "")}
    for owner, name, kind in members.values():
        if get_origin(kind) in _CONTAINERS:
            getattr(owner, name).clear()
    try:
        for path, data in saved:
            _enter(*members[path], data)
    except (KeyError, TypeError, ValueError, ArithmeticError, msgspec.MsgspecError) as error:
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
    derived = frozenset[str]().union(*(each.DERIVED for each in kind.__mro__ if issubclass(each, Part)))
    return {name: hints[name] for name in sorted(kind.__struct_fields__) if name not in derived}


def _plain(value: Any) -> Any:
    return value.getstate() if isinstance(value, Random) else value.saved()


def _enter(owner: Part, name: str, kind: Any, data: bytes) -> None:
    """Enter the content of one row: a value, or further elements of a container."""
    origin, present = get_origin(kind), getattr(owner, name)
    if isinstance(present, dict):
        present.update(msgspec.msgpack.decode(data, type=list[tuple[get_args(kind)]]))  # type: ignore[misc]
    elif origin in _CONTAINERS:
        present.extend(msgspec.msgpack.decode(data, type=list[get_args(kind)]))  # type: ignore[misc]
    elif isinstance(present, Script):
        present.restore(msgspec.msgpack.decode(data, type=SavedScript))
    else:
        setattr(owner, name, msgspec.msgpack.decode(data, type=kind, dec_hook=_random))


def _random(_: type[Random], state: Any) -> Random:
    random = Random()  # noqa: S311 - reproducible by design, guards nothing
    version, numbers, gauss = state
    random.setstate((version, tuple(numbers), gauss))
    return random
