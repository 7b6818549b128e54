"""Fixtures of the tests of mutants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.simulator.mutants.conversation import PathReceiver


@pytest.fixture(scope="module")
def receiver() -> Iterator[PathReceiver]:
    """One receiver, so that every conversation names the same webhook URLs."""
    with PathReceiver() as running:
        yield running
