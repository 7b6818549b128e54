"""Warns of what a test left running: the warning belongs to that test, whichever test runs then."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import pytest


class LeftRunningWarning(pytest.PytestWarning):
    """A thread or process that a test left running used the gateway after the end of the test."""


class Place(NamedTuple):
    """A test, or a module or class whose fixture opened a world, and where its source is; `line` is 0 if it is not known."""

    nodeid: str
    path: str
    line: int


def place_of(node: pytest.Item | pytest.Collector) -> Place:
    if not isinstance(node, pytest.Item):
        return Place(node.nodeid, str(node.path), 0)
    file, line, _ = node.location
    return Place(node.nodeid, str(node.config.rootpath / file), 0 if line is None else line + 1)


def warn_of(config: pytest.Config, place: Place, text: str) -> None:
    """Show a warning under a test, past or present. Filters do not turn it into an error, since that would fail the running test."""
    message = warnings.WarningMessage(LeftRunningWarning(text), LeftRunningWarning, place.path, place.line or 1)
    details = {"warning_message": message, "when": "runtest", "nodeid": place.nodeid, "location": None}
    config.hook.pytest_warning_recorded.call_historic(kwargs=details)
