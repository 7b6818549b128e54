"""Every mutant is one: the suite, which knows clauses only, accuses it of breaking its own. It accuses no variant."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain

import pytest
from tests.contracts.collateral import COLLATERAL
from tests.contracts.simulator_run import Run, suite_run

from pixazo_contracts.probes import PROBES, Probe, for_clauses
from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant

pytestmark = pytest.mark.usefixtures("no_errors_logged")

SEEN_BY_ALL = {
    "image-prompt-of-2000-refused", "prompt-counted-in-bytes", "camera-movement-refused", "media-gone-after-a-minute", "500-after-queueing",
    "callback-too-early", "no-status-with-webhook",
}  # fmt: skip
"""Mutants that the probes of their clause alone do not show: its verdict also depends on what others saw."""

# A slow run tries one mutant in 24, an exhaustive run the others.
CASES = [
    pytest.param(
        each,
        id=each.name,
        marks=pytest.mark.slow if number % 24 == 0 and each.name not in SEEN_BY_ALL else pytest.mark.exhaustive,
    )
    for number, each in enumerate(MUTANTS)
]


@cache
def clean(probes: tuple[Probe, ...]) -> Run:
    """The same probes against the faithful gateway."""
    return suite_run(probes=probes)


@pytest.mark.parametrize("mutant", CASES)
def test_a_mutant_breaks_its_clause(mutant: Mutant) -> None:
    """Its clause fails, or it drifts from what it observed of the faithful gateway."""
    probes = PROBES if mutant.name in SEEN_BY_ALL else for_clauses((mutant.clause,))
    before = clean(probes)
    assert mutant.clause in suite_run(mutant, baseline=before.observations, probes=probes).alarms - before.alarms


@pytest.mark.exhaustive
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_variant_breaks_no_clause(variant: Variant) -> None:
    """It differs in a way that the page allows."""
    assert suite_run(variant).alarms <= clean(PROBES).alarms


def test_collateral_is_declared_in_globs_of_clause_ids() -> None:
    """It is that of a known mutant, and a glob begins with a group of clauses."""
    assert set(COLLATERAL) <= {mutant.name for mutant in MUTANTS}
    for glob in chain.from_iterable(COLLATERAL.values()):
        assert re.fullmatch(
            r"\*|(BASE|AUTH|HDR|SUBMIT|T2V|I2V|STATUS|FLOW|OUT|TIME|FAIL|WAL|ERR|WEBHOOK)-[A-Z0-9*\[\]-]+", glob
        )
