"""Wakes callers that wait for an event of a world, so that they need not poll it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Self


class Notifier:
    """Calls every listener at once, in no particular order; a listener finds out by itself what has happened."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    @property
    def listeners(self) -> int:
        """How many callables listen."""
        return len(self._listeners)

    def notify(self) -> None:
        """Something has happened."""
        for listener in self._listeners:
            listener()

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Generator[None]:
        """Call `listener` at every notification inside the `with` block."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def fork(self) -> Self:
        """A notifier without listeners: nobody waits for what happens in a fork of a world."""
        return type(self)()
