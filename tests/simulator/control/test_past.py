"""What `/_sim` shows of an instant, and how a clock gets to one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.caller import GENERATE, Caller, over_http
from tests.receiver import Behaviour, Receiver, http_response
from tests.simulator.samples import accepted, world

from pixazo_simulator import ControlClient, ControlError, DeliveryPage, Simulator
from pixazo_simulator.control.schema.responses import LedgerPage
from pixazo_simulator.world import AdvanceClock, ReadStatus

BEGIN = datetime(2026, 3, 31, 10, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """The instant so many seconds after the clock began."""
    return BEGIN + timedelta(seconds=seconds)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Of this test alone."""
    with Simulator() as running:
        yield running


@pytest.fixture
def control(simulator: Simulator) -> ControlClient:
    """Of a world in which a generation that ends with ERROR after 15 s was accepted at 0 s, and another one at 5 s; it is 20 s."""
    control, app = simulator.control(), caller(simulator)
    app.accepted("[[sim:error]]")
    control.advance(5)
    app.accepted()
    control.advance(15)
    return control


def caller(simulator: Simulator) -> Caller:
    """The holder of the key."""
    return Caller(over_http(simulator.url), simulator.api_key)


def money(page: LedgerPage) -> tuple[Decimal, list[str]]:
    """The balance, and the kinds of the entries."""
    return page.balance, [each.kind for each in page.entries]


@pytest.mark.parametrize(
    ("seconds", "balance", "entries"),
    [
        (-1, "0", []),
        (0, "99.65", ["opening", "debit"]),
        (4.999, "99.65", ["opening", "debit"]),
        (5, "99.30", ["opening", "debit", "debit"]),
        (15, "99.65", ["opening", "debit", "debit", "refund"]),
        (20, "99.65", ["opening", "debit", "debit", "refund"]),
    ],
)
def test_the_ledger_of_an_instant(control: ControlClient, seconds: float, balance: str, entries: list[str]) -> None:
    """What happened at that very instant is part of it; the balance is the sum."""
    assert money(control.ledger(at=after(seconds))) == (Decimal(balance), entries)
    assert money(control.ledger()) == (Decimal("99.65"), ["opening", "debit", "debit", "refund"])


@pytest.mark.parametrize(
    ("seconds", "statuses"),
    [
        (-1, []),
        (0, ["QUEUED"]),
        (2, ["PROCESSING"]),
        (5, ["PROCESSING", "QUEUED"]),
        (15, ["ERROR", "PROCESSING"]),
        (20, ["ERROR", "COMPLETED"]),
    ],
)
def test_the_generations_of_an_instant(control: ControlClient, seconds: float, statuses: list[str]) -> None:
    """Those that were accepted by then, in the state that they had."""
    page = control.generations(at=after(seconds))
    assert ([each.status for each in page.generations], page.total) == (statuses, len(statuses))


@pytest.mark.parametrize(("seconds", "numbers"), [(-1, []), (0, [1]), (4.999, [1]), (5, [1, 2]), (20, [1, 2])])
def test_the_journal_of_an_instant(control: ControlClient, seconds: float, numbers: list[int]) -> None:
    """Other filters hold beside it, and the requests that reached no world can be asked about, too."""
    page = control.journal(at=after(seconds))
    assert ([each.number for each in page.exchanges], page.total) == (numbers, len(numbers))
    assert control.journal(at=after(seconds), method="GET").total == 0
    assert control.unmatched(at="now").total == 0


WEBHOOKS: list[dict[str, Any]] = [
    {},
    {"policy": {"webhook_events": "header"}},
    {"policy": {"webhook_retries": [10, 20]}, "answers": [500, 500]},
    {"policy": {"callback_url": "challenge", "callback_events": "updates"}},
    {"rule": {"when": "webhook", "faults": [{"fault": "duplicate"}], "times": 1}},
]


@pytest.mark.parametrize("given", WEBHOOKS, ids=["plain", "sync", "retries", "challenge", "duplicate"])
def test_the_deliveries_of_an_instant(simulator: Simulator, given: dict[str, Any]) -> None:
    """They are those that were listed then, with the attempts of then, and the next one that was to come."""
    control, app = simulator.control(), caller(simulator)
    policy: Any = {"job_times": "20+20", **given.get("policy", {})}
    with Receiver(*map(http_response, given.get("answers", [])), Behaviour.ECHOING) as receiver:
        control.change_world(policy=policy)
        if "rule" in given:
            control.add_rule(given["rule"])
        seen: dict[datetime, DeliveryPage] = {}
        for second in range(80):
            if second in (3, 30):
                body = {"prompt": "A bear", "callback_url": receiver.url}
                sent = {"X-Webhook-URL": receiver.url, "X-Webhook-Mode": "sync"}
                assert app.call("POST", GENERATE, body, sent).status == 202
            control.advance(0)
            seen[control.clock().now] = control.deliveries()
            control.advance(1)
    assert sum(map(len, (each.attempts for each in control.deliveries().deliveries))) >= 4
    assert {at: control.deliveries(at=at) for at in seen} == seen


