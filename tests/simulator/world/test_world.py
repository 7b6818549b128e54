"""One world: what it accepts, what it reports, what it owes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.simulator.samples import KEY, START, accepted, call, submit, world

from pixazo_simulator.script.facts import at_submit
from pixazo_simulator.spec.errors import InsufficientFunds, TooManyPending, TooManyUnfinished
from pixazo_simulator.spec.lifecycle import Status
from pixazo_simulator.spec.parameters import OPERATIONS
from pixazo_simulator.world.account import EntryKind
from pixazo_simulator.world.commands import (
    AdvanceClock,
    ChangeWorld,
    Generation,
    RecordAttempt,
    TakeDelivery,
    TakeTransitions,
    Transition,
)
from pixazo_simulator.world.deliveries import Attempt, Delivery, Form
from pixazo_simulator.world.generations import Bounds, seeded_random
from pixazo_simulator.world.journal import Limits
from pixazo_simulator.world.world import World

HOOK = "http://127.0.0.1:9/hook"
ORIGIN = "http://gateway.test"


def pass_time(where: World, seconds: float) -> None:
    """Advance the clock, and nothing else."""
    where.clock.advance_to(where.clock.now() + int(seconds * 1000))


def balance(where: World) -> int:
    """What can be spent now."""
    return where.account.ledger.balance(where.clock.now())


def status(where: World, generation: Generation, at: int | None = None) -> bytes:
    """The encoded status body, now or at another instant."""
    return where.status_body(generation, ORIGIN, where.clock.now() if at is None else at)


def status_body(where: World, generation: Generation, at: int | None = None) -> Any:
    """The status answer as JSON."""
    return json.loads(status(where, generation, at))


def deliver(where: World, until: int, status: int | None = 200) -> list[Delivery]:
    """Attempt everything due by `until` with the same outcome, on the world's clock."""
    delivered: list[Delivery] = []
    while (delivery := where.apply(TakeDelivery(until))) is not None:
        where.clock.advance_to(delivery.event if not delivery.attempts else until)
        where.apply(RecordAttempt(until, delivery, Attempt(where.clock.now(), status)))
        delivered.append(delivery)
    return delivered


def test_the_same_seed_and_calls_give_the_same_bytes() -> None:
    responses = [
        status(where, accepted(where))
        for where in (world(job_times="1-9+1-9"), world(job_times="1-9+1-9"), world(seed=1, job_times="1-9+1-9"))
    ]
    assert responses[0] == responses[1] != responses[2]


def test_a_refused_submit_changes_nothing() -> None:
    """No generation, no entry, and the next id is what it would have been."""
    where, untouched = world(balance=350_000), world(balance=350_000)
    assert submit(where, call(members={"duration": 10})) == InsufficientFunds(600_000)
    assert where.generations() == []
    assert len(where.account.ledger.entries(START)) == 1
    assert accepted(where).request_id == accepted(untouched).request_id


@pytest.mark.parametrize(
    ("mark", "refunds", "given_back"),
    [
        ("", "error", False),
        ("[[sim:failed x]]", "error", False),
        ("[[sim:error x]]", "error", True),
        ("", "error_failed", False),
        ("[[sim:failed x]]", "error_failed", True),
        ("[[sim:error x]]", "error_failed", True),
        ("[[sim:error x]] [[sim:stuck]]", "error", False),
    ],
)
def test_the_price_is_given_back_at_the_end(mark: str, refunds: str, given_back: bool) -> None:
    """At its very instant, and not a millisecond before."""
    where = world(balance=1_000_000, refunds=refunds)
    accepted(where, f"A bear {mark}")
    pass_time(where, 14.999)
    assert balance(where) == 650_000
    pass_time(where, 0.001)
    assert balance(where) == (1_000_000 if given_back else 650_000)
    kinds = [entry.kind for entry in where.account.ledger.entries(where.clock.now())]
    assert kinds == [EntryKind.OPENING, EntryKind.DEBIT, *[EntryKind.REFUND] * given_back]


def test_another_policy_holds_from_now_on() -> None:
    """What was accepted keeps its plan; an answer that was worded already is worded anew."""
    where = world()
    generation = accepted(where)
    assert status_body(where, generation)["updated_at"] == "2026-03-31T10:00:00.000Z"
    where.apply(ChangeWorld(START, policy=where.policy.changed({"job_times": "0+1", "timestamps": "mixed"})))
    assert status_body(where, generation)["status"] == "QUEUED"
    assert status_body(where, generation)["updated_at"] == "2026-03-31 10:00:00"
    assert status_body(where, accepted(where))["status"] == "PROCESSING"


