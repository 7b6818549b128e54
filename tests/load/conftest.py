"""The figures of the tests of load are printed at the end of a run."""

from __future__ import annotations

import faulthandler

import pytest

from .figures import Record


@pytest.fixture(autouse=True)
def _as_long_as_was_asked_for() -> None:
    """Ten minutes, too: their own time limit ends what hangs, not the one of pyproject.toml that ends a whole process."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def figure(record_property: Record) -> Record:
    """Records a figure of a test: it is in the JUnit report, and printed at the end."""
    return record_property


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of the tests that passed, in whichever process of a run."""
    for report in terminalreporter.getreports("passed"):
        if "tests/load/" in report.nodeid:
            for name, value in report.user_properties:
                terminalreporter.write_line(f"{report.nodeid}: {name} = {value}")
