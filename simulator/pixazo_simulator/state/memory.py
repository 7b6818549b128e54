"""A log in memory: nothing outlives the process, but what has happened can be exported and inspected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pixazo_simulator.world import Row, StateUnavailableError

from .store import Head, Kept, Position


class MemoryStore:
    """A store in this process, which may start with the content of another one."""

    name = "memory-log"

    def __init__(self, kept: Kept | None = None) -> None:
        self._head = kept.head if kept else None
        self._count = kept.count if kept else 0
        self._state = list(kept.state) if kept else list[Row]()
        self._entries = list(kept.entries) if kept else list[bytes]()

    def open(self, head: Head) -> Kept:
        """Return what was kept by the simulator that used it before, if there was one."""
        self._head = self._head or head
        return self._kept(self._head)

    def _kept(self, head: Head) -> Kept:
        return Kept(head, self._count, self._state, tuple(self._entries))

    async def append(self, entries: Sequence[bytes], *, durable: bool) -> None:  # noqa: ARG002 - nothing here is
        self._entries += entries

    async def save(self, count: int, state: Iterable[Row], position: Position) -> None:  # noqa: ARG002
        self._state = list(state)
        del self._entries[: count - self._count]
        self._count = count

    async def read(self) -> Kept:
        if self._head is None:
            raise StateUnavailableError(f"{self.name} is not open")
        return self._kept(self._head)

    async def close(self) -> None:
        """Do nothing: a log in memory has no resource."""
