"""A log in an SQLite file, for one process: everything with a response survives its end, and submissions survive a power failure."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import msgspec

from pixazo_simulator.world import Row, StateUnavailableError

from .store import Head, Kept, Position, StoreError

T = TypeVar("T")

_APPLICATION = 0x70697861
"""In the header of the file (`application_id`): `pixa`."""
_BUSY = 1000
"""Milliseconds to wait for the lock of another process."""
_ROWS_TOGETHER = 20
_SCHEMA = """
CREATE TABLE head (data BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE entries (number INTEGER PRIMARY KEY, data BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE states (count INTEGER PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE rows (count INTEGER NOT NULL, path TEXT NOT NULL, data BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE INDEX rows_of_a_state ON rows (count);
"""


class SqliteStore:
    """A store in a file, in WAL mode, locked by the process that has it open."""

    def __init__(self, path: str) -> None:
        self.name = f"sqlite:{path}"
        self._path = Path(path)
        self._database: sqlite3.Connection | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="pixazo-sim:sqlite")
        self._count = 0

    def open(self, head: Head) -> Kept:
        """Open the file, which is created for its owner only if it is missing. Raises StoreError, and then leaves it as it was."""
        try:
            return self._open(head)
        except sqlite3.DatabaseError as error:
            raise StoreError(self._problem(error)) from None
        except OSError as error:
            raise StoreError(
                f"{self.name} cannot be opened: {error.strerror}; choose a file that this user can write"
            ) from None

    def _open(self, head: Head) -> Kept:
        # SQLite names the file with the latest entries (-wal) after the target of a link.
        self._path = Path(os.path.realpath(self._path))
        kept = self._read() if self._path.is_file() and self._path.stat().st_size else None
        if kept is None:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(
            self._path, timeout=_BUSY / 1000, isolation_level=None, check_same_thread=False, cached_statements=16
        )
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            if kept is None:
                # A single page, written in one step: a process that is killed now leaves a file with our application_id, and no journal file.
                database.execute("PRAGMA journal_mode = OFF")
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute("PRAGMA journal_mode = WAL")
            with _transaction(database, full=True):
                if kept is None:
                    for statement in _SCHEMA.split(";")[:-1]:
                        database.execute(statement)
                    data = msgspec.json.encode(head)
                    database.execute("INSERT INTO head VALUES (?, ?)", (data, crc32(data)))
                else:  # take the lock, and find out whether it can be written
                    database.execute("UPDATE head SET crc = crc")
        except BaseException:
            database.close()
            raise
        self._database = database
        return kept or Kept(head, 0, [], [])

    def _reading(self, mode: str) -> closing[sqlite3.Connection]:
        uri = f"{self._path.as_uri()}?{mode}"
        return closing(sqlite3.connect(uri, uri=True, timeout=_BUSY / 1000, isolation_level=None))

    def _read(self) -> Kept | None:
        """The content of the file, all checked before anything is written; None when its creation was interrupted."""
        # SQLite reads the header: if this process has the file open already, closing a descriptor of our own would release its lock (POSIX).
        with self._reading("immutable=1") as database:
            if database.execute("PRAGMA application_id").fetchone() != (_APPLICATION,):
                raise StoreError(f"{self.name} {': '.join(_NOT_OURS)}")
        # Opening it creates files next to it only if there already are some.
        with self._reading("mode=ro" if Path(f"{self._path}-wal").exists() else "immutable=1") as database:
            database.execute("BEGIN")
            if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return None
            if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise StoreError(f"{self.name} is damaged: its pages do not fit together{_REMEDY}")
            kept = self._kept(database)
        self._count = kept.count + len(kept.entries)
        return kept

    def _kept(self, database: sqlite3.Connection) -> Kept:
        (count,) = database.execute("SELECT coalesce(max(count), 0) FROM states").fetchone()
        rows = database.execute("SELECT path, data, crc FROM rows WHERE count = ? ORDER BY rowid", (count,))
        state = [Row(path, self._sound(data, crc)) for path, data, crc in rows]
        if count and not state:
            raise StoreError(f"{self.name} is damaged: its state is missing{_REMEDY}")
        found = database.execute("SELECT data, crc, number FROM entries WHERE number > ? ORDER BY number", (count,))
        entries: list[bytes] = []
        for data, crc, number in found:
            if number != count + len(entries) + 1:
                raise StoreError(f"{self.name} is damaged: entry {count + len(entries) + 1} is missing{_REMEDY}")
            entries.append(self._sound(data, crc))
        ((head, crc),) = database.execute("SELECT data, crc FROM head")
        return Kept(msgspec.json.decode(self._sound(head, crc), type=Head), count, state, entries)

    def _sound(self, data: object, crc: int) -> bytes:
        if not isinstance(data, bytes) or crc32(data) != crc:
            raise StoreError(f"{self.name} is damaged: a checksum is wrong{_REMEDY}")
        return data

    async def append(self, entries: Sequence[bytes], *, durable: bool) -> None:
        """Append entries in one transaction; it waits for the disk (fsync) only when they are `durable`."""
        await self._in_writer(lambda database: self._append(database, entries, full=durable))

    def _append(self, database: sqlite3.Connection, entries: Sequence[bytes], *, full: bool) -> None:
        with _transaction(database, full=full):
            numbered = ((number, data, crc32(data)) for number, data in enumerate(entries, self._count + 1))
            database.executemany("INSERT INTO entries VALUES (?, ?, ?)", numbered)
        self._count += len(entries)

    async def save(self, count: int, state: Iterable[Row], position: Position) -> None:  # noqa: ARG002
        """Save a state in batches of rows, between which entries are appended."""
        await self._in_writer(lambda database: database.execute("DELETE FROM rows WHERE count = ?", (count,)))
        rows = iter(state)
        while await self._in_writer(lambda database: self._save(database, count, rows)):
            pass
        await self._in_writer(lambda database: self._replace(database, count))

    def _save(self, database: sqlite3.Connection, count: int, rows: Iterator[Row]) -> bool:
        some = [(count, path, data, crc32(data)) for path, data in islice(rows, _ROWS_TOGETHER)]
        with _transaction(database, full=False):
            database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", some)
        return bool(some)

    def _replace(self, database: sqlite3.Connection, count: int) -> None:
        with _transaction(database, full=True):
            database.execute("INSERT INTO states VALUES (?)", (count,))
            database.execute("DELETE FROM states WHERE count < ?", (count,))
            database.execute("DELETE FROM rows WHERE count <> ?", (count,))
            database.execute("DELETE FROM entries WHERE number <= ?", (count,))

    async def _in_writer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in the thread that writes. Raises StateUnavailableError, and then nothing has changed."""
        database = self._database
        if database is None:
            raise StateUnavailableError(f"{self.name} is not open")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, work, database)
        except sqlite3.Error as error:
            raise StateUnavailableError(self._problem(error)) from None

    async def read(self) -> Kept:
        return await self._in_writer(self._kept)

    async def close(self) -> None:
        """Close the file after pending writes."""
        database, self._database = self._database, None
        if database:
            await asyncio.get_running_loop().run_in_executor(self._writer, database.close)
        self._writer.shutdown(wait=False)

    def _problem(self, error: sqlite3.Error) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what, remedy = _PROBLEMS.get(code, (str(error), "check that the file can be read and written"))
        return f"{self.name} {what}: {remedy}"


_REMEDY = ": restore a copy, or choose another file; this one was not changed"
_NOT_OURS = ("is not a file of pixazo-sim", "choose another file; this one was not changed")
_UNDONE = "requests without a response were not done"
_PROBLEMS = {
    sqlite3.SQLITE_BUSY: ("is used by another process", "end that one, or choose another file"),
    sqlite3.SQLITE_READONLY: ("cannot be written", "make the file and its folder writable for this user"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "make the file and its folder readable and writable for this user"),
    sqlite3.SQLITE_FULL: ("cannot be written, the disk is full", f"make room; {_UNDONE}"),
    sqlite3.SQLITE_IOERR: ("cannot be written", f"check that its disk works and has room; {_UNDONE}"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "restore a copy, or choose another file"),
    sqlite3.SQLITE_NOTADB: _NOT_OURS,
}
"""What is wrong, and the remedy, by SQLite's result code."""


def _transaction(database: sqlite3.Connection, *, full: bool) -> sqlite3.Connection:
    """Begin a transaction, whose end waits for the disk (fsync) if it is `full`; as a context manager the connection ends it."""
    database.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
    database.execute("BEGIN IMMEDIATE")
    return database
