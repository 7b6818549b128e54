"""Keeps the worlds of a server beyond its process: the log of their commands, in memory, in a file of SQLite, or in Redis."""

from __future__ import annotations

from .entries import AnswerRequest
from .log import Log
from .store import Head, Kept, SharedStore, Store, StoreError, check_same, described, store_of

__all__ = [
    "AnswerRequest",
    "Head",
    "Kept",
    "Log",
    "SharedStore",
    "Store",
    "StoreError",
    "check_same",
    "described",
    "store_of",
]
