"""What goes wrong with a file of SQLite: before the start one line and exit code 2, later 503 until it can be used again."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.caller import Caller, over_http
from tests.command import COMMAND, mistake, started
from tests.patience import until
from tests.serving import ServeProcess

from pixazo_simulator import Settings, Simulator, SimulatorError
from pixazo_simulator.state import Head, StoreError
from pixazo_simulator.state.sqlite import SqliteStore

from .keeping import HEAD

OPTIONS = ("--port", "0", "--clock", "manual", "--api-key", "a-key")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """That of a file with some worlds."""
    file = tmp_path_factory.mktemp("kept") / "worlds"
    with _simulator(file) as simulator:
        caller = Caller(over_http(simulator.url), "a-key")
        for number in range(200):
            caller.accepted(f"A bear, {number}")
    assert file.stat().st_size > 100_000
    return file.read_bytes()


@pytest.fixture
def kept(content: bytes, tmp_path: Path) -> Path:
    """A file with some worlds, which no process uses."""
    file = tmp_path / "worlds"
    file.write_bytes(content)
    return file


def _simulator(file: Path) -> Simulator:
    return Simulator(Settings(keys=("a-key",)), state=f"sqlite:{file}")


def _serving(file: Path, *options: str) -> ServeProcess:
    return ServeProcess(file.with_name("serve"), *OPTIONS[2:], "--state", f"sqlite:{file}", *options)


def _said(file: Path) -> str:
    """The one line about a file that cannot be used, which must be as it was afterwards, with all that is beside it."""
    before = {each: each.read_bytes() for each in file.parent.glob(f"{file.name}*") if each.is_file()}
    said = mistake("serve", *OPTIONS, "--state", f"sqlite:{file}")
    assert {each: each.read_bytes() for each in file.parent.glob(f"{file.name}*") if each.is_file()} == before
    assert said.startswith(f"sqlite:{file} "), said
    return said


def _foreign(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE shops (name TEXT)")
        database.commit()


FOREIGN: dict[str, Callable[[Path], object]] = {
    "text": lambda file: file.write_text("a shopping list\n" * 100),
    "short text": lambda file: file.write_text("x"),
    "zeros": lambda file: file.write_bytes(bytes(8192)),
    "another database": _foreign,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_left_alone(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "foreign"
    FOREIGN[kind](file)
    assert _said(file).endswith(" is not a file of pixazo-sim: choose another file; this one was not changed")


def test_only_durable_entries_wait_for_the_disk(tmp_path: Path) -> None:
    """SQLite calls fsync at the end of a FULL transaction; while one is open the level cannot be changed."""
    store = SqliteStore(str(tmp_path / "worlds"))
    store.open(HEAD)
    for durable, level in ((True, "FULL"), (False, "NORMAL"), (True, "FULL")):
        done: list[str] = []
        assert store._database
        store._database.set_trace_callback(done.append)
        asyncio.run(store.append([b"entry"], durable=durable))
        assert [each.split(" INTO")[0] for each in done] == [
            f"PRAGMA synchronous = {level}", "BEGIN IMMEDIATE", "INSERT", "COMMIT",
        ]  # fmt: skip
    asyncio.run(store.close())


@pytest.mark.parametrize("name", ["worlds", ":memory:"])
def test_an_empty_file_is_a_new_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that `mktemp` has made, whatever its name means to SQLite."""
    monkeypatch.chdir(tmp_path)
    file = Path(name)
    file.touch()
    with _simulator(file) as simulator:
        identity = Caller(over_http(simulator.url), "a-key").accepted()
    with _simulator(file) as simulator:
        assert Caller(over_http(simulator.url), "a-key").status(identity) == "QUEUED"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Nor is a file in a folder that is not there."""
    (tmp_path / "folder").mkdir()
    assert "choose a file that this user can write" in _said(tmp_path / "folder")
    assert "choose a file that this user can write" in _said(tmp_path / "nowhere" / "worlds")


@pytest.mark.slow
def test_a_damaged_file_is_left_alone(kept: Path) -> None:
    """Wherever a byte of it was changed, it is refused and stays so, unless all that was kept is still there."""
    whole, chance = kept.read_bytes(), random.Random(1)
    expected = _read(kept)
    refused = 0
    for place in [*range(100), *(chance.randrange(100, len(whole)) for _ in range(150))]:
        damaged = whole[:place] + bytes([whole[place] ^ chance.randrange(1, 256)]) + whole[place + 1 :]
        for beside in kept.parent.glob("worlds-*"):
            beside.unlink()
        kept.write_bytes(damaged)
        if said := _refusal(kept, expected):
            assert re.fullmatch(rf"sqlite:{kept} [^\n]+: [^\n]+", said), said
            assert kept.read_bytes() == damaged
            refused += 1
    assert refused > 150


def _refusal(file: Path, expected: tuple[Head, list[bytes]]) -> str | None:
    """Why a file is refused; None when it is not, and has what is expected."""
    try:
        found = _read(file)
    except StoreError as error:
        return str(error)
    assert found == expected
    return None


def _read(file: Path) -> tuple[Head, list[bytes]]:
    """What a store reads in a file; it is closed again."""
    store = SqliteStore(str(file))
    try:
        kept = store.open(HEAD)
        return kept.head, list(kept.entries)
    finally:
        asyncio.run(store.close())


@pytest.mark.slow
@pytest.mark.parametrize("share", [*(pytest.param(each, marks=pytest.mark.exhaustive) for each in (0.1, 0.9)), 0.5])
def test_a_truncated_file_is_left_alone(kept: Path, share: float) -> None:
    """As a copy that was not finished."""
    whole = kept.read_bytes()
    kept.write_bytes(whole[: int(len(whole) * share)])
    assert " is damaged" in _said(kept)


def test_a_missing_entry_is_seen(kept: Path) -> None:
    """Though the file is a sound database."""
    with contextlib.closing(sqlite3.connect(kept)) as database:
        database.execute("DELETE FROM entries WHERE number = 100")
        database.commit()
    assert " is damaged: entry 100 is missing: restore a copy" in _said(kept)


@pytest.mark.slow
def test_a_file_that_another_process_uses(kept: Path) -> None:
    """A second server is refused, and the first one goes on; so is the first one while another program writes."""
    with _serving(kept) as serving:
        before = kept.read_bytes()
        assert mistake("serve", *OPTIONS, "--state", f"sqlite:{kept}") == (
            f"sqlite:{kept} is used by another process: end that one, or choose another file"
        )
        assert kept.read_bytes() == before
        Caller(over_http(serving.url), "a-key").accepted()
    for beside in kept.parent.glob("worlds-*"):
        beside.unlink()
    with contextlib.closing(sqlite3.connect(kept, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        assert " is used by another process: end that one" in mistake("serve", *OPTIONS, "--state", f"sqlite:{kept}")


def test_a_refused_simulator_of_the_same_process_does_not_release_the_file(kept: Path) -> None:
    """POSIX ends the locks of a process on a file when any descriptor of it is closed."""
    with _simulator(kept):
        with pytest.raises(SimulatorError, match="is used by another process"), _simulator(kept):
            pass
        assert " is used by another process" in mistake("serve", *OPTIONS, "--state", f"sqlite:{kept}")


def test_a_link_leads_to_the_latest_entries(tmp_path: Path) -> None:
    """They are beside its target when the process was killed, as are those of this copy of a file in use."""
    file, copies = tmp_path / "worlds", tmp_path / "copies"
    with _simulator(file) as simulator:
        identity = Caller(over_http(simulator.url), "a-key").accepted()
        copies.mkdir()
        for each in (file, tmp_path / "worlds-wal"):
            shutil.copy(each, copies)
    link = tmp_path / "link"
    link.symlink_to(copies / "worlds")
    with _simulator(link) as simulator:
        assert Caller(over_http(simulator.url), "a-key").status(identity)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of one megabyte, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False, stderr=subprocess.DEVNULL
    ).returncode:
        pytest.skip("this user may not mount a disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_must_not_be_written(kept: Path, what: str) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    place, mode = (kept, 0o400) if what == "file" else (kept.parent, 0o500)
    place.chmod(mode)
    try:
        assert "writable for this user" in _said(kept)
    finally:
        place.chmod(0o700)


def test_a_disk_that_must_not_be_written(kept: Path, small_disk: Path) -> None:
    """Whoever the user is."""
    copy = small_disk / "worlds"
    copy.write_bytes(kept.read_bytes())
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert " cannot be written: " in _said(copy)
    assert " cannot be opened: Read-only file system; choose a file that this user can write" in _said(
        small_disk / "new"
    )


def _full(caller: Caller) -> tuple[list[str], str]:
    """Submit until the disk is full: what was accepted, and what was said then."""
    accepted = list[str]()
    while (reply := caller.generate("A bear" * 200)).status == 202:
        accepted.append(reply.json()["request_id"])
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    message: str = reply.json()["message"]
    return accepted, message


@pytest.mark.slow
def test_a_disk_that_is_full(small_disk: Path, tmp_path: Path) -> None:
    """What was refused was not done, what was accepted is kept; it goes on when there is room again."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes(300_000))
    serving = ServeProcess(
        tmp_path / "serve", *OPTIONS[2:], "--balance", "100000", "--state", f"sqlite:{small_disk / 'worlds'}"
    )
    with serving:
        caller = Caller(over_http(serving.url), "a-key")
        accepted, message = _full(caller)
        assert "the disk is full: make room; requests without a response were not done" in message
        assert caller.call("PATCH", "/_sim/world", {"suspended": True}).status == 503
        assert [each["request_id"] for each in caller.sim("generations?limit=1000")["generations"]] == accepted
        filler.unlink()
        accepted.append(caller.accepted())
        until(lambda: "the disk is full" in serving.log)
        serving.restart()
        assert serving.log.count("the disk is full") == 1
        assert [each["request_id"] for each in caller.sim("generations?limit=1000")["generations"]] == accepted
        assert not caller.sim("world")["suspended"]


