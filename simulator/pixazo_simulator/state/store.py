"""Where a log is kept: what a store must do, its first record, and the store in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Protocol, runtime_checkable

import msgspec

from pixazo_simulator.spec import dollars
from pixazo_simulator.world import Begun, ChangeSettings, Row, Settings, StateUnavailableError

from .entries import FORMAT

LEASE = 3.0
"""Seconds after which a process that sends no heartbeat is considered dead."""
_SHOWN = 32
_DECIDING = ("keys", "start", "balance", "seed", "open_keys", "magic", "bounds", "most_worlds", "script")
"""Settings that decide what commands do, besides policy and clock."""


class StoreError(ValueError):
    """A store that cannot be opened, or that contains something else. The message names it, what is wrong, and the remedy."""


class Head(msgspec.Struct, frozen=True):
    """The first record of a store: when the worlds were created, with which settings, and the number of the format.

    `first` has settings that may change by `ChangeSettings`; None in a store of a version that did not keep them.
    """

    begun: Begun
    settings: dict[str, str]
    form: int = FORMAT
    first: ChangeSettings | None = None


def described(settings: Settings, change: str) -> dict[str, str]:
    """The settings that decide how commands are carried out; `change` is the name of the mutant or variant."""
    values = msgspec.structs.asdict(settings)
    policy = msgspec.json.decode(msgspec.json.encode(values.pop("policy")))
    models = {"models": settings.models} if settings.models else {}
    values = {name: values[name] for name in _DECIDING} | models | {"clock": str(settings.clock()), "mutant": change}
    values |= {f"policy {name}": value for name, value in policy.items()}
    texts = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in values.items()
    }
    # A digest replaces long values, and keys, which `check_same` must not show.
    return {
        name: text if len(text) <= _SHOWN and name != "keys" else blake2b(text.encode()).hexdigest()[:_SHOWN]
        for name, text in texts.items()
    }


def check_same(name: str, found: Head, given: Head, *, but_changeable: bool = False) -> None:
    """Raise StoreError if settings that decide what commands do differ; `but_changeable` ignores those of `ChangeSettings`."""
    if found.form != given.form:
        raise StoreError(
            f"{name} was written by another version (format {found.form}, not {given.form}): use that one, or choose another state"
        )
    for setting in dict.fromkeys((*given.settings, *found.settings)):
        if but_changeable and (setting == "script" or setting.startswith("policy ")):
            continue
        before, value = found.settings.get(setting), given.settings.get(setting)
        if before != value:
            if setting == "balance":  # in millionths
                before, value = (f"${dollars(int(each or 0))}" for each in (before, value))
            raise StoreError(
                f"{name} was started with {setting} {before}, but this server has {value}: use the same options, or choose another state"
            )


class Kept(msgspec.Struct):
    """The content of a store: its head, the rows of the latest state (see `Worlds.saved`), and the entries after it.

    `count` says how many entries there were before the state.
    """

    head: Head
    count: int
    state: Sequence[Row]
    entries: Sequence[bytes]


Position = tuple[int, int]
"""The position of an entry in a store that several processes append to; later ones are greater."""


class Store(Protocol):
    """Keeps the entries of one log in order, and the latest state that was saved.

    Its coroutines raise StateUnavailableError when the store cannot be used now; then nothing has changed.
    """

    name: str
    """The name of the store in messages, without a password."""

    def open(self, head: Head) -> Kept:
        """Open the store for this process and return its content; an empty store gets this head. It may take long.

        Raises StoreError when it cannot be used, and then has changed nothing.
        """
        ...

    async def append(self, entries: Sequence[bytes], *, durable: bool) -> None:
        """Append entries, all or none. `durable` ones survive a failure of the machine, others the end of the process."""
        ...

    async def save(self, count: int, state: Iterable[Row], position: Position) -> None:
        """Save the state after `count` entries, the last of which is at `position`, and delete the entries before it."""
        ...

    async def read(self) -> Kept:
        """The present content of the store."""
        ...

    async def close(self) -> None:
        """Release the store."""
        ...


@runtime_checkable
class SharedStore(Store, Protocol):
    """A store to which several processes append at the same time."""

    cursor: Position
    """The position of the last entry that was returned, or that does not count."""

    async def follow(self) -> Sequence[bytes]:
        """Wait for further entries of any process and return them in order; the cursor moves in the same turn of the loop.

        Raises StoreError for what is not an entry.
        """
        ...

    async def tail(self) -> Position:
        """The position of the latest entry."""
        ...

    async def hold(self, process: str) -> bool:
        """Renew the lease of a process for LEASE seconds (heartbeat); return whether it is the leader."""
        ...

    async def living(self, processes: Iterable[str]) -> set[str]:
        """Those of these processes whose lease has not expired."""
        ...


class MemoryStore:
    """Nothing outlives the process, but what has happened can be exported and inspected. It may start with the content of another store."""

    name = "memory-log"

    def __init__(self, kept: Kept | None = None) -> None:
        self._head = kept.head if kept else None
        self._count = kept.count if kept else 0
        self._state = list(kept.state) if kept else list[Row]()
        self._entries = list(kept.entries) if kept else list[bytes]()

    def open(self, head: Head) -> Kept:
        """Return what was kept by the simulator that used it before, if there was one."""
        self._head = self._head or head
        return Kept(self._head, self._count, self._state, tuple(self._entries))

    async def append(self, entries: Sequence[bytes], *, durable: bool) -> None:  # noqa: ARG002 - nothing here is
        self._entries += entries

    async def save(self, count: int, state: Iterable[Row], position: Position) -> None:  # noqa: ARG002
        self._state = list(state)
        del self._entries[: count - self._count]
        self._count = count

    async def read(self) -> Kept:
        if self._head is None:
            raise StateUnavailableError(f"{self.name} is not open")
        return self.open(self._head)

    async def close(self) -> None:
        """Do nothing: a log in memory has no resource."""
