"""What a gateway does wrong is caught as an ordinary app's traffic passes; a right one is never accused."""

from __future__ import annotations

import pytest

from pixazo_simulator import Simulator
from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant
from pixazo_simulator.spec import PROFILES
from tests.contracts.traffic.proxied import App, proxied, settings

SAMPLE = MUTANTS[:: len(MUTANTS) // 3][:3]

#: What public code has seen of the real gateway and the page says otherwise: a run fails these as well.
SEEN_OTHERWISE = {"documented": set[str](), "observed": {"SUBMIT-01", "SUBMIT-02", "TIME-01", "TIME-02"}}


@pytest.mark.parametrize("name", SEEN_OTHERWISE)
def test_no_profile_is_accused_of_what_it_does_as_the_page_says(name: str) -> None:
    with Simulator(settings(policy=PROFILES[name])) as simulator, proxied(simulator.url) as passing:
        App(passing.port).use()
    assert passing.fails <= SEEN_OTHERWISE[name]


def _caught(mutant: Mutant) -> set[str]:
    with Simulator(settings(), change=mutant) as simulator, proxied(simulator.url) as passing:
        App(passing.port).use()
    return passing.fails


@pytest.mark.exhaustive
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_no_variant_is_accused(variant: Variant) -> None:
    with Simulator(settings(), change=variant) as simulator, proxied(simulator.url) as passing:
        App(passing.port).use()
    assert passing.fails == set()


@pytest.mark.exhaustive
def test_the_mutants_that_are_caught_in_passing_are_printed() -> None:
    caught = {mutant.name: _caught(mutant) for mutant in MUTANTS}
    for mutant in MUTANTS:
        print(
            f"{'caught' if mutant.clause in caught[mutant.name] else 'other' if caught[mutant.name] else '-':<7} {mutant.clause:<14} {mutant.name}  {', '.join(sorted(caught[mutant.name]))}"
        )
    assert sum(map(bool, caught.values())) > len(MUTANTS) // 4
