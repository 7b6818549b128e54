"""What falls due by itself, foretold."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.caller import GENERATE, Caller, over_http
from tests.receiver import Receiver, http_response
from tests.simulator.samples import accepted, world

from pixazo_simulator import ControlClient, ControlError
from pixazo_simulator.control.dry_run import upcoming
from pixazo_simulator.world import AdvanceClock


def submit(control: ControlClient, prompt: str = "A bear", **headers: str) -> str:
    """Have a submission accepted, and return its request id."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = Caller(over_http(control.url), control.api_key or "").call("POST", GENERATE, {"prompt": prompt}, sent)
    assert reply.status == 202
    identity: str = reply.json()["request_id"]
    return identity


RULES: list[list[dict[str, Any]]] = [
    [],
    [{"when": "webhook", "faults": [{"fault": "duplicate"}], "times": 1}],
    [{"when": "webhook", "faults": [{"fault": "drop"}], "times": 1}],
    [{"when": "webhook", "faults": [{"fault": "delay", "seconds": 3}], "times": 1}],
    [{"when": "webhook", "faults": [{"fault": "reorder", "within": 20}], "times": 1}],
]


@pytest.mark.parametrize("rules", RULES, ids=["no rule", "duplicate", "drop", "delay", "reorder"])
def test_what_is_foretold_happens(control: ControlClient, receiver: Receiver, rules: list[dict[str, Any]]) -> None:
    """In the same order, at the same instants: also the webhooks that come of one another; it has not changed anything."""
    control.change_world(policy={"webhook_events": "header"})
    control.set_script(rules)
    submit(control, X_Webhook_URL=receiver.url, X_Webhook_Mode="sync")
    control.advance(1)
    submit(control, "[[sim:error]]", X_Webhook_URL=receiver.url)
    before = control.record()
    foretold = control.upcoming(60)
    assert (control.record(), receiver.received) == (before, [])
    now = before.clock.now
    assert (foretold.now, foretold.until, foretold.more) == (now, now + timedelta(minutes=1), False)
    happened = control.advance(60)
    common = ("kind", "at", "request_id", "number", "url", "rule", "faults")
    assert [[getattr(each, name) for name in common] for each in foretold.events] == [
        [getattr(each, name) for name in common] for each in happened
    ]
    assert [each.status for each in foretold.events if each.kind == "transition"] == [
        each.status for each in happened if each.kind == "transition"
    ]
    assert {each.attempt for each in foretold.events if each.kind == "webhook"} == {1}
    assert control.upcoming(86_400).events == []


def test_of_a_webhook_that_failed_only_the_next_attempt_is_foretold(control: ControlClient) -> None:
    """Which of them it is, and when; whether another one follows nobody knows."""
    control.change_world(policy={"webhook_retries": [10, 20]})
    with Receiver(http_response(500)) as receiver:
        submit(control, X_Webhook_URL=receiver.url)
        ended = control.advance(15)[-1]
        (event,) = control.upcoming(3600).events
    assert (event.kind, event.attempt, event.number, event.at) == ("webhook", 2, 1, ended.at + timedelta(seconds=10))


@pytest.mark.parametrize(
    ("seconds", "statuses"), [(1.999, []), (2, ["PROCESSING"]), (None, ["PROCESSING", "COMPLETED"])]
)
def test_the_last_instant_is_part_of_it(control: ControlClient, seconds: float | None, statuses: list[str]) -> None:
    """15 s are looked ahead unless something else is asked for."""
    submit(control)
    assert [each.status for each in control.upcoming(seconds).events] == statuses


def test_what_reads_bring_about_does_not_fall_due(control: ControlClient) -> None:
    submit(control, "A bear [[sim:polls 2]]", X_Webhook_URL="http://127.0.0.1:9/")
    submit(control, "A bear [[sim:stuck]]", X_Webhook_URL="http://127.0.0.1:9/")
    assert [each.status for each in control.upcoming(86_400).events] == ["PROCESSING"]


def test_what_is_past_is_not_to_come() -> None:
    """On a clock that runs, too, whose transitions nobody has taken."""
    where = world()
    accepted(where)
    where.apply(AdvanceClock(where.clock.now() + 2000))
    assert [each.status for each in asyncio.run(upcoming(where, 60_000)).events] == ["COMPLETED"]


def test_the_first_1000_are_listed(control: ControlClient) -> None:
    """And it is said that there are more."""
    begun: Any = {"status": "PROCESSING", "webhook_url": "http://127.0.0.1:9/"}
    many = control.create_world(generations=[begun] * 501)
    found = many.upcoming()
    assert (len(found.events), found.more) == (1000, True)
    assert [each.kind for each in found.events].count("transition") == 501
    many.delete_world()


def test_one_looks_ahead_a_day_at_most(control: ControlClient) -> None:
    with pytest.raises(ControlError, match="seconds '86401': give a number of at most 86400"):
        control.upcoming(86_401)
