"""Worlds that begin with generations in any state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.caller import Caller, over_http
from tests.receiver import Receiver
from tests.simulator.samples import START, accepted, world

from pixazo_simulator import ControlClient, ControlError, Simulator
from pixazo_simulator.control import InitialGeneration
from pixazo_simulator.spec.lifecycle import NEVER, Plan, Status, begun, status_span
from pixazo_simulator.world import BeginWithGenerations, World
from pixazo_simulator.world import InitialGeneration as Initial

ALL = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR")
LENGTHS = st.one_of(st.integers(0, 100_000), st.just(NEVER))
ORIGIN = "http://gateway.test"


@pytest.fixture(scope="module")
def control() -> Iterator[ControlClient]:
    """Of one simulator."""
    with Simulator() as simulator:
        yield simulator.control()


def caller(control: ControlClient) -> Caller:
    """The holder of the key."""
    return Caller(over_http(control.url), str(control.api_key))


def begin(where: World, *generations: Initial) -> list[str]:
    """Let a world have accepted these."""
    return where.apply(BeginWithGenerations(where.clock.now(), generations, ORIGIN))


def test_each_state_is_read_from_the_gateway(control: ControlClient) -> None:
    """A FAILED one of three days ago with its error; the ids are listed in the order that was asked for."""
    states: list[Any] = [{"status": status, "age": 259_200} for status in ALL]
    states[3] |= {"error": "no bears", "operation": "imageToVideo", "duration": 10, "resolution": "768P"}
    key = "a-world-with-a-past"
    reply = caller(control).call("POST", "/_sim/worlds", {"key": key, "generations": states})
    app = Caller(over_http(control.url), key)
    bodies: list[Any] = [app.read(each).json() for each in reply.json()["request_ids"]]
    assert [each["status"] for each in bodies] == list(ALL)
    assert (bodies[3]["error"], bodies[3]["created_at"]) == ("no bears", "2026-03-28T10:00:00.000Z")
    assert bodies[2]["completed_at"] == "2026-03-28T10:00:15.000Z"
    video = bodies[2]["output"]["media_url"][0]
    assert video.startswith(control.url)
    assert app.call("GET", video.removeprefix(control.url)).status == 200
    kinds = [(each.operation, each.duration) for each in ControlClient(control.url, key).generations().generations]
    assert kinds.count(("imageToVideo", 10)) == 1


def test_what_runs_goes_on_by_the_plan_of_the_policy(control: ControlClient) -> None:
    """With 2 s queued and 13 s processing: where it should be in another state by now, its state begins now."""
    own = control.create_world(
        generations=[
            {"status": "QUEUED"}, {"status": "QUEUED", "age": 1}, {"status": "QUEUED", "age": 100},
            {"status": "PROCESSING"}, {"status": "PROCESSING", "age": 10}, {"status": "PROCESSING", "age": 1},
            {"status": "PROCESSING", "age": 100, "prompt": "[[sim:failed no]]"}, {"status": "COMPLETED"}, {"status": "ERROR", "age": 3},
        ]
    )  # fmt: skip
    kept, now = own.generations().generations, own.clock().now
    assert [each.accepted_at for each in kept] == sorted(each.accepted_at for each in kept)
    assert sorted((each.ends_at - now).total_seconds() for each in kept if each.ends_at and not each.is_terminal) == [
        5, 13, 13, 13, 14, 15, 15,
    ]  # fmt: skip
    assert {each.ends_at for each in kept if each.is_terminal} == {now}
    statuses = [str(event.status) for event in own.advance(60)]
    assert {each: statuses.count(each) for each in ALL} == {
        "QUEUED": 0, "PROCESSING": 3, "COMPLETED": 6, "FAILED": 1, "ERROR": 0,
    }  # fmt: skip


def test_the_balance_is_what_is_left(control: ControlClient) -> None:
    """The opening entry held what was paid in addition; a system error that is past was given back, one to come is given back then."""
    own = control.create_world(
        balance="0.35",
        generations=[
            {"status": "FAILED", "age": 60}, {"status": "ERROR", "age": 120}, {"status": "COMPLETED", "charged": False},
            {"status": "PROCESSING", "prompt": "[[sim:error]]"},
        ],
    )  # fmt: skip
    page = own.ledger()
    assert page.balance == Decimal("0.35")
    assert [(each.kind, str(each.amount)) for each in page.entries] == [
        ("opening", "1.05"), ("debit", "-0.35"), ("refund", "0.35"), ("debit", "-0.35"), ("debit", "-0.35"),
    ]  # fmt: skip
    assert [each.at for each in page.entries] == sorted(each.at for each in page.entries)
    assert own.ledger(at=page.entries[0].at - timedelta(milliseconds=1)).entries == []
    own.advance(13)
    assert own.ledger().balance == Decimal("0.70")
    assert caller(own).generate(duration=10).status == 202


def test_a_past_end_was_reported_and_a_coming_one_will_be(control: ControlClient, receiver: Receiver) -> None:
    """To the receiver that was named; of what is past nothing is sent any more."""
    own = control.create_world(
        generations=[
            {"status": "COMPLETED", "age": 60, "webhook_url": receiver.url}, {"status": "QUEUED", "webhook_url": receiver.url},
        ]
    )  # fmt: skip
    past, coming = own.deliveries().deliveries
    assert (past.delivered, str(past.attempts[0]), past.due_at) == (True, "answered 200", past.attempts[0].at)
    assert (coming.delivered, coming.attempts) == (False, ())
    (webhook,) = [event for event in own.advance(15) if event.kind == "webhook"]
    assert (webhook.number, webhook.request_id) == (coming.number, coming.request_id)
    assert [each.delivered for each in own.deliveries().deliveries] == [True, True]


@pytest.mark.parametrize(
    ("generation", "message"),
    [
        ({}, "generations[0]: `status` is missing: add it"),
        ({"status": "DONE"}, "generations[0].status 'DONE': give COMPLETED or ERROR or FAILED or PROCESSING or QUEUED"),
        ({"status": "QUEUED", "error": "x"}, "error 'x' belongs to status FAILED or ERROR, not QUEUED"),
        ({"status": "QUEUED", "webhook_url": "x"}, "webhook_url 'x' is not an absolute http or https URL"),
        ({"status": "QUEUED", "prompt": "[[sim:eror]]"}, "generations[0]: prompt contains [[sim:eror]], which is not a magic mark"),
        ({"status": "QUEUED", "age": 1e9}, "generations[0]: age 1e+09 s is before 1970: give a smaller one, or a later start"),
        ({"status": "PROCESSING"}, "generations[0]: PROCESSING lasts 0 s by policy job_times=3+0, or is left out"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(control: ControlClient, generation: Any, message: str) -> None:
    """And there is no world: the key is free."""
    wanted: dict[str, Any] = {"key": "a-key-to-be-free", "start": "1990-01-01T00:00:00Z"}
    wanted["policy"] = {"job_times": "3+0"}
    with pytest.raises(ControlError) as caught:
        control.create_world(**wanted, generations=[generation])
    assert message in str(caught.value)
    assert caught.value.status == 400
    control.create_world(**wanted).delete_world()


def test_the_ids_are_drawn_like_others_and_depend_on_nothing_else() -> None:
    """The same seed gives the same ids, and the next submission another one, in a world that has not lost its way."""
    wheres = [world(), world()]
    ids = [begin(where, Initial(status="FAILED", age=60), Initial(status="QUEUED")) for where in wheres]
    assert ids[0] == ids[1]
    assert len({*ids[0], accepted(wheres[0]).request_id}) == 3
    assert begin(world(seed=1), Initial(status="QUEUED")) != ids[0][1:]


def test_a_rule_sees_the_prompt_and_the_age() -> None:
    """As of any other generation, but that no submission gave it a number."""
    where = world()
    (identity,) = begin(where, Initial(status="PROCESSING", age=5, prompt="A bear"))
    facts = where.known(identity, START)
    assert facts == {"operation": "generate", "age": 5.0, "prompt": "A bear", "status": "PROCESSING", "generation": 0}


@pytest.mark.parametrize("status", ALL)
def test_states_that_last_for_reads(status: str) -> None:
    """They go on with reads; what has ended has ended at its age."""
    where = world(job_times="polls:2")
    initial = Initial(status=status, age=9)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (identity,) = begin(where, initial)
    generation = where.generation_of(identity)
    assert generation is not None
    assert status_span(generation.accepted, generation.plan, START).status == status
    assert generation.finish >= START


def test_one_that_runs_counts_as_unfinished() -> None:
    where = world(concurrency=1)
    begin(where, Initial(status="QUEUED"), Initial(status="COMPLETED"))
    assert where.account.unfinished.refuse(1, START) is not None
    assert where.account.unfinished.refuse(2, START) is None


@given(LENGTHS, LENGTHS, st.sampled_from(Status), st.one_of(st.none(), st.integers(0, 10**9)))
def test_a_plan_is_found_for_every_state_and_age(queued: int, processing: int, status: Status, age: int | None) -> None:
    """Unless the state is left as soon as it begins."""
    outcome = status if status not in ("QUEUED", "PROCESSING") else Status.COMPLETED
    plan, old = begun(Plan(queued, processing, outcome), status, age)
    lasts = {Status.QUEUED: queued, Status.PROCESSING: processing}.get(status, 1)
    assert age in (None, old)
    assert (status_span(0, plan, old).status is status) == (lasts > 0)


def test_a_type_checker_knows_the_members() -> None:
    assert tuple(get_type_hints(InitialGeneration)) == Initial.__struct_fields__
