"""The catalogue: what is required, and that every requirement has somebody who provokes it."""

from __future__ import annotations

from collections import Counter

import pytest

from pixazo_contracts.clauses import BY_ID, CATALOGUE, select
from pixazo_contracts.clauses.clause import Clause, Cost, Strength, clause
from pixazo_contracts.clauses.statements import STATEMENTS
from pixazo_contracts.probes import PROBES, feeders, for_clauses
from pixazo_contracts.probes.conversation import RunContext
from pixazo_contracts.probes.samples import members, text
from pixazo_contracts.trace.target import Profile
from pixazo_contracts.trace.trace import Header, Trace


def test_there_are_186_clauses_71_of_them_core() -> None:
    """The catalogue is complete and its ids are unique."""
    assert len(CATALOGUE) == len(BY_ID) == 186
    assert sum(item.core for item in CATALOGUE) == 71


def test_strengths_and_costs_are_those_of_the_catalogue() -> None:
    """72 documented, 47 implied, 23 example-only, 44 silent; and as many of each cost as the catalogue counts."""
    assert Counter(item.strength.value for item in CATALOGUE) == {"D": 72, "I": 47, "E": 23, "S": 44}
    costs = {"F": 23, "F!": 44, "G": 59, "G+": 12, "GW": 20, "A": 19, "AW": 1, "N": 8}
    assert Counter(item.cost.value for item in CATALOGUE) == costs


def test_ten_examples_fix_a_shape_that_clients_parse() -> None:
    """Only these example-only clauses fail instead of drifting."""
    fixed = "SUBMIT-05 SUBMIT-06 SUBMIT-11 SUBMIT-12 STATUS-03 STATUS-04 OUT-03 TIME-01 FAIL-03 ERR-ENV-01"
    assert {item.id for item in CATALOGUE if item.drift_fails} == set(fixed.split())


def test_every_dependency_exists() -> None:
    """A clause depends on clauses of the catalogue, and not on itself."""
    assert [(c.id, d) for c in CATALOGUE for d in c.depends_on if d not in BY_ID or d == c.id] == []


def test_dependencies_form_no_ring() -> None:
    """Following dependencies always comes to an end, so every failure has a root that is reported."""
    waiting = {item.id: set(item.depends_on) for item in CATALOGUE}
    while free := [clause_id for clause_id, roots in waiting.items() if not roots]:
        for clause_id in free:
            del waiting[clause_id]
        for roots in waiting.values():
            roots.difference_update(free)
    assert waiting == {}


def test_every_clause_is_fed_or_says_why_not() -> None:
    """A clause without an `untestable` reason has a probe, and no probe feeds a clause that does not exist."""
    fed = feeders()
    assert [item.id for item in CATALOGUE if item.id not in fed and item.untestable is None] == []
    assert set(fed) <= set(BY_ID)


def test_probe_names_are_unique() -> None:
    """A trace tells probes apart by name."""
    assert len({probe.name for probe in PROBES}) == len(PROBES)


def test_no_clause_judges_an_empty_trace() -> None:
    """Where nothing was observed no clause says anything, so none can pass."""
    profile = Profile(origin="http://127.0.0.1:1")
    header = Header(
        suite="0", clause_set="0", profile_hash="0", profile=profile, started_at="2026-03-31T10:00:00.000+00:00"
    )
    assert [item.id for item in CATALOGUE if list(item.judge(Trace(header, (), (), None)))] == []


def test_every_clause_stands_in_the_statement_walk() -> None:
    """The walk names the clauses of all 56 statements, and every clause is named."""
    assert [statement.number for statement in STATEMENTS] == list(range(1, 57))
    assert {clause_id for statement in STATEMENTS for clause_id in statement.clauses} == set(BY_ID)


def test_selection_is_by_glob_and_core() -> None:
    """Globs choose by id, `core` among those."""
    assert [item.id for item in select(("FLOW-*",))] == ["FLOW-01", "FLOW-02", "FLOW-03", "FLOW-04", "FLOW-05"]
    assert [item.id for item in select(("FLOW-*",), core=True)] == ["FLOW-01", "FLOW-03", "FLOW-05"]


def test_a_selection_needs_few_probes() -> None:
    """To judge one clause the smoke test and the probes that feed it are enough."""
    assert [probe.name for probe in for_clauses(["STATUS-11"])] == ["smoke", "malformed ids"]


def test_a_conversation_begins_without_a_network() -> None:
    """Every probe's conversation yields its first step without a network, and waits."""
    context = RunContext(
        profile=Profile(origin="http://127.0.0.1:1"), run="testrun0", prompts={"failed": "x", "error": "y"}
    )
    for probe in PROBES:
        conversation = probe.conversation(context)
        assert next(conversation) is not None, probe.name
        conversation.close()


def test_a_clause_without_a_requirement_is_refused() -> None:
    """The docstring is the requirement, so it may not be missing."""

    def judge(_: Trace) -> object:
        return iter(())

    with pytest.raises(TypeError, match="clause X-01 has no requirement"):
        clause("X-01", section="none", strength=Strength.SILENT, cost=Cost.FREE)(judge)  # type: ignore[arg-type]  # it never judges


def test_samples_are_the_printed_payloads() -> None:
    """Key facts of the printed payloads, spelled out."""
    assert members("image_to_video")["prompt"] == "Man walked into winter cave with polar bear"
    assert len(str(members("text_to_video")["prompt"])) == 665
    assert "—" in text("text_to_video")
    assert list(members("accepted")) == ["request_id", "status", "polling_url"]
    assert members("error")["output"] is None
    assert members("completed")["completed_at"] == "2026-03-31T10:00:15.000Z"
    assert members("insufficient_balance")["message"] == "Your wallet does not have enough balance."
    assert members("model_not_found")["message"] == "Model 'minimax-hailuo-ai' not found or is disabled"


def test_a_clause_knows_its_group() -> None:
    """The group is the first part of the id."""
    item: Clause = BY_ID["I2V-IMG-08"]
    assert item.group == "I2V"
