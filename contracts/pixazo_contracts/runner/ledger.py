"""The ledger: what all runs on this machine spent on one target, in a file that they share."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from pixazo_contracts.trace import MISSING, Ceilings, ConfigurationError, parse_json

#: How long to wait, in seconds, for another process to release its lock, and how long between two attempts.
PATIENCE: Final = 30.0
RETRY: Final = 0.01

#: How every record begins, and where its instant is: they identify a line that was cut by a crash.
BEGINNING: Final = b'{"at": "'
INSTANT: Final = re.compile(rb'\{"at": "([^"]+)"')


class LedgerError(ConfigurationError):
    """A ledger that cannot be read, locked or written; the message names the file and the remedy."""


class CeilingReachedError(Exception):
    """A reservation that a ceiling of the day or the month does not allow; the message names the ceiling and the ledger."""


#: The kinds of lines of the ledger.
Event = Literal["reserve", "spend", "release", "finished"]


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the ledger: a reservation, its outcome, or a generation that finished."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    run: str
    event: Event
    number: Annotated[int, msgspec.Meta(ge=0)] = 0
    request_id: str | None = None
    media_url: str | None = None


#: How the file is opened: to read and append, created if it does not exist.
APPENDING: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


NOW: Final = partial(datetime.now, UTC)

if sys.platform == "win32":
    import msvcrt

    #: A byte far beyond the end: on Windows, others cannot read the bytes that a lock covers.
    FAR: Final = 1 << 40

    def _try_lock(file: FileIO) -> None:
        file.seek(FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file: FileIO) -> None:
        file.seek(FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

    def _sync_directory(path: Path) -> None:
        """Do nothing: Windows cannot sync a directory, and need not."""
else:
    import fcntl

    def _try_lock(file: FileIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: FileIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

    def _sync_directory(path: Path) -> None:
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _lock(file: FileIO) -> None:
    """Wait for the lock. Raises OSError if the file cannot be locked or another process does not release it."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            _try_lock(file)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EACCES, errno.EDEADLK}:
                raise
            if time.monotonic() >= ends:
                raise TimeoutError(errno.ETIMEDOUT, f"another process has held its lock for {PATIENCE:g} s") from None
            time.sleep(RETRY)
        else:
            return


