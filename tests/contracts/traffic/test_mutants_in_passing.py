"""What a gateway does wrong is caught as an ordinary app's traffic passes; a right one is never accused."""

from __future__ import annotations

import pytest

from pixazo_contracts.clauses import BY_ID
from pixazo_simulator import Simulator
from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, find_mutant
from pixazo_simulator.spec import PROFILES
from tests.contracts.traffic.proxied import App, proxied, settings

SAMPLE = ("status-foreign-id", "t2v-prompt-optional")


@pytest.fixture(autouse=True)
def _quiet() -> None:
    assert BY_ID


@pytest.mark.parametrize("name", PROFILES)
def test_no_profile_is_accused(name: str) -> None:
    with Simulator(settings(policy=PROFILES[name])) as simulator, proxied(simulator.url) as passing:
        App(passing.port).use()
    assert passing.fails == set()


def _caught(mutant: Mutant) -> set[str]:
    with Simulator(settings(), change=mutant) as simulator, proxied(simulator.url) as passing:
        App(passing.port).use()
    return passing.fails


@pytest.mark.exhaustive
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_no_variant_is_accused(variant: object) -> None:
    with Simulator(settings(), change=variant) as simulator, proxied(simulator.url) as passing:  # type: ignore[arg-type]
        App(passing.port).use()
    assert passing.fails == set()


@pytest.mark.exhaustive
def test_the_mutants_that_are_caught_in_passing_are_printed() -> None:
    caught = {mutant.name: _caught(mutant) for mutant in MUTANTS}
    for mutant in MUTANTS:
        print(f"{'caught' if mutant.clause in caught[mutant.name] else 'other' if caught[mutant.name] else '-':<7} {mutant.clause:<14} {mutant.name}  {', '.join(sorted(caught[mutant.name]))}")
    assert sum(map(bool, caught.values())) > len(MUTANTS) // 4