def test_a_response_is_that_of_its_instant() -> None:
    """Past and future can be asked for, in any order, by callers of any host."""
    where = world()
    generation = accepted(where)
    for second, status in [
        (15, "COMPLETED"),
        (2, "PROCESSING"),
        (0, "QUEUED"),
        (1.999, "QUEUED"),
        (14.999, "PROCESSING"),
    ]:
        assert status_body(where, generation, START + int(second * 1000))["status"] == status
    pass_time(where, 15)
    for origin in ("http://a.test", "http://b.test", "http://a.test"):
        media = json.loads(where.status_body(generation, origin, where.clock.now()))["output"]["media_url"]
        assert media == [f"{origin}/v1/{generation.request_id}/output.mp4"]


def test_rendered_responses_are_bounded_and_rendered_again() -> None:
    """With room for two, five generations are read in turn, twice, with the same bytes."""
    where = world(bounds=Bounds(bodies=2))
    generations = [accepted(where) for _ in range(5)]
    first = [status(where, each) for each in generations]
    assert [status(where, each) for each in generations] == first


def test_reading_within_bounds_of_time() -> None:
    """Not before `read_delay`, not after `retention`; the bounds belong to the later side."""
    where = world(read_delay=1500, retention="status=60,media=30")
    generation = accepted(where)
    identity = generation.request_id
    readable = {1.499: False, 1.5: True, 44.999: True, 45: True, 74.999: True, 75: False}
    downloadable = {1.5: False, 14.999: False, 15: True, 44.999: True, 45: False, 75: False}
    for second in sorted(readable | downloadable):
        where.clock.advance_to(START + round(second * 1000))
        if second in readable:
            assert where.readable(identity, where.clock.now()) == (generation if readable[second] else None)
        if second in downloadable:
            assert where.completed(identity, where.clock.now()) == (generation if downloadable[second] else None)


@pytest.mark.parametrize("mark", ["[[sim:failed x]]", "[[sim:error x]]", "[[sim:stuck]]"])
def test_only_a_completed_generation_has_a_video(mark: str) -> None:
    where = world()
    generation = accepted(where, mark)
    pass_time(where, 10_000)
    assert where.completed(generation.request_id, where.clock.now()) is None
    assert where.completed("unknown", where.clock.now()) is None


def test_transitions_are_reported_once_in_their_order() -> None:
    """This covers all generations, as far as time has passed."""
    where = world()
    first = accepted(where).request_id
    pass_time(where, 1)
    second = accepted(where, "[[sim:failed x]]").request_id
    assert where.apply(TakeTransitions(START + 2_500)) == [Transition(START + 2_000, first, Status.PROCESSING)]
    assert where.apply(TakeTransitions(START + 15_000)) == [
        Transition(START + 3_000, second, Status.PROCESSING),
        Transition(START + 15_000, first, Status.COMPLETED),
    ]
    assert where.apply(TakeTransitions(START + 10**9)) == [Transition(START + 16_000, second, Status.FAILED)]
    assert where.apply(TakeTransitions(START + 10**9)) == []


def test_a_callback_is_due_at_the_end_and_reports_it() -> None:
    """However late it is posted, its body is the status response of that instant."""
    where = world()
    generation = accepted(where, webhook_url=HOOK)
    assert where.next_due() == START + 15_000
    assert where.apply(TakeDelivery(START + 14_999)) is None
    pass_time(where, 100)
    delivery = where.apply(TakeDelivery(START + 100_000))
    assert delivery is not None
    assert where.webhook_body(delivery) == status(where, generation)
    assert json.loads(where.webhook_body(delivery))["status"] == "COMPLETED"


def test_a_stuck_generation_calls_nobody() -> None:
    """Its end lies beyond every clock."""
    where = world()
    accepted(where, "[[sim:stuck]]", webhook_url=HOOK)
    where.clock.advance_to(10**18)
    assert where.apply(TakeDelivery(where.clock.now())) is None


@pytest.mark.parametrize(
    ("events", "mode", "expected"),
    [
        ("header", "sync", [2_000, 17_000, 32_000, 40_000]),
        ("header", " SYNC ", [2_000, 17_000, 32_000, 40_000]),
        ("header", "terminal", [40_000]),
        ("header", "nonsense", [40_000]),
        ("header", None, [40_000]),
        ("terminal", "sync", [40_000]),
    ],
)
def test_a_running_generation_is_reported_in_mode_sync(events: str, mode: str | None, expected: list[int]) -> None:
    """While it processes, every 15 s, and at the end; each report tells its instant."""
    where = world(webhook_events=events, job_times="2+38")
    accepted(where, webhook_url=HOOK, webhook_mode=mode)
    delivered = deliver(where, START + 100_000)
    assert [each.event - START for each in delivered] == expected
    words = [json.loads(where.webhook_body(each))["status"] for each in delivered]
    assert words == ["PROCESSING"] * (len(expected) - 1) + ["COMPLETED"]


