"""What a gateway does wrong is caught as an ordinary app's traffic passes; a right one is never accused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.contracts.traffic.proxied import App, proxied, settings
from tests.receiver import Receiver
from tests.servers import free_port

from pixazo_simulator import Simulator
from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant, find_mutant
from pixazo_simulator.spec import PROFILES

SAMPLE = (
    "anonymous-submit",
    "key-in-polling-url",
    "image-takes-any-duration",
    "status-without-prefix",
    "text-without-prompt",
)

#: What public code has seen of the real gateway and the page says otherwise: a run fails these as well.
SEEN_OTHERWISE = {"documented": set[str](), "observed": {"SUBMIT-01", "SUBMIT-02", "TIME-01", "TIME-02"}}


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEN_OTHERWISE)
def test_no_profile_is_accused_of_what_it_does_as_the_page_says(name: str) -> None:
    with Simulator(settings(policy=PROFILES[name])) as simulator, proxied(simulator.url) as passing:
        App(passing.port).use()
    assert passing.fails <= SEEN_OTHERWISE[name]


def _caught(mutant: Mutant | None) -> set[str]:
    port = free_port()
    with (
        Receiver() as receiver,
        Simulator(settings(50), change=mutant) as simulator,
        proxied(simulator.url, port=port, public_url=f"http://127.0.0.1:{port}") as passing,
    ):
        App(port).use(f"{receiver.url}/mine?of=me")
    return passing.alarms


@pytest.mark.exhaustive
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_no_variant_is_accused(variant: Variant) -> None:
    with Simulator(settings(), change=variant) as simulator, proxied(simulator.url) as passing:
        App(passing.port).use()
    assert passing.fails == set()


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_the_mutants_that_are_caught_in_passing_are_printed() -> None:
    with ThreadPoolExecutor(4) as pool:
        caught = list(zip(MUTANTS, pool.map(_caught, MUTANTS), strict=True))
    for mutant, fails in caught:
        word = "caught" if mutant.clause in fails else "other" if fails else "-"
        print(f"{word:<7} {mutant.clause:<14} {mutant.name}  {', '.join(sorted(fails))}")
    assert sum(bool(fails) for _, fails in caught) > 2 * len(MUTANTS) // 5


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_a_mutant_is_caught_in_passing(name: str) -> None:
    mutant = find_mutant(name)
    assert mutant.clause in _caught(mutant)
