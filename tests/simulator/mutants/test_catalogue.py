"""Every mutant differs on the wire from the faithful gateway, in a long conversation with the same seed and a manual clock."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from tests.caller import GENERATE, IMAGE_TO_VIDEO
from tests.simulator.mutants.conversation import (
    Chapter,
    Entry,
    PathReceiver,
    Said,
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
"""What else must be said to some mutants."""
SERVER_ERRORS = {
    "malformed-json-is-500", "no-object-is-500", "malformed-id-is-500", "502-on-error", "503-for-throttled", "lone-surrogate-is-500",
    "500-after-queueing", "queued-in-spite-of-500", "unusable-webhook-is-500",
}  # fmt: skip
"""Mutants whose fault it is to answer 5xx."""
UNREADABLE = {"status-below-the-model", "second-key-header-on-status"}
"""Mutants whose statuses cannot be read where the page says."""


@pytest.fixture(scope="module")
def faithful(receiver: PathReceiver) -> dict[str, list[Entry]]:
    """What the faithful gateway says."""
    with Simulator() as simulator:
        return converse(simulator, receiver, elsewhere, huge_image, broken)


# The default run looks at one mutant in eight, an exhaustive one at the others.
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
def mutated(mutant: Mutant, receiver: PathReceiver) -> dict[str, list[Entry]]:
    """What that mutant says."""
    with Simulator(change=mutant) as simulator:
        return converse(simulator, receiver, elsewhere, *MORE.get(mutant.name, ()))


def test_the_conversation_repeats_itself(faithful: dict[str, list[Entry]], receiver: PathReceiver) -> None:
    """The faithful gateway says the same bytes in every run, so that a difference is a mutant's."""
    with Simulator() as simulator:
        assert converse(simulator, receiver, elsewhere, huge_image, broken) == faithful


def test_a_mutant_differs_on_the_wire(mutated: dict[str, list[Entry]], faithful: dict[str, list[Entry]]) -> None:
    """Something else comes back, in a world whose policy is the documented one."""
    documented = mutated.keys() - {elsewhere.__name__}
    assert any(mutated[chapter] != faithful[chapter] for chapter in documented)


def test_no_mutant_breaks_down(mutant: Mutant, mutated: dict[str, list[Entry]]) -> None:
    """No answer is a 5xx, unless that is the mutation, and then it is one of the gateway's own."""
    failed = [said for chapter in mutated.values() for said in chapter if isinstance(said, Said) and said.status >= 500]
    assert bool(failed) == (mutant.name in SERVER_ERRORS), failed
    assert not any(said.body == b"Internal Server Error" for said in failed)


def newly_accepted(faithful: list[Entry], mutated: list[Entry]) -> list[str]:
    """The request ids of submits that were refused by the faithful gateway."""
    refused: dict[str, list[bool]] = defaultdict(list)
    for said in faithful:
        if isinstance(said, Said):
            refused[said.asked].append(said.status >= 400)
    submits = [
        said
        for said in mutated
        if isinstance(said, Said) and said.asked.startswith((f"POST {GENERATE}", f"POST {IMAGE_TO_VIDEO}"))
    ]
    return [
        str(said.members()["request_id"])
        for said in submits
        if refused[said.asked] and refused[said.asked].pop(0) and said.status < 300
    ]


def test_what_is_wrongly_accepted_exists(
    mutant: Mutant, mutated: dict[str, list[Entry]], faithful: dict[str, list[Entry]]
) -> None:
    """A submit that ought to have been refused can be read, and it ends."""
    if mutant.name in UNREADABLE:
        pytest.skip("its statuses cannot be read where the page says")
    for chapter, after in mutated.items():
        told = [
            said.members()
            for said in after
            if isinstance(said, Said) and "/status/" in said.asked and said.status == 200
        ]
        ended = {each["request_id"] for each in told if each["status"] in ("COMPLETED", "FAILED")}
        assert set(newly_accepted(faithful[chapter], after)) <= ended, mutant.name


def test_names_are_unique_and_kebab_case() -> None:
    """A name can be typed, and means one thing."""
    names = [*(each.name for each in MUTANTS), *(each.name for each in VARIANTS)]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_every_core_clause_has_a_mutant() -> None:
    """71 clauses are core; none of them is left without a gateway that breaks it."""
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
    """The error names what was asked for and the nearest name; a mutant is no variant."""
    assert callable(find)
    with pytest.raises(ValueError, match=re.escape(says)):
        find(name)