def test_a_report_that_fails_is_not_repeated() -> None:
    """The next one comes anyway."""
    where = world(webhook_events="header", job_times="2+10")
    accepted(where, webhook_url=HOOK, webhook_mode="sync")
    deliver(where, START + 2_000, status=500)
    assert where.next_due() == START + 12_000


def test_a_challenge_comes_first() -> None:
    """At once; echoed, it is followed by the report in MiniMax's form at the end."""
    where = world(callback_url="challenge")
    generation = accepted(where, "[[sim:failed too wild]]", members={"callback_url": HOOK})
    challenge = where.apply(TakeDelivery(START))
    assert challenge is not None
    assert challenge.form is Form.CHALLENGE
    assert json.loads(where.webhook_body(challenge)) == {"challenge": generation.request_id}
    where.apply(RecordAttempt(START, challenge, Attempt(START, 200)))
    (report,) = deliver(where, START + 15_000)
    assert json.loads(where.webhook_body(report)) == {
        "task_id": generation.request_id,
        "status": "failed",
        "base_resp": {"status_code": 1027, "status_msg": "too wild"},
    }


def test_a_challenge_that_is_not_echoed_ends_it() -> None:
    where = world(callback_url="challenge")
    accepted(where, members={"callback_url": HOOK})
    challenge = where.apply(TakeDelivery(START))
    assert challenge is not None
    where.apply(RecordAttempt(START, challenge, Attempt(START, None, "answered 200 without the challenge", final=True)))
    assert where.next_due() is None
    assert list(where.outbox.finished) == [challenge.number]


def test_a_late_echo_is_followed_by_the_report_at_once() -> None:
    """When the end has passed meanwhile."""
    where = world(callback_url="challenge", job_times="0+1")
    accepted(where, members={"callback_url": HOOK})
    challenge = where.apply(TakeDelivery(START))
    assert challenge is not None
    where.apply(RecordAttempt(START, challenge, Attempt(START + 3_000, 200)))
    assert where.next_due() == START + 3_000


def test_pending_deliveries_are_bounded() -> None:
    """A submit that asks for one more is refused and not charged; one without a callback is taken."""
    where = world(bounds=Bounds(pending=2))
    accepted(where, webhook_url=HOOK)
    accepted(where, webhook_url=HOOK)
    before = balance(where)
    assert submit(where, call(webhook_url=HOOK)) == TooManyPending(2)
    assert balance(where) == before
    accepted(where)
    deliver(where, START + 15_000)
    accepted(where, webhook_url=HOOK)


def test_finished_deliveries_are_bounded() -> None:
    """The oldest give way; all that are kept are listed in their order, with the pending ones."""
    where = world(bounds=Bounds(journal=Limits(), deliveries=2))
    for _ in range(3):
        accepted(where, webhook_url=HOOK)
    deliver(where, START + 15_000)
    accepted(where, webhook_url=HOOK)
    assert [each.number for each in where.deliveries()] == [2, 3, 4]


def test_what_faults_draw_is_not_what_ids_draw() -> None:
    """It depends on seed and key alone, and is drawn from a source of its own."""
    one, same, other = world(), world(), world(seed=1)
    accepted(same)
    drawn = [where._draws().getrandbits(64) for where in (one, same, other)]  # pyright: ignore[reportPrivateUsage]  # as each fault does
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] != seeded_random(0, KEY).getrandbits(64)


def test_rules_are_shown_the_beginning_of_a_long_text() -> None:
    """There may be a thousand of them, and each tells what it missed."""
    members = {"prompt": "a" * 10_001, "x": "b" * 10_001, "y": ["c" * 10_001]}
    facts = at_submit(OPERATIONS["generate"], [], members, 1).values
    assert (facts["prompt"], facts["body"]["x"], facts["body"]["y"]) == ("a" * 10_000, "b" * 10_000, ["c" * 10_001])
    where = world(t2v_limits="open")
    identity = accepted(where, "a" * 10_001).request_id
    assert where.known(identity, START)["prompt"] == "a" * 10_000


def test_a_limit_counts_what_was_accepted_before_it() -> None:
    """Generations that have not ended, whenever policy `concurrency` is set."""
    where = world()
    accepted(where)
    where.apply(ChangeWorld(START, policy=where.policy.changed({"concurrency": "1"})))
    assert isinstance(submit(where, call()), TooManyUnfinished)
    where.apply(AdvanceClock(START + 15_000))
    accepted(where)