@pytest.mark.exhaustive
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The limit of a process for the size of its files is as a full disk."""
    serving = _serving(tmp_path / "worlds", "--balance", "100000")
    with serving:
        caller = Caller(over_http(serving.url), "a-key")
        resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        accepted, message = _full(caller)
        assert "cannot be written" in message
        resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        accepted.append(caller.accepted())
        serving.restart()
        assert [each["request_id"] for each in caller.sim("generations?limit=1000")["generations"]] == accepted


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, pytest.param(40, marks=pytest.mark.exhaustive)])
def test_a_server_that_is_killed_while_it_makes_its_file(kills: int, tmp_path: Path) -> None:
    """Whatever it has made of the file by then, the next start uses it."""
    chance = random.Random(kills)
    for number in range(kills):
        file = tmp_path / f"worlds-{number}"
        with started(COMMAND, "serve", *OPTIONS, "--state", f"sqlite:{file}") as process:
            until(file.exists)
            with pytest.raises(subprocess.TimeoutExpired):  # it runs until the end of the block kills it
                process.wait(chance.uniform(0, 0.02))
        with ServeProcess(tmp_path / f"serve-{number}", *OPTIONS[2:], "--state", f"sqlite:{file}") as serving:
            Caller(over_http(serving.url), "a-key").accepted()
