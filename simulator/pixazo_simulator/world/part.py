"""What a world is made of: parts that can be forked, and what wakes those who wait for its events."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from copy import copy
from random import Random
from typing import Any, Self, cast


class Part:
    """A part of a world. A fork copies its containers and forks the parts in it; all other values are immutable and shared.

    So a new field needs no line of code here, unless it is a mutable object of a new kind.
    """

    __slots__ = ()

    def fork(self) -> Self:
        """A part with the same contents that changes independently."""
        other = copy(self)
        for kind in type(self).__mro__:
            for name in getattr(kind, "__slots__", ()):
                if name != "__weakref__" and hasattr(self, name):
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
    """Calls every listener at once, in no particular order; a listener finds out by itself what has happened."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: list[Callable[[], object]] = []

    def notify(self) -> None:
        """Something has happened."""
        for listener in self._listeners:
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
        """A notifier without listeners: nobody waits for what happens in a fork of a world."""
        return type(self)()
