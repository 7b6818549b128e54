"""The catalogue of mutants and variants: their names, the clauses that they break, how one is found."""

from __future__ import annotations

import re

import pytest

from pixazo_simulator.mutants import MUTANTS, VARIANTS, find_mutant, find_variant

CORE = """
BASE-01 BASE-02 BASE-03 BASE-04 AUTH-01 AUTH-02 AUTH-03 AUTH-07 AUTH-11 HDR-01 HDR-04 HDR-05 SUBMIT-01 SUBMIT-02
SUBMIT-03 SUBMIT-05 SUBMIT-06 SUBMIT-10 SUBMIT-11 SUBMIT-12 SUBMIT-13 SUBMIT-16 SUBMIT-17 T2V-PROMPT-01 T2V-BODY-01
T2V-BODY-02 I2V-PROMPT-01 I2V-PROMPT-04 I2V-IMG-01 I2V-IMG-03 I2V-IMG-04 I2V-IMG-07 I2V-DUR-03 I2V-RES-02 STATUS-01
STATUS-02 STATUS-03 STATUS-04 STATUS-05 STATUS-06 STATUS-10 STATUS-12 STATUS-14 FLOW-01 FLOW-03 FLOW-05 OUT-01 OUT-02
OUT-03 OUT-08 OUT-09 TIME-01 TIME-02 TIME-03 TIME-05 TIME-07 FAIL-01 FAIL-03 WAL-02 ERR-ENV-01 ERR-400-01 ERR-402-01
ERR-500-01 WEBHOOK-01 WEBHOOK-02 WEBHOOK-03 WEBHOOK-04 WEBHOOK-05 WEBHOOK-07 WEBHOOK-08 WEBHOOK-14
""".split()  # noqa: SIM905 - a list of 71 quoted ids would be harder to compare with the catalogue


def test_names_are_unique_and_kebab_case() -> None:
    """Each name is easy to type and unique."""
    names = [*(each.name for each in MUTANTS), *(each.name for each in VARIANTS)]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_every_core_clause_has_a_mutant() -> None:
    """71 clauses are core, and a mutant breaks each of them."""
    assert len(CORE) == 71
    assert set(CORE) - {mutant.clause for mutant in MUTANTS} == set()


def test_there_are_mutants_for_nearly_every_clause() -> None:
    """At least 160 mutants for at least 180 of the 186 clauses, and at least twelve variants."""
    assert len(MUTANTS) >= 160
    assert len({mutant.clause for mutant in MUTANTS}) >= 180
    assert len(VARIANTS) >= 12


@pytest.mark.parametrize(
    ("find", "name", "says"),
    [
        (find_mutant, "no-polling-ur", "mutant 'no-polling-ur' does not exist (did you mean no-polling-url?): see pixazo-sim mutants"),
        (find_variant, "slow", "variant 'slow' does not exist (did you mean slower?): see pixazo-sim mutants"),
        (find_variant, "no-polling-url", "variant 'no-polling-url' does not exist: see pixazo-sim mutants"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused(find: object, name: str, says: str) -> None:
    """The error has the unknown name and the nearest one; a mutant is not found as a variant."""
    assert callable(find)
    with pytest.raises(ValueError, match=re.escape(says)):
        find(name)
