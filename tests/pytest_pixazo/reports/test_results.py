"""The results of a run are the same in whatever order, and in whichever process, its tests end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.control import PolicyDecision
from pytest_pixazo.reports import assumptions
from pytest_pixazo.reports.conduct import Finding
from pytest_pixazo.reports.results import Results, TestBill, TestResult, Wasted
from pytest_pixazo.world import Place

POLLED = Finding("poll-too-fast", "test_a", "", (1, 2), "polled")
ASSUMED, OBSERVED = PolicyDecision("unknown_route", "404", "assumed"), PolicyDecision("read_delay", "2", "observed")
WORLDS = [
    TestResult(
        nodeid="test_a",
        place=Place("test_a", "test_a.py", 3),
        findings=frozenset({POLLED}),
        assumptions=frozenset({ASSUMED}),
        met={"generate:202": 2},
        bill=TestBill("test_a", 2, "0.70", "0.00", "0.35", (Wasted("one", "0.35", "never read"),)),
    ),
    TestResult(nodeid="test_a", assumptions=frozenset({OBSERVED}), met={"generate:202": 1, "media:200": 1}),
    TestResult(nodeid="test_b", findings=frozenset({POLLED}), met={"generate:202": 1, "status:200": 1}),
    TestResult(nodeid="test_b", assumptions=frozenset({ASSUMED}), bill=TestBill("test_b", 1, "0.35", "0.35", "0.00")),
    TestResult(nodeid="test_b", bill=TestBill("test_b", 1, "0.60", "0.00", "0.00", overspent="too much")),
    TestResult(nodeid="test_c"),
]


def gathered(worlds: list[TestResult]) -> Results:
    results = Results()
    for each in worlds:
        results.add(each)
    return results


@given(st.permutations(WORLDS), st.lists(st.integers(0, 2), min_size=len(WORLDS), max_size=len(WORLDS)))
def test_neither_order_nor_worker_matters(
    pytestconfig: pytest.Config, worlds: list[TestResult], workers: list[int]
) -> None:
    merged = Results()
    for worker in range(3):
        sent = gathered([each for each, at in zip(worlds, workers, strict=True) if at == worker]).as_plain_values()
        merged.merge(json.loads(json.dumps(sent)))
    whole = gathered(WORLDS)
    assert merged.findings == whole.findings
    assert list(assumptions.report(merged.assumptions)) == list(assumptions.report(whole.assumptions))
    assert merged.bill == whole.bill
    assert merged.coverage(pytestconfig) == whole.coverage(pytestconfig)


def test_the_worlds_of_a_test_are_added_up(pytestconfig: pytest.Config) -> None:
    results = gathered(WORLDS)
    bill = results.bill
    assert (bill.generations, bill.spent, bill.refunded, bill.wasted) == (4, "1.65", "0.35", "0.35")
    assert [(each.test, each.spent, each.overspent) for each in bill.tests] == [
        ("test_a", "0.70", None),
        ("test_b", "0.95", "too much"),
    ]
    documented, _ = results.coverage(pytestconfig)
    assert {name: (met.times, met.first) for name, met in documented.met.items()} == {
        "generate:202": (4, "test_a"),
        "media:200": (1, "test_a"),
        "status:200": (1, "test_b"),
    }


def test_a_repeated_test_has_each_finding_once() -> None:
    """A test that is run again, as after the crash of its worker."""
    assert len(gathered([WORLDS[0], WORLDS[0]]).findings) == 1
