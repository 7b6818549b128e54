"""Every mutant differs on the wire from the faithful gateway, for the same requests, seed and manual clock."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from tests.caller import GENERATE, IMAGE_TO_VIDEO
from tests.simulator.mutants.conversation import (
    Chapter,
    Entry,
    Receiver,
    Response,
    broken,
    converse,
    elsewhere,
    huge_image,
)

from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, find_mutant, find_variant
from pixazo_simulator.server.simulator import Simulator

CORE = """
BASE-01 BASE-02 BASE-03 BASE-04 AUTH-01 AUTH-02 AUTH-03 AUTH-07 AUTH-11 HDR-01 HDR-04 HDR-05 SUBMIT-01 SUBMIT-02
SUBMIT-03 SUBMIT-05 SUBMIT-06 SUBMIT-10 SUBMIT-11 SUBMIT-12 SUBMIT-13 SUBMIT-16 SUBMIT-17 T2V-PROMPT-01 T2V-BODY-01
T2V-BODY-02 I2V-PROMPT-01 I2V-PROMPT-04 I2V-IMG-01 I2V-IMG-03 I2V-IMG-04 I2V-IMG-07 I2V-DUR-03 I2V-RES-02 STATUS-01
STATUS-02 STATUS-03 STATUS-04 STATUS-05 STATUS-06 STATUS-10 STATUS-12 STATUS-14 FLOW-01 FLOW-03 FLOW-05 OUT-01 OUT-02
OUT-03 OUT-08 OUT-09 TIME-01 TIME-02 TIME-03 TIME-05 TIME-07 FAIL-01 FAIL-03 WAL-02 ERR-ENV-01 ERR-400-01 ERR-402-01
ERR-500-01 WEBHOOK-01 WEBHOOK-02 WEBHOOK-03 WEBHOOK-04 WEBHOOK-05 WEBHOOK-07 WEBHOOK-08 WEBHOOK-14
""".split()  # noqa: SIM905 - a list of 71 quoted ids would be harder to compare with the catalogue
MORE: dict[str, tuple[Chapter, ...]] = {"image-size-unlimited": (huge_image,), "queued-in-spite-of-500": (broken,)}
"""Further chapters for some mutants."""
SERVER_ERRORS = {
    "malformed-json-is-500", "no-object-is-500", "malformed-id-is-500", "502-on-error", "503-for-throttled", "503-after-three-calls", "lone-surrogate-is-500",
    "500-after-queueing", "queued-in-spite-of-500", "unusable-webhook-is-500",
}  # fmt: skip
"""Mutants that respond with 5xx."""
UNREADABLE = {"status-below-the-model", "second-key-header-on-status"}
"""Mutants whose statuses cannot be read where the page says."""


@pytest.fixture(scope="module")
def faithful(receiver: Receiver) -> dict[str, list[Entry]]:
    """What the faithful gateway sends."""
    with Simulator() as simulator:
        return converse(simulator, receiver, elsewhere, huge_image, broken)


# The default run tests one mutant in eight, an exhaustive run the others.
CASES = [
    pytest.param(mutant, id=mutant.name, marks=() if index % 8 == 0 else pytest.mark.exhaustive)
    for index, mutant in enumerate(MUTANTS)
]


@pytest.fixture(scope="module", params=CASES)
def mutant(request: pytest.FixtureRequest) -> Mutant:
    """Each mutant in turn."""
    found: Mutant = request.param
    return found


@pytest.fixture(scope="module")
def mutated(mutant: Mutant, receiver: Receiver) -> dict[str, list[Entry]]:
    """What that mutant sends."""
    with Simulator(change=mutant) as simulator:
        return converse(simulator, receiver, elsewhere, *MORE.get(mutant.name, ()))


@pytest.mark.slow
def test_the_faithful_gateway_repeats_itself(faithful: dict[str, list[Entry]], receiver: Receiver) -> None:
    """It sends the same bytes in every run, so that any difference is due to a mutant."""
    with Simulator() as simulator:
        assert converse(simulator, receiver, elsewhere, huge_image, broken) == faithful


def test_a_mutant_differs_on_the_wire(mutated: dict[str, list[Entry]], faithful: dict[str, list[Entry]]) -> None:
    """In a world with the documented policy."""
    documented = mutated.keys() - {elsewhere.__name__}
    assert any(mutated[chapter] != faithful[chapter] for chapter in documented)


def test_no_mutant_breaks_down(mutant: Mutant, mutated: dict[str, list[Entry]]) -> None:
    """No response is a 5xx, unless that is the mutation, and then it has the form of the gateway's errors."""
    failed = [
        each for chapter in mutated.values() for each in chapter if isinstance(each, Response) and each.status >= 500
    ]
    assert bool(failed) == (mutant.name in SERVER_ERRORS), failed
    assert not any(each.body == b"Internal Server Error" for each in failed)


def newly_accepted(faithful: list[Entry], mutated: list[Entry]) -> list[str]:
    """The request ids of submits that the faithful gateway refused."""
    refused: dict[str, list[bool]] = defaultdict(list)
    for each in faithful:
        if isinstance(each, Response):
            refused[each.request].append(each.status >= 400)
    submits = [
        each
        for each in mutated
        if isinstance(each, Response) and each.request.startswith((f"POST {GENERATE}", f"POST {IMAGE_TO_VIDEO}"))
    ]
    return [
        str(each.members()["request_id"])
        for each in submits
        if refused[each.request] and refused[each.request].pop(0) and each.status < 300
    ]


def test_what_is_wrongly_accepted_exists(
    mutant: Mutant, mutated: dict[str, list[Entry]], faithful: dict[str, list[Entry]]
) -> None:
    """The status of a submit that ought to have been refused can be read, and it ends."""
    if mutant.name in UNREADABLE:
        pytest.skip("its statuses cannot be read where the page says")
    for chapter, after in mutated.items():
        read = [
            each.members()
            for each in after
            if isinstance(each, Response) and "/status/" in each.request and each.status == 200
        ]
        ended = {each["request_id"] for each in read if each["status"] in ("COMPLETED", "FAILED")}
        assert set(newly_accepted(faithful[chapter], after)) <= ended, mutant.name


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


def test_collateral_is_declared_in_globs_of_clause_ids() -> None:
    """A glob begins with a group of clauses, and no mutant declares its own clause to be collateral."""
    for mutant in MUTANTS:
        for glob in mutant.collateral:
            assert re.fullmatch(
                r"\*|(BASE|AUTH|HDR|SUBMIT|T2V|I2V|STATUS|FLOW|OUT|TIME|FAIL|WAL|ERR|WEBHOOK)-[A-Z0-9*\[\]-]+", glob
            )


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
