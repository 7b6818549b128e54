"""Where a log is kept: what a store has to do, and which text names which store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Protocol, runtime_checkable

import msgspec

from pixazo_simulator.spec import nearest
from pixazo_simulator.world import Begun, Row, Settings

from .entries import FORMAT

_SHOWN = 32
_DECIDING = ("keys", "start", "balance", "seed", "open_keys", "magic", "bounds", "most_worlds", "script")
"""Settings that decide what commands do, besides policy and clock."""


class StoreError(ValueError):
    """A store that cannot be opened, or that holds something else. The message names it, what is wrong, and the remedy."""


class Head(msgspec.Struct, frozen=True):
    """What a store says first: when the worlds were begun, with which settings, and in which form they are kept."""

    begun: Begun
    settings: dict[str, str]
    form: int = FORMAT


def described(settings: Settings, change: str) -> dict[str, str]:
    """What the settings say of how commands are carried out; `change` is the name of the mutant or variant."""
    told = msgspec.structs.asdict(settings)
    policy = msgspec.json.decode(msgspec.json.encode(told.pop("policy")))
    models = {"models": settings.models} if settings.models else {}
    told = {name: told[name] for name in _DECIDING} | models | {"clock": str(settings.clock()), "mutant": change}
    told |= {f"policy {name}": value for name, value in policy.items()}
    texts = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in told.items()
    }
    # Long ones need not be shown, and keys must not be.
    return {
        name: text if len(text) <= _SHOWN and name != "keys" else blake2b(text.encode()).hexdigest()[:_SHOWN]
        for name, text in texts.items()
    }


def check_same(name: str, found: Head, given: Head) -> None:
    """Raise StoreError unless a store was begun with the same settings, which decide what its commands do."""
    if found.form != given.form:
        raise StoreError(
            f"{name} was written by another version (form {found.form}, not {given.form}): use that one, or name another state"
        )
    for setting in dict.fromkeys((*given.settings, *found.settings)):
        if (before := found.settings.get(setting)) != (value := given.settings.get(setting)):
            raise StoreError(
                f"{name} was begun with {setting} {before}, this server has {value}: give it the same options, or name another state"
            )


class Kept(msgspec.Struct):
    """What a store holds: its head, the rows of the latest state (see `Worlds.saved`), and the entries after it.

    `count` says how many entries there were before the state.
    """

    head: Head
    count: int
    state: Sequence[Row]
    entries: Sequence[bytes]


Position = tuple[int, int]
"""Where an entry stands in a store that several processes append to; later ones are greater."""


class Store(Protocol):
    """Keeps the entries of one log in order, and the latest state that was saved.

    Methods that are coroutines raise StateUnavailableError when the store cannot be used now; then nothing has changed.
    """

    name: str
    """What messages call it; it shows no password."""

    def open(self, head: Head) -> Kept:
        """Open it for this process, and return what it holds; an empty one gets this head. It may take long.

        Raises StoreError when it cannot be used, and then has changed nothing.
        """
        ...

    async def append(self, entries: Sequence[bytes], *, durable: bool) -> None:
        """Append entries, all or none. `durable` ones survive a machine that fails, others a process that ends."""
        ...

    async def save(self, count: int, state: Iterable[Row], position: Position) -> None:
        """Keep the state after so many entries, the last of which stands at `position`, and forget what led to it."""
        ...

    async def read(self) -> Kept:
        """What it holds now."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


@runtime_checkable
class SharedStore(Store, Protocol):
    """A store to which several processes append at the same time."""

    cursor: Position
    """Where the last entry stands that was returned, or that does not count."""

    async def follow(self) -> Sequence[bytes]:
        """Wait for entries beyond those that were returned before, by whichever process, and return them in order.

        The cursor moves in the same turn of the loop. Raises StoreError for what is no entry.
        """
        ...

    async def tail(self) -> Position:
        """Where the latest entry stands."""
        ...

    async def hold(self, process: str) -> bool:
        """Say that a process lives, for LEASE seconds; whether it is the one that does what only one may do."""
        ...

    async def living(self, processes: Iterable[str]) -> set[str]:
        """Which of these processes have said so."""
        ...


LEASE = 3.0
"""Seconds after which a process that does not say that it lives is taken to have ended."""
STATES = ("memory", "memory-log", "sqlite:FILE", "redis://HOST:PORT/DB")
"""How a state is named; `memory` keeps no log."""


def store_of(state: str) -> Store:
    """The store that a text names. Raises ValueError with the remedy for any other text, or a library that is missing."""
    kind, _, rest = state.partition(":")
    if state == "memory-log":
        from .memory import MemoryStore

        return MemoryStore()
    if kind == "sqlite" and rest:
        from .sqlite import SqliteStore

        return SqliteStore(rest)
    if kind in ("redis", "rediss", "valkey") and rest.startswith("//"):
        try:
            from .redis import RedisStore
        except ImportError:
            raise ValueError(f"state {kind}://... needs the library redis: install pixazo-testkit[redis]") from None
        return RedisStore(state)
    raise ValueError(f"state {state!r} is not one of {', '.join(STATES)}{nearest(state, STATES)}")
