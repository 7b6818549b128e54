"""A stored trace, rewritten in one respect, is judged accordingly: clauses see nothing but the trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import cast

import pytest
from tests.contracts.fake_run import observe

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge.verdict import judge
from pixazo_contracts.probes import feeders
from pixazo_contracts.trace.exchange import Callback, Exchange
from pixazo_contracts.trace.trace import Trace

Members = dict[str, object]


@cache
def clean() -> Trace:
    """One run against the faithful fake; every case below rewrites this very trace."""
    return observe().trace


def alarms(trace: Trace) -> set[str]:
    """The clauses that come out FAIL or DRIFT."""
    verdicts = judge(trace, CATALOGUE, feeders=feeders())
    return {verdict.clause for verdict in verdicts if verdict.outcome.value in {"FAIL", "DRIFT"}}


def members(body: str | None) -> Members:
    found = json.loads(body or "{}")
    return cast("Members", found) if isinstance(found, dict) else {}


def rewritten(
    edit: Callable[[Exchange], Exchange], edit_callback: Callable[[Callback], Callback] = lambda it: it
) -> Trace:
    """The trace with every exchange and callback passed through an editor."""
    trace = clean()
    exchanges = tuple(edit(exchange) for exchange in trace.exchanges)
    return Trace(trace.header, exchanges, tuple(edit_callback(each) for each in trace.callbacks), trace.footer)


def reads(change: Callable[[Members], None], *, state: str | None = None) -> Callable[[Exchange], Exchange]:
    """Change the members of every status response, or of those that show one state."""

    def edit(exchange: Exchange) -> Exchange:
        body = members(exchange.body) if exchange.operation == "status" and exchange.status == 200 else {}
        if not body or state not in (None, body.get("status")):
            return exchange
        change(body)
        return replace(exchange, body=json.dumps(body))

    return edit


def accepted(change: Callable[[Members], None]) -> Callable[[Exchange], Exchange]:
    """Change the members of every 202."""

    def edit(exchange: Exchange) -> Exchange:
        if exchange.status != 202:
            return exchange
        body = members(exchange.body)
        change(body)
        return replace(exchange, body=json.dumps(body))

    return edit


def submitted_as(operation: str, status: int) -> Callable[[Exchange], Exchange]:
    """Another code for every accepted submit of one operation."""
    return lambda it: replace(it, status=status) if it.operation == operation and it.status == 202 else it


def called(change: Callable[[Members], None]) -> Callable[[Callback], Callback]:
    """Change the members of every callback."""

    def edit(callback: Callback) -> Callback:
        body = members(callback.body)
        change(body)
        return replace(callback, body=json.dumps(body))

    return edit


def same(exchange: Exchange) -> Exchange:
    return exchange


def drop(name: str) -> Callable[[Members], None]:
    def change(body: Members) -> None:
        body.pop(name, None)

    return change


def put(name: str, value: object) -> Callable[[Members], None]:
    return lambda body: body.update({name: value})


def test_the_stored_trace_raises_no_alarm() -> None:
    """Unchanged it is judged as in the run."""
    assert alarms(rewritten(same)) == set()


@pytest.mark.parametrize(
    ("clause", "edit"),
    [
        ("SUBMIT-01", submitted_as("generate", 200)),
        ("SUBMIT-02", submitted_as("imageToVideo", 201)),
        ("SUBMIT-03", accepted(drop("polling_url"))),
        ("SUBMIT-04", accepted(put("estimated_cost", 0.35))),
        ("SUBMIT-05", accepted(put("status", "PROCESSING"))),
        ("STATUS-04", reads(put("model_id", "video-01"))),
        ("STATUS-07", reads(put("polling_url", "http://127.0.0.1:8900/x"))),
        ("STATUS-09", reads(drop("updated_at"))),
        ("OUT-01", reads(put("output", None), state="COMPLETED")),
        ("FAIL-01", reads(put("error", None), state="FAILED")),
        ("FAIL-03", reads(drop("output"), state="ERROR")),
        ("TIME-01", reads(put("created_at", "2026-03-31T10:00:00Z"))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_rewritten_response_alarms_its_clause(clause: str, edit: Callable[[Exchange], Exchange]) -> None:
    """The clause concerned is among those that FAIL or DRIFT."""
    assert clause in alarms(rewritten(edit))


@pytest.mark.parametrize(
    ("clause", "edit"),
    [("WEBHOOK-04", called(put("model_id", "video-01"))), ("WEBHOOK-22", called(put("polling_url", "http://x.test/")))],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_rewritten_callback_alarms_its_clause(clause: str, edit: Callable[[Callback], Callback]) -> None:
    """The clause concerned is among those that FAIL or DRIFT."""
    assert clause in alarms(rewritten(same, edit))


@pytest.mark.parametrize("slow", [1, 99], ids=["the first read of the end is slow", "all reads of the end overlap"])
def test_an_end_that_changes_during_a_slow_read(slow: int) -> None:
    """COMPLETED to one read and FAILED to another is found, whether or not the first of them had ended before."""
    ends = next(found.ends for found in clean().generations if found.outcome == "COMPLETED" and len(found.ends) > 2)
    fails = reads(put("status", "FAILED"))

    def edit(exchange: Exchange) -> Exchange:
        edited = fails(exchange) if exchange is ends[-1] else exchange
        return replace(edited, finished=ends[-1].finished) if exchange in ends[:slow] else edited

    assert "FLOW-03" in alarms(rewritten(edit))
