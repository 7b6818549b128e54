"""The catalogue: what is required, where the page says so, and that a probe provokes every requirement."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import cast

import pytest
from tests.page import PAGE, as_read, sections

from pixazo_contracts import clauses
from pixazo_contracts.clauses import BY_ID, CATALOGUE, PAGE_URL, STATEMENTS, select
from pixazo_contracts.clauses.catalogue import GROUPS
from pixazo_contracts.clauses.clause import EXAMPLE, FREE, REFERENCE, SILENT, Group
from pixazo_contracts.probes import PROBES, Sample, feeders, sample_text
from pixazo_contracts.trace.target import Profile
from pixazo_contracts.trace.trace import Header, Trace


def test_there_are_186_clauses_71_of_them_core() -> None:
    """The catalogue is complete and its ids are unique."""
    assert len(CATALOGUE) == len(BY_ID) == 186
    assert sum(item.core for item in CATALOGUE) == 71


def test_no_group_is_left_out() -> None:
    """Every group that a module of the wing defines is collected, once, and its clauses bear its name."""
    names = [path.stem for path in Path(clauses.__path__[0]).glob("*.py") if path.stem != "__init__"]
    modules = [import_module(f"{clauses.__name__}.{name}") for name in names]
    found = {name: value for module in modules for name, value in vars(module).items() if isinstance(value, Group)}
    assert sorted(map(id, found.values())) == sorted(map(id, GROUPS))
    assert {clause.id for name, group in found.items() for clause in group.clauses if clause.group == name} == set(
        BY_ID
    )


#: How a section begins that is not of the page.
REASONS = ("silence", "security expectation", "unacceptable to any caller")


def test_sections_and_quotations_stand_on_the_page() -> None:
    """The section of a clause is a heading of the page, and what it quotes, samples too, stands under it word for word."""
    assert f"Source: {PAGE_URL}\n" in PAGE.read_text(encoding="utf-8")
    under = sections()
    for clause in CATALOGUE:
        named = [reference["heading"] for reference in REFERENCE.finditer(clause.section)]
        assert [name for name in named if name not in under and not name.startswith(REASONS)] == [], clause.id
        assert clause.quotes or clause.strength is SILENT or named[0].startswith(REASONS), clause.id
        for quote in clause.quotes:
            words = quote.words or sample_text(cast("Sample", quote.sample))
            assert as_read(words) in under[quote.heading], clause.id


def test_strengths_and_costs_are_those_of_the_catalogue() -> None:
    """72 documented, 53 implied, 23 example-only, 38 silent; and as many of each cost as the catalogue counts."""
    assert Counter(item.strength.value for item in CATALOGUE) == {"D": 72, "I": 53, "E": 23, "S": 38}
    costs = {"F": 23, "F!": 44, "G": 59, "G+": 12, "GW": 20, "A": 19, "AW": 1, "N": 8}
    assert Counter(item.cost.value for item in CATALOGUE) == costs


def test_twelve_examples_fix_what_clients_rely_on() -> None:
    """Only these example-only clauses fail instead of drifting."""
    fixed = "SUBMIT-05 SUBMIT-06 SUBMIT-11 SUBMIT-12 STATUS-03 STATUS-04 OUT-03 TIME-01 FAIL-03 ERR-ENV-01"
    fixed += " T2V-BODY-01 ERR-400-02"
    assert {item.id for item in CATALOGUE if item.drift_fails} == set(fixed.split())
    assert all(BY_ID[clause_id].strength is EXAMPLE for clause_id in fixed.split())


def test_what_is_never_to_happen_can_fail() -> None:
    """A clause that says so is not one about which the page is silent."""
    said = {clause.id for clause in CATALOGUE if re.search(r"\b(never (?!shown)|cannot\b)", clause.requirement)}
    assert {clause_id for clause_id in said if BY_ID[clause_id].strength is SILENT} == set()


def test_every_core_clause_can_be_judged_where_generations_cost_money() -> None:
    """A probe feeds it that may be sent to a target that charges."""
    fed = {clause_id for probe in PROBES if not probe.only_unlimited for clause_id in probe.feeds}
    assert {clause.id for clause in CATALOGUE if clause.core} <= fed


def test_every_dependency_exists() -> None:
    """A clause depends on clauses of the catalogue, and not on itself."""
    assert [(c.id, d) for c in CATALOGUE for d in c.depends_on if d not in BY_ID or d == c.id] == []


def test_dependencies_form_no_ring() -> None:
    """Following dependencies comes to an end, so that every failure has a root that is reported."""
    waiting = {item.id: set(item.depends_on) for item in CATALOGUE}
    while free := [clause_id for clause_id, roots in waiting.items() if not roots]:
        for clause_id in free:
            del waiting[clause_id]
        for roots in waiting.values():
            roots.difference_update(free)
    assert waiting == {}


def test_every_clause_is_fed() -> None:
    """A probe feeds every clause, and none that does not exist."""
    assert set(feeders()) == set(BY_ID)


def test_no_clause_judges_an_empty_trace() -> None:
    """Where nothing was observed no clause says anything, so none can pass."""
    profile = Profile(origin="http://127.0.0.1:1")
    header = Header(
        suite="0", clause_set="0", profile_hash="0", profile=profile, started_at="2026-03-31T10:00:00.000+00:00"
    )
    assert [item.id for item in CATALOGUE if list(item.judge(Trace(header, (), (), None)))] == []


def test_every_clause_stands_in_the_statement_walk() -> None:
    """The walk names the clauses of all 56 statements, and every clause is named."""
    assert len(STATEMENTS) == 56
    assert {clause_id for _, clause_ids in STATEMENTS for clause_id in clause_ids} == set(BY_ID)


def test_selection_is_by_glob_and_core() -> None:
    """Globs choose by id, `core` among those."""
    assert [item.id for item in select(("FLOW-*",))] == ["FLOW-01", "FLOW-02", "FLOW-03", "FLOW-04", "FLOW-05"]
    assert [item.id for item in select(("FLOW-*",), core=True)] == ["FLOW-01", "FLOW-03", "FLOW-05"]


def test_a_clause_without_a_requirement_is_refused() -> None:
    """The docstring is the requirement, so it may not be missing."""

    def judge(_: Trace) -> object:
        return iter(())

    with pytest.raises(TypeError, match="clause X-01 has no requirement"):
        Group().clause("X-01", SILENT, FREE, section="silence")(judge)  # type: ignore[arg-type]  # it never judges
