"""Records what happens in one run of a test suite, one JSON object a line, for the process that started the run.

Mutation testing loads it with `-p pytest_pixazo.reports.mutation.recorder`; the environment names the file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_pixazo.world import Record


VARIABLE = "PIXAZO_RECORDER_FILE"
"""The environment variable with the path of the file."""
SERVER_FIXTURE = "pixazo_simulator"
LONGEST = 200
"""Characters of a reason that are recorded."""


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test begins."""
    _record("began", nodeid)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """It uses a world if the simulator is among its fixtures."""
    if SERVER_FIXTURE in getattr(item, "fixturenames", ()):
        _record("world", item.nodeid)


def pytest_pixazo_world_ended(record: Record) -> None:
    """It used a world, even if it requested the fixture while it ran."""
    _record("world", record.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """It failed, in any phase."""
    if report.failed:
        _record("failed", report.nodeid, reason=_reason(report))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file could not be collected."""
    if report.failed:
        _record("failed", report.nodeid, reason=_reason(report))


def pytest_sessionfinish(exitstatus: int) -> None:
    """The run ends by itself."""
    _record("ended", str(int(exitstatus)))


def _record(kind: str, what: str, **more: str) -> None:
    with Path(os.environ[VARIABLE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, "what": what, **more}) + "\n")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The first line of the failure, without keys."""
    from pytest_pixazo.world import SECRETS

    crash: Any = getattr(report.longrepr, "reprcrash", None)
    text = SECRETS.text(crash.message if crash else str(report.longrepr))
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:LONGEST]
