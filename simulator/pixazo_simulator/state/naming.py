"""Which name means which store."""

from __future__ import annotations

from pixazo_simulator.spec import nearest

from .memory import MemoryStore
from .store import Store

STATES = ("memory", "memory-log", "sqlite:FILE", "redis://HOST:PORT/DB")
"""How a state is named; `memory` keeps no log."""


def shown_state(state: str) -> str:
    """How a state is shown: without what may be a password."""
    return f"{state.partition(':')[0].rpartition('@')[2]}:..." if any(each in state for each in "@?#") else state


def store_of(state: str) -> Store:
    """The store with a name. Raises ValueError with the remedy for any other name, or a missing library."""
    kind, _, rest = state.partition(":")
    if state == "memory-log":
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
    raise ValueError(f"state {shown_state(state)!r} is not one of {', '.join(STATES)}{nearest(state, STATES)}")