@pytest.mark.parametrize("what", ["ledger", "generations", "journal", "deliveries"])
def test_what_has_not_come_cannot_be_listed(control: ControlClient, what: str) -> None:
    """The refusal says what time it is, and how to get there."""
    with pytest.raises(ControlError) as caught:
        getattr(control, what)(at="2026-03-31T10:00:20.001Z")
    assert caught.value.status == 400
    assert str(caught.value) == (
        "at 2026-03-31T10:00:20.001Z is in the future (the clock reads 2026-03-31T10:00:20.000Z): "
        "give an earlier time, or advance the clock until then"
    )
    with pytest.raises(ControlError, match="at 'noon' is neither now nor an instant"):
        getattr(control, what)(at="noon")


def test_a_status_of_an_instant_has_the_bytes_of_the_gateway(simulator: Simulator) -> None:
    """Those that a read got then, and those that a later read will get."""
    control, app = simulator.control(), caller(simulator)
    identity = app.accepted()
    foretold = control.status(identity, at=after(15))
    bodies = {0: app.read(identity).body.decode()}
    for seconds in (2, 13):
        control.advance(seconds)
        bodies[(control.clock().now - BEGIN).seconds] = app.read(identity).body.decode()
    assert {seconds: control.status(identity, at=after(seconds)).text for seconds in bodies} == bodies
    assert list(bodies) == [0, 2, 15]
    assert foretold == control.status(identity)
    assert (foretold.status_code, foretold.text, foretold.body["status"]) == (200, bodies[15], "COMPLETED")


def test_a_status_that_nobody_can_read_is_the_refusal_of_the_gateway(simulator: Simulator) -> None:
    """Before it was accepted, and beyond what the policy keeps."""
    control, app = simulator.control(), caller(simulator)
    control.change_world(policy={"retention": "status=60"})
    identity = app.accepted()
    control.advance(75)
    refused = app.read(identity)
    assert refused.status == 404
    for instant in (after(-0.001), after(75)):
        seen = control.status(identity, at=instant)
        assert (seen.status_code, seen.text) == (404, refused.body.decode())
    assert control.status(identity, at=after(74.999)).status_code == 200
    with pytest.raises(ControlError, match="no generation has the request_id 'another': GET /_sim/generations lists"):
        control.status("another")


@pytest.mark.slow
@given(
    st.lists(st.integers(0, 20_000), min_size=1, max_size=5), st.sampled_from(["", "[[sim:error]]", "[[sim:stuck]]"])
)
def test_any_status_of_the_past_is_what_was_read_then(steps: list[int], mark: str) -> None:
    where = world(job_times="1-9+1-9")
    generation = accepted(where, f"A bear {mark}")
    read: dict[int, Any] = {}
    for step in steps:
        now = where.clock.now() + step
        where.apply(AdvanceClock(now))
        answer: Any = where.apply(ReadStatus(now, [], "", generation.request_id, generation.origin)).result
        read[now] = answer.body
    assert {at: where.status_at(generation, at).body for at in read} == read


@pytest.mark.parametrize(
    "until", [after(15), "2026-03-31T10:00:15Z", "2026-03-31T12:00:15.000+02:00"], ids=["datetime", "text", "zone"]
)
def test_a_clock_is_advanced_until_an_instant(simulator: Simulator, until: datetime | str) -> None:
    """What falls due at that instant is part of it, by the control API and in process."""
    for key in ("by the API", "in process"):
        own = simulator.control().create_world(key=key)
        Caller(over_http(simulator.url), key).accepted()
        events = own.advance(until=until) if key == "by the API" else simulator.advance(until=until, api_key=key)
        assert [getattr(each, "status", None) for each in events] == ["PROCESSING", "COMPLETED"]
        assert own.clock().now == after(15)
        assert own.advance(until=until) == []


def test_an_instant_that_is_past_is_refused(simulator: Simulator) -> None:
    control = simulator.control()
    control.advance(1)
    message = "until 2026-03-31T10:00:00Z is in the past (the clock reads 2026-03-31T10:00:01.000Z): give a later time"
    with pytest.raises(ControlError) as caught:
        control.advance(until="2026-03-31T10:00:00Z")
    assert (caught.value.status, str(caught.value)) == (400, message)
    with pytest.raises(ValueError, match=re.escape(message)):
        simulator.advance(until="2026-03-31T10:00:00Z")
    with pytest.raises(ControlError, match="until 'noon' is neither next nor an instant of the years 1970 to 9999"):
        control.advance(until="noon")
    with pytest.raises(ValueError, match="give one of seconds and until"):
        simulator.advance(1, until="next")
    with pytest.raises(ControlError, match="every_world requires seconds"):
        control.advance(until="next", every_world=True)
    assert control.clock().now == after(1)


def test_the_simulator_goes_to_what_comes_next(simulator: Simulator) -> None:
    caller(simulator).accepted()
    instants = [simulator.advance(until="next") and simulator.control().clock().now for _ in range(3)]
    assert instants == [after(2), after(15), []]
    assert world().milliseconds_until("2026-03-31T10:00:01Z") == 1000
