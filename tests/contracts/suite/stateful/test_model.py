"""What a request can still be, by what was read of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pixazo_contracts.suite.stateful.machine import Model, followers
from pixazo_contracts.trace.exchange import Exchange

ID = "minimax-hailuo-ai_019d4355-f500-7000-8000-000000000001"


def submit() -> Exchange:
    body = {"request_id": ID, "status": "QUEUED"}
    return Exchange(
        number=1,
        probe="test",
        case="test",
        operation="generate",
        method="POST",
        url="http://127.0.0.1/",
        account="default",
        started=0.0,
        finished=0.0,
        status=202,
        intent="accept",
        body=json.dumps(body),
    )


def read(state: str) -> Exchange:
    body = json.dumps({"request_id": ID, "status": state})
    return replace(submit(), number=2, operation="status", method="GET", request_id=ID, status=200, body=body)


def history(*states: str, frozen: bool = False, waiting: bool = True) -> list[tuple[str, str]]:
    """The objections to an accepted request that is read in these states, one after the other."""
    model = Model(frozen=frozen)
    found = list(model.observe([submit()]))
    for state in states:
        found += model.observe([read(state)])
        if waiting:
            model.pass_time()
    return [(objection.clause, objection.findings[0].got) for objection in found]


@pytest.mark.parametrize(
    ("state", "later"),
    [
        ("QUEUED", {"QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR"}),
        ("PROCESSING", {"PROCESSING", "COMPLETED", "FAILED", "ERROR"}),
        ("COMPLETED", {"COMPLETED"}),
        ("FAILED", {"FAILED"}),
        ("ERROR", {"ERROR"}),
    ],
)
def test_followers(state: str, later: set[str]) -> None:
    """The status flow goes one way, and ends are for ever."""
    assert followers(state) == later


@pytest.mark.parametrize("states", [("QUEUED", "PROCESSING", "COMPLETED"), ("QUEUED", "FAILED", "FAILED"), ("ERROR",)])
def test_no_objection(states: tuple[str, ...]) -> None:
    """A poller may miss states and see one twice."""
    assert history(*states) == []


@pytest.mark.parametrize(
    ("states", "objection"),
    [
        (("PROCESSING", "QUEUED"), ("FLOW-01", "QUEUED")),
        (("COMPLETED", "FAILED"), ("FLOW-03", "FAILED")),
        (("ERROR", "PROCESSING"), ("FLOW-03", "PROCESSING")),
    ],
)
def test_objections(states: tuple[str, ...], objection: tuple[str, str]) -> None:
    """A step back and a second end are laid at the door of their clauses."""
    assert history(*states) == [objection]


def test_reads_do_not_move_a_frozen_clock() -> None:
    """Where time passes only when we let it, two reads without a wait show the same."""
    assert history("QUEUED", "PROCESSING", frozen=True, waiting=False) == [("STATUS-12", "PROCESSING")]
    assert history("QUEUED", "PROCESSING", frozen=True) == []
    assert history("QUEUED", "PROCESSING", waiting=False) == []


def test_reads_at_once_have_no_order() -> None:
    """Of two reads at once either may see the later state; afterwards the later one holds."""
    model = Model()
    assert list(model.observe([submit()])) == []
    assert list(model.observe([read("PROCESSING"), read("QUEUED")])) == []
    assert model.possible(ID) == {"PROCESSING", "COMPLETED", "FAILED", "ERROR"}
    assert [objection.clause for objection in model.observe([read("QUEUED")])] == ["FLOW-01"]


def test_what_is_running() -> None:
    """A request runs until its end was read."""
    model = Model()
    list(model.observe([submit()]))
    assert model.running() == [ID]
    list(model.observe([read("COMPLETED")]))
    assert model.running() == []
