"""Every mutant differs on the wire from the faithful gateway, and no variant does where it matters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.simulator.conversation import Entry, Receiver, Said, converse

from pixazo_simulator.mutants import MUTANTS, Mutant
from pixazo_simulator.server import Simulator


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def faithful(receiver: Receiver) -> list[list[Entry]]:
    with Simulator() as simulator:
        return list(converse(simulator, receiver))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_differs_on_the_wire(mutant: Mutant, faithful: list[list[Entry]], receiver: Receiver) -> None:
    """The same conversation, seed and clock: something else comes back."""
    with Simulator(change=mutant) as simulator:
        mutated = list(converse(simulator, receiver))
    assert mutated != faithful
