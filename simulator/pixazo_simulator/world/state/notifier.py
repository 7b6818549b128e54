"""Rings when something has happened in a world, so that nobody need look again and again."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager


class Bell:
    """Calls whoever listens, at once and in no particular order; what happened is theirs to find out."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def ring(self) -> None:
        """Something has happened."""
        for heard in self._listeners:
            heard()

    @contextmanager
    def calling(self, heard: Callable[[], None]) -> Generator[None]:
        """Call `heard` at every ring inside the `with` block."""
        self._listeners.append(heard)
        try:
            yield
        finally:
            self._listeners.remove(heard)
