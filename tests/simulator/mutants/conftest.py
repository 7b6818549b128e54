"""Fixtures of the tests of mutants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.simulator.mutants.conversation import Receiver


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """One receiver, so that every conversation names the same webhook URLs."""
    with Receiver() as running:
        yield running