class Ledger:
    """An append-only file of reservations and what became of them; without a path it exists in memory only.

    Several processes may use one file: each reservation locks it, reads it again, and is on the disk before `reserve` returns. A
    reservation neither spent nor released is from a run that died, and counts as spent, as does a line that was cut. Every method
    raises `LedgerError` if the file cannot be read, locked or written.
    """

    def __init__(self, path: Path | None, run: str, now: Callable[[], datetime] = NOW) -> None:
        self.path = path
        self._run = run
        self._now = now
        self._size = 0
        self._entries: list[LedgerEntry] = []
        self.is_new = True
        if path is not None:
            # Nothing is changed yet.
            try:
                self._check(path.stat().st_mode)
                self._take_in(path.read_bytes())
                self.is_new = False
            except FileNotFoundError:
                return
            except OSError as error:
                raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"ledger {self.path}: {error.strerror or error}: make it a file that can be read, locked and written, or pass "
            "--ledger PATH"
        )

    @staticmethod
    def _check(mode: int) -> None:
        """Refuse everything but regular files: reading a pipe or a device might never end. Raises OSError."""
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file")

    def _take_in(self, data: bytes) -> None:
        """Take in the entries of the file; each line that was cut by a crash counts as a reservation."""
        at, found = self._now(), list[LedgerEntry]()
        # From the end: a line that was cut before its instant gets the instant of the next line.
        for number, line in reversed(list(enumerate(data.split(b"\n"), 1))):
            if line:
                found.append(self._entry(line, number, at))
                at = found[-1].at
        self._entries, self._size = found[::-1], len(data)

    def _entry(self, line: bytes, number: int, later: datetime) -> LedgerEntry:
        try:
            return msgspec.json.decode(line, type=LedgerEntry)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            is_json = parse_json(line.decode("utf-8", "replace")) is not MISSING
            if is_json or not line.startswith(BEGINNING[: len(line)]):
                raise LedgerError(
                    f"ledger {self.path}: line {number} is not an entry ({error}): restore the file, or pass --ledger PATH "
                    "to begin another, whose ceilings begin now"
                ) from None
        instant = INSTANT.match(line)
        try:
            at = datetime.fromisoformat(instant[1].decode()) if instant else later
        except ValueError:
            at = later
        return LedgerEntry(at=at if at.tzinfo else later, run=f"cut line {number}", event="reserve", number=0)

    @contextmanager
    def _exclusively(self) -> Generator[Callable[[LedgerEntry], None]]:
        """Lock the ledger and read it again; gives a function that appends an entry and returns once it is on the disk."""
        path = self.path
        if path is None:
            yield self._entries.append
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Opened each time: the lock of an open file excludes whoever else has opened it, also in this process.
            # Readable by its owner only: anyone with a media URL may be able to see the video.
            descriptor = os.open(path, APPENDING, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                self._check(os.fstat(file.fileno()).st_mode)
                _lock(file)
                try:
                    file.seek(0)
                    data = file.read()
                    if len(data) < self._size:
                        raise LedgerError(
                            f"ledger {path} was {self._size} bytes long and is {len(data)} now: another program "
                            "changed or removed it; do not touch it during a run"
                        )
                    self._take_in(data)
                    yield lambda entry: self._append(path, file, entry)
                finally:
                    _unlock(file)
        except OSError as error:
            raise self._unusable(error) from None

    def _append(self, path: Path, file: FileIO, entry: LedgerEntry) -> None:
        values = {**msgspec.structs.asdict(entry), "at": entry.at.isoformat(timespec="milliseconds")}
        line = json.dumps(values).encode() + b"\n"
        file.seek(max(0, self._size - 1))
        if self._size and file.read(1) != b"\n":
            line = b"\n" + line
        written = 0
        while written < len(line):
            written += file.write(line[written:])
        os.fsync(file.fileno())
        if not self._size:
            _sync_directory(path.parent)
        self._size += len(line)
        self._entries.append(entry)

    def _make(self, event: Event, **about: Any) -> LedgerEntry:
        return LedgerEntry(at=self._now(), run=self._run, event=event, **about)

    def prepare(self) -> None:
        """Make sure that the file can be read, locked and written."""
        with self._exclusively():
            pass

    def reserve(self, number: int, ceilings: Ceilings | None = None) -> None:
        """Reserve a generation under this run's number for it. Raises `CeilingReachedError` if a ceiling is reached."""
        with self._exclusively() as append:
            for name, ceiling, spent in self._used(ceilings or Ceilings()):
                if spent >= ceiling:
                    raise CeilingReachedError(
                        f"the ceiling {name} = {ceiling} is reached: {spent} generations in the ledger {self.path}: "
                        f"wait until the {name} is over, or raise it in the profile"
                    )
            append(self._make("reserve", number=number))

    def settle(self, number: int, *, released: bool) -> None:
        """Record the outcome of a reservation."""
        with self._exclusively() as append:
            append(self._make("release" if released else "spend", number=number))

    def finish(self, request_id: str, media_url: str | None) -> None:
        """Record a generation that finished, so that later runs can see how long it stays readable."""
        with self._exclusively() as append:
            append(self._make("finished", request_id=request_id, media_url=media_url))

    def spent(self, since: datetime | None = None, of: str = "") -> int:
        """How many reservations since an instant, of runs with this prefix, were not given back; future ones count."""
        held: dict[tuple[str, int], list[datetime]] = {}
        for entry in self._entries:
            reserved = held.setdefault((entry.run, entry.number), [])
            if entry.event == "reserve":
                reserved.append(entry.at)
            elif entry.event == "release" and reserved:
                reserved.pop()
        standing = (at for (run, _), reserved in held.items() if run.startswith(of) for at in reserved)
        return sum(since is None or at >= since for at in standing)

    def _used(self, ceilings: Ceilings) -> Iterator[tuple[str, int, int]]:
        """The ceilings that are set: name, number, and how much of it is used. Days and months are those of UTC."""
        today = self._now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        for name, ceiling, since in (("day", ceilings.day, today), ("month", ceilings.month, today.replace(day=1))):
            if ceiling is not None:
                yield name, ceiling, self.spent(since)

    def room(self, ceilings: Ceilings) -> int | None:
        """Generations left under the ceilings of this day and this month; None if there is neither."""
        left = [ceiling - spent for _, ceiling, spent in self._used(ceilings)]
        return max(0, min(left)) if left else None

    def summary(self, ceilings: Ceilings) -> str:
        """Where the ledger is and how much of each ceiling is used, in one line."""
        if self.is_new:
            return f"{self.path} (no file yet: ceilings begin now)"
        used = [f"{spent} of {ceiling} this {name}" for name, ceiling, spent in self._used(ceilings)]
        return f"{self.path} ({', '.join([f'{self.spent()} generations in all', *used])})"

    def finished(self) -> tuple[tuple[str, str | None], ...]:
        """Ids and media URLs of the generations that finished in earlier runs."""
        return tuple(
            (entry.request_id, entry.media_url)
            for entry in self._entries
            if entry.event == "finished" and entry.request_id is not None and entry.run != self._run
        )
