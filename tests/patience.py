"""How long a test waits for what must happen."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["PATIENCE", "until"]

PATIENCE = 60.0
"""Seconds until what does not happen fails a test.

A wait ends as soon as what it waits for has happened, so that this only ends what would hang. It is generous, since machines that are
shared stall; the time limit of a whole test (`timeout` in pyproject.toml) is longer still.
"""


def until(holds: Callable[[], object]) -> None:
    """Return when it holds; the test fails when that takes too long. For what wakes nobody, such as a file."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)
