"""The videos that were ordered and what is known of them, in a SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

# Two tables, because a webhook may arrive before we have stored the id that it is about: whichever comes first, they meet.
SCHEMA = """
    CREATE TABLE IF NOT EXISTS videos (number INTEGER PRIMARY KEY, prompt TEXT NOT NULL, request_id TEXT UNIQUE);
    CREATE TABLE IF NOT EXISTS ends (request_id TEXT PRIMARY KEY, status TEXT NOT NULL, media_url TEXT);
"""
FIND = """
    SELECT number, coalesce(status, 'QUEUED'), media_url FROM videos LEFT JOIN ends USING (request_id) WHERE number = ?
"""


@dataclass(frozen=True)
class Video:
    """The state of a video."""

    number: int
    status: str
    media_url: str | None


class Library:
    """Opened for each call, so that any thread may use it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._open() as database:
            database.executescript(SCHEMA)

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file)) as database, database:
            yield database

    def add(self, prompt: str) -> int:
        """Enter a new video; returns its number."""
        with self._open() as database:
            return int(database.execute("INSERT INTO videos (prompt) VALUES (?)", (prompt,)).lastrowid or 0)

    def submitted(self, number: int, request_id: str) -> None:
        """Store the request id of the gateway."""
        with self._open() as database:
            database.execute("UPDATE videos SET request_id = ? WHERE number = ?", (request_id, number))

    def ended(self, request_id: str, status: str, media_url: str | None) -> None:
        """Store how it ended; an end does not change, so a duplicate is ignored."""
        with self._open() as database:
            database.execute("INSERT OR IGNORE INTO ends VALUES (?, ?, ?)", (request_id, status, media_url))

    def find(self, number: int) -> Video | None:
        """The state of a video, None when there is none with this number."""
        with self._open() as database:
            row = database.execute(FIND, (number,)).fetchone()
        return Video(*row) if row else None
