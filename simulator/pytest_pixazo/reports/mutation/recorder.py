"""What a run of a test suite tells to the process that started it: one line of JSON for each thing that happens.

Loaded with `-p pytest_pixazo.reports.mutation.recorder` in the runs of a rehearsal; the file is named by the environment.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_pixazo.world import Record


VARIABLE = "PIXAZO_WITNESS_FILE"
SERVER_FIXTURE = "pixazo_simulator"
LONGEST = 200
"""Characters of a reason that are told."""


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test begins."""
    _tell("began", nodeid)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """It uses our server when that is among its fixtures."""
    if SERVER_FIXTURE in getattr(item, "fixturenames", ()):
        _tell("world", item.nodeid)


def pytest_pixazo_world_ended(record: Record) -> None:
    """It used a world, even if it asked for the fixture while it ran."""
    _tell("world", record.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """It failed, in whatever phase."""
    if report.failed:
        _tell("failed", report.nodeid, reason=_reason(report))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file could not be collected."""
    if report.failed:
        _tell("failed", report.nodeid, reason=_reason(report))


def pytest_sessionfinish(exitstatus: int) -> None:
    """The run ends by itself."""
    _tell("ended", str(int(exitstatus)))


def _tell(kind: str, what: str, **more: str) -> None:
    with Path(os.environ[VARIABLE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, "what": what, **more}) + "\n")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The first line of what went wrong, without keys."""
    from pytest_pixazo.world import SECRETS

    crash: Any = getattr(report.longrepr, "reprcrash", None)
    text = SECRETS.text(crash.message if crash else str(report.longrepr))
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:LONGEST]
