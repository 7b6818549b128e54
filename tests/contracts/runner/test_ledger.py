"""The ledger: a file that processes share, crash halfway, and damage."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from stat import S_ISDIR
from typing import TYPE_CHECKING

import pytest
from tests.command import started
from tests.patience import PATIENCE

from pixazo_contracts.runner import ledger as ledgers
from pixazo_contracts.runner.ledger import CeilingReachedError, Ledger, LedgerError
from pixazo_contracts.trace.target import Ceilings

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
at_noon = partial(datetime, 2026, 3, 31, 12, tzinfo=UTC)

RESERVED = '{"at": "2026-03-31T11:00:00.000+00:00", "run": "old", "event": "reserve", "number": 1}\n'
RELEASED = RESERVED.replace("reserve", "release")
SPENDER = """
import sys
from pathlib import Path
from pixazo_contracts.runner.ledger import CeilingReachedError, Ledger
from pixazo_contracts.trace.target import Ceilings
ledger = Ledger(Path(sys.argv[1]), "same name")
for number in range(1, 6):
    try:
        ledger.reserve(number, Ceilings(day=3))
        print("reserved")
    except CeilingReachedError:
        pass
"""


@pytest.mark.slow
def test_processes_at_once_keep_a_ceiling_together(tmp_path: Path) -> None:
    """Four processes that each want five of `day = 3` get three together, even under one run's name."""
    path = tmp_path / "ledger.ndjson"
    with ExitStack() as running:
        processes = [running.enter_context(started(sys.executable, "-c", SPENDER, path)) for _ in range(4)]
        outputs = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    assert b"".join(outputs).count(b"reserved") == 3
    assert path.read_text().count('"reserve"') == 3


def test_what_another_run_spent_meanwhile_counts(tmp_path: Path) -> None:
    """The file is read again for each reservation, and the ceiling is named with the ledger."""
    path = tmp_path / "ledger.ndjson"
    ours, theirs = Ledger(path, "ours"), Ledger(path, "theirs")
    theirs.reserve(1)
    ours.reserve(1, Ceilings(day=2))
    with pytest.raises(CeilingReachedError, match=r"the ceiling day = 2 is reached: 2 .*ledger\.ndjson"):
        ours.reserve(2, Ceilings(day=2))
    theirs.settle(1, released=True)
    ours.reserve(2, Ceilings(day=2))


def test_a_reservation_is_synced_and_so_is_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry is on the disk when `reserve` returns; for the first also the entry of its directory."""
    synced: list[str] = []
    sync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append("directory" if S_ISDIR(os.fstat(descriptor).st_mode) else path.read_text()[-10:])
        sync(descriptor)

    path = tmp_path / "ledger.ndjson"
    monkeypatch.setattr(os, "fsync", noting)
    ledger = Ledger(path, "run")
    ledger.reserve(1)
    assert synced == [path.read_text()[-10:], "directory"]
    ledger.settle(1, released=False)
    assert len(synced) == 3


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Media URLs in it are nobody else's business."""
    path = tmp_path / "state" / "ledger.ndjson"
    Ledger(path, "run").reserve(1)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("length", [1, 8, 12, 30, len(RESERVED) - 2])
def test_a_line_that_was_cut_counts_as_spent(tmp_path: Path, length: int) -> None:
    """A crash amid a line leaves one generation spent, today, and the next entry begins a line of its own."""
    path = tmp_path / "ledger.ndjson"
    path.write_text(RESERVED + RELEASED + RESERVED[:length])
    ledger = Ledger(path, "new", at_noon)
    assert ledger.room(Ceilings(day=5)) == 4
    ledger.reserve(1, Ceilings(day=5))
    assert json.loads(path.read_text().splitlines()[-1])["run"] == "new"
    assert Ledger(path, "later", at_noon).room(Ceilings(day=5)) == 3


def test_a_last_line_without_its_end_is_an_entry(tmp_path: Path) -> None:
    """Where only the newline is missing the entry counts once."""
    path = tmp_path / "ledger.ndjson"
    path.write_text(RESERVED.rstrip())
    ledger = Ledger(path, "new", at_noon)
    ledger.reserve(1)
    assert Ledger(path, "later").spent() == 2


