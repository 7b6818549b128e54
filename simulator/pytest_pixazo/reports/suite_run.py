"""One run of a test suite in a process of its own, and its result.

That process loads this file with `-p`: the hooks at its end record what happens, one JSON object a line, in the file that the
environment names.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_pixazo.world import SECRETS, Place

RECORD_FILE_VARIABLE = "PIXAZO_RECORDER_FILE"
"""The environment variable with the path of the file."""
SERVER_FIXTURE = "pixazo_simulator"
LONGEST = 200
"""The most characters of a reason that are recorded."""
LAST_LINES = 5
"""Lines of output that explain a run which recorded no failure."""
GRACE = 5.0
"""Seconds that a process has to exit after SIGTERM."""


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """The result of a run: tests that began, those that used a world and where they are, those that failed and why, each in order.

    `exit_code` is None when the run exceeded its limit; `output` is the end of its output.
    """

    began: tuple[str, ...]
    worlds: Mapping[str, Place]
    failed: tuple[tuple[str, str], ...]
    exit_code: int | None
    seconds: float
    output: str


@dataclass(slots=True)
class Suite:
    """A command that runs tests, and the folder to run it in; several runs may be under way at a time.

    `command` begins every run, such as `python -m pytest` with options; node ids are relative to the folder `root`.
    """

    command: Sequence[str]
    folder: Path
    root: Path
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set[subprocess.Popen[bytes]])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_closed: bool = False

    def run(self, arguments: Sequence[str], tests: Sequence[str] | None, limit: float | None) -> SuiteRun:
        """Run the tests with these node ids, or those that the arguments select, for at most `limit` seconds."""
        with tempfile.TemporaryDirectory(prefix="pixazo-mutation-") as place:
            recorded, printed = Path(place, "recorded.ndjson"), Path(place, "printed.txt")
            listed = Path(place, "tests.txt")
            listed.write_text("\n".join(str(self.root / test) for test in tests or ()), encoding="utf-8")
            named = [] if tests is None else [f"@{listed}"]
            command = [*self.command, *arguments, *named]
            started = time.monotonic()
            exit_code = self._wait_for(command, os.environ | {RECORD_FILE_VARIABLE: str(recorded)}, printed, limit)
            return _result(recorded, printed, exit_code, time.monotonic() - started)

    def close(self) -> None:
        """Stop the runs under way; later ones are not started."""
        with self._lock:
            self._is_closed = True
            running = list(self._running)
        for process in running:
            _end(process)

    def _wait_for(
        self, command: Sequence[str], environment: dict[str, str], printed: Path, limit: float | None
    ) -> int | None:
        with printed.open("wb") as output:
            with self._lock:
                if self._is_closed:
                    return None
                process = subprocess.Popen(  # noqa: S603 - the user's own test command
                    command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
                self._running.add(process)
            try:
                return process.wait(limit)
            except subprocess.TimeoutExpired:
                _end(process)
                return None
            finally:
                with self._lock:
                    self._running.discard(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process, and on platforms with process groups those that it started; SIGKILL follows after a grace period."""
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def _result(recorded: Path, printed: Path, exit_code: int | None, seconds: float) -> SuiteRun:
    began: dict[str, None] = {}
    worlds: dict[str, Place] = {}
    failed: dict[str, str] = {}
    for line in recorded.read_text(encoding="utf-8").splitlines() if recorded.exists() else ():
        if line.endswith("}"):  # a process that was killed may have written a partial line
            event = json.loads(line)
            match event["kind"]:
                case "began":
                    began[event["nodeid"]] = None
                case "world":
                    worlds[event["nodeid"]] = Place(event["nodeid"], event["path"], event["line"])
                case _:
                    failed.setdefault(event["nodeid"], event["reason"])
    output = printed.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LAST_LINES:]
    return SuiteRun(tuple(began), worlds, tuple(failed.items()), exit_code, seconds, "\n".join(output))


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test begins."""
    _record("began", nodeid)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """It uses a world if the simulator is among its fixtures."""
    if SERVER_FIXTURE in getattr(item, "fixturenames", ()):
        pytest_pixazo_world_ended(item)


def pytest_pixazo_world_ended(item: pytest.Item) -> None:
    """It used a world, even if it requested the fixture while it ran."""
    _record("world", **Place.of(item)._asdict())


def pytest_runtest_logreport(report: pytest.TestReport | pytest.CollectReport) -> None:
    """It failed, in any phase; the reason is the first line of the failure, without keys."""
    if report.failed:
        crash: Any = getattr(report.longrepr, "reprcrash", None)
        text: str = crash.message if crash else str(report.longrepr)
        lines = (line.strip() for line in SECRETS.text(text).splitlines())
        _record("failed", report.nodeid, reason=next(filter(None, lines), "")[:LONGEST])


pytest_collectreport = pytest_runtest_logreport  # a file that cannot be collected fails as a test does


def _record(kind: str, nodeid: str, **more: str | int) -> None:
    with Path(os.environ[RECORD_FILE_VARIABLE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, "nodeid": nodeid, **more}) + "\n")
