"""Warns of what a test left running: the warning belongs to that test, whichever one runs by then."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import pytest


class LeftRunningWarning(pytest.PytestWarning):
    """A thread or process that a test left running used the gateway after the end of the test."""


class Place(NamedTuple):
    """A test, or a module whose fixture opened a world, and where its source is."""

    nodeid: str
    path: str
    line: int


def place_of(node: pytest.Item | pytest.Collector) -> Place:
    """The place of a test or collector."""
    line = node.location[1] if isinstance(node, pytest.Item) else None
    return Place(node.nodeid, str(node.path), (line or 0) + 1)


def warn_of(config: pytest.Config, place: Place, text: str) -> None:
    """Show a warning under a test, past or present. No filter turns it into an error, since that would fail the running test."""
    message = warnings.WarningMessage(LeftRunningWarning(text), LeftRunningWarning, place.path, place.line)
    details = {"warning_message": message, "when": "runtest", "nodeid": place.nodeid, "location": None}
    config.hook.pytest_warning_recorded.call_historic(kwargs=details)