@pytest.mark.parametrize(
    "content",
    [
        b"garbage",
        b"garbage\n",
        b"\x00\x01\x02\xff",
        b"\x00" * 40 + b"\n",
        b"[]\n",
        b"{}\n",
        RESERVED.replace('"number": 1', '"number": -1').encode(),
        RESERVED.replace('"number": 1', '"number": "1"').encode(),
        RESERVED.replace('"number": 1', '"numbers": 1').encode(),
        RESERVED.replace("reserve", "refund").encode(),
        RESERVED.replace("+00:00", "").encode(),
        RESERVED.replace("2026-03-31", "yesterday").encode(),
        b"[" * 100_000 + b"\n",
        RESERVED.encode() + b"garbage\n" + RESERVED.encode(),
    ],
    ids=lambda content: repr(content[-40:]),
)
def test_a_damaged_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    """What no run of ours wrote is named with file, line and remedy, and left as it is."""
    path = tmp_path / "ledger.ndjson"
    path.write_bytes(content)
    with pytest.raises(
        LedgerError, match=r"ledger .*ledger\.ndjson: line \d is not an entry .*restore the file, or pass"
    ):
        Ledger(path, "run")
    assert path.read_bytes() == content


def _directory(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [_directory, _loop, _pipe])
def test_what_is_no_file_is_refused(tmp_path: Path, make: object) -> None:
    """A directory, a symbolic link to itself, a pipe that would never end."""
    path = tmp_path / "ledger.ndjson"
    make(path)  # type: ignore[operator]  # one of the three functions above
    with pytest.raises(LedgerError, match=r"ledger\.ndjson: .*pass --ledger PATH"):
        Ledger(path, "run").prepare()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Where the ledger cannot be made nothing is reserved."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="pass --ledger PATH"):
        Ledger(tmp_path / "file" / "ledger.ndjson", "run").reserve(1)


def test_a_lock_that_is_never_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that keeps the lock keeps us from reserving, and is named."""
    monkeypatch.setattr(ledgers, "PATIENCE", 0.0)
    path = tmp_path / "ledger.ndjson"
    ledger = Ledger(path, "run")
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="another process has held its lock"):
            ledger.reserve(1)


def test_a_ledger_that_is_taken_away(tmp_path: Path) -> None:
    """A file that shrinks while a run is under way is not begun anew."""
    path = tmp_path / "ledger.ndjson"
    ledger = Ledger(path, "run")
    ledger.reserve(1)
    path.unlink()
    with pytest.raises(LedgerError, match="changed or removed it"):
        ledger.reserve(2)


def test_a_clock_that_went_backwards(tmp_path: Path) -> None:
    """Entries from the future count for today and this month."""
    path = tmp_path / "ledger.ndjson"
    Ledger(path, "future", lambda: datetime(2027, 1, 1, tzinfo=UTC)).reserve(1)
    assert Ledger(path, "now", at_noon).room(Ceilings(day=5, month=9)) == 4


def test_days_are_those_of_utc(tmp_path: Path) -> None:
    """An entry of 23:30 in New York is of the next day."""
    path = tmp_path / "ledger.ndjson"
    path.write_text(RESERVED.replace("2026-03-31T11:00:00.000+00:00", "2026-03-30T23:30:00.000-04:00"))
    assert Ledger(path, "now", at_noon).room(Ceilings(day=5)) == 4


def test_its_summary(tmp_path: Path) -> None:
    """One line names the file and what is used; that ceilings begin now where there was none."""
    path = tmp_path / "ledger.ndjson"
    assert Ledger(path, "run").summary(Ceilings(day=5)) == f"{path} (no file yet: ceilings begin now)"
    path.write_text(RESERVED)
    summary = Ledger(path, "run", at_noon).summary(Ceilings(day=5, month=9))
    assert summary == f"{path} (1 generations in all, 1 of 5 this day, 1 of 9 this month)"
