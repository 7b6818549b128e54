"""Keeps the worlds of a server beyond its process: the log of their commands, in memory, in a file of SQLite, or in Redis."""

from .entries import Answering
from .history import Happened, Replayed, Scratch, WorldLog, beginning, export, happened, kept_log, world_at
from .log import Log, shown_state, store_of
from .store import Head, Kept, MemoryStore, Store, StoreError, check_same, described

__all__ = [
    "Answering", "Happened", "Head", "Kept", "Log", "MemoryStore", "Replayed", "Scratch", "Store", "StoreError", "WorldLog",
    "beginning", "check_same", "described", "export", "happened", "kept_log", "shown_state", "store_of", "world_at",
]  # fmt: skip
