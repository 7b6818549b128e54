"""Generations whose states last for some status reads, or go through a timeline."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.samples import START, accepted, call, world

from pixazo_simulator.script.rule import End, Reply, Rule
from pixazo_simulator.world.admission import Submission
from pixazo_simulator.world.commands import AddRule, AdvanceClock, ReadStatus, SubmitGeneration, TakeTransitions
from pixazo_simulator.world.world import World

Q, P, C = "QUEUED", "PROCESSING", "COMPLETED"


def read(where: World, request_id: str) -> str:
    """The status that a read shows, which must succeed."""
    command = ReadStatus(where.clock.now(), [], "", request_id, "http://gateway.test")
    answer: Any = where.apply(command).result
    body: str = answer.body.decode()
    return next(word for word in (Q, P, C, "FAILED", "ERROR") if f'"status":"{word}"' in body)


def pass_time(where: World, seconds: float) -> None:
    """Let so many seconds pass."""
    where.apply(AdvanceClock(where.clock.now() + round(seconds * 1000)))


def scripted(end: End, sent: Submission | None = None, **policy: Any) -> tuple[World, str]:
    """A world, and a generation that a rule lets go on so."""
    where = world(**policy)
    where.apply(AddRule(START, Rule(when="submit", end=end)))
    made: Any = where.apply(SubmitGeneration(START, [], "", sent or call())).result
    return where, made.request_id


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0, 1e6))
def test_each_state_lasts_so_many_reads(queued: int, processing: int, pause: float) -> None:
    """Whatever time passes between them."""
    where = world(job_times=f"polls:{queued}+{processing}")
    request_id = accepted(where).request_id
    seen: list[str] = []
    for _ in range(queued + processing + 2):
        seen.append(read(where, request_id))
        pass_time(where, pause)
    assert seen == [Q] * queued + [P] * processing + [C] * 2


@pytest.mark.parametrize(
    ("end", "marks", "policy", "seen"),
    [
        (End(progress="polls:1"), "", "2+13", [Q, P, C]),
        (End(progress="polls:1"), "[[sim:polls 3]]", "polls:2", [Q, P, C]),
        (End(error="x", status="FAILED"), "[[sim:polls 1]]", "polls:2", [Q, P, "FAILED"]),
        (End(status="ERROR"), "", "polls:1", [Q, P, "ERROR"]),
        (End(progress=(("QUEUED", "polls:2"), ("PROCESSING", 0))), "", "2+13", [Q, Q, C]),
        (End(progress=(("PROCESSING", "polls:2"),)), "", "2+13", [P, P, C]),
        (End(queued=0), "", "polls:2", [P, P, C]),
        (End(after=0), "", "polls:2", [C]),
        (End(status="COMPLETED"), "[[sim:after 0]]", "polls:2", [C]),
    ],
)
def test_who_says_how_long(end: End, marks: str, policy: str, seen: list[str]) -> None:
    """The script, else the mark, else the policy."""
    where, request_id = scripted(end, call(f"A bear {marks}"), job_times=policy)
    assert [read(where, request_id) for _ in seen] == seen


def test_a_timeline_mixes_seconds_and_reads() -> None:
    """Reads count from the instant at which their state begins."""
    where, request_id = scripted(End(progress=((Q, 3), (P, "polls:2"))))
    assert [read(where, request_id) for _ in range(3)] == [Q, Q, Q]
    pass_time(where, 3)
    assert [read(where, request_id) for _ in range(3)] == [P, P, C]
    where, request_id = scripted(End(progress=((Q, "polls:1"), (P, 10))))
    pass_time(where, 100)
    assert [read(where, request_id) for _ in range(2)] == [Q, P]
    pass_time(where, 9.999)
    assert read(where, request_id) == P
    pass_time(where, 0.001)
    assert read(where, request_id) == C


def test_what_the_end_brings_comes_with_the_last_read() -> None:
    """Transitions, the refund and the webhook are of its instant; none of them comes before, however long one waits."""
    where, request_id = scripted(
        End("ERROR", progress="polls:1"), call(webhook_url="http://127.0.0.1:9/"), webhook_events="terminal"
    )
    pass_time(where, 1e6)
    now = where.clock.now()
    assert where.apply(TakeTransitions(now)) == []
    assert (where.account.ledger.balance(now), (where.next_due() or 0) > now) == (99_650_000, True)
    read(where, request_id)
    pass_time(where, 1)
    read(where, request_id)
    moved = where.apply(TakeTransitions(now + 1000))
    assert [(each.at, each.status) for each in moved] == [(now, P), (now + 1000, "ERROR")]
    assert (where.account.ledger.balance(now + 1000), where.next_due()) == (100_000_000, now + 1000)
    assert b'"completed_at":"2026-04-11T23:46:41.000Z"' in where.webhook_body(where.deliveries()[0])


def test_progress_webhooks_follow_the_reads() -> None:
    """The first is due when PROCESSING begins; those that lie beyond the end are forgotten."""
    where, request_id = scripted(
        End(progress="polls:1"), call(webhook_url="http://127.0.0.1:9/", webhook_mode="sync"), webhook_events="header"
    )
    assert [read(where, request_id), where.next_due()] == [Q, START]
    assert read(where, request_id) == P
    assert [(each.progress, each.event) for each in where.deliveries()] == [(False, START)]


def test_a_fork_counts_on_its_own() -> None:
    """So a dry run is no read."""
    where, request_id = scripted(End(progress="polls:1"))
    fork = where.fork_at(START)
    assert [read(fork, request_id) for _ in range(3)] == [Q, P, C]
    assert read(where, request_id) == Q


def test_only_reads_that_show_the_status_count() -> None:
    """Not one that a rule answers, one that is throttled, or one before policy `read_delay` allows it."""
    where, request_id = scripted(End(progress="polls:1"), rate_limit="2/60", read_delay=1000)
    where.apply(AddRule(START, Rule(when="status", reply=Reply(503), times=1)))
    refused = [
        where.apply(ReadStatus(START, [], "", request_id, "")).result,  # 503
        where.apply(ReadStatus(START, [], "", request_id, "")).result,  # 404
        where.apply(ReadStatus(START + 1000, [], "", request_id, "")).result,  # 429
    ]
    assert [type(each).__name__ for each in refused] == ["Answer", "UnknownRequest", "Throttled"]
    pass_time(where, 61)
    assert [read(where, request_id) for _ in range(2)] == [Q, P]
