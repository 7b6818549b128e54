"""Faults of webhooks: dropped, duplicated, delayed, reordered, before the response, refused, garbled; on the world's clock, and none lost."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as steady
from hypothesis import strategies as st
from tests.simulator.samples import START, accepted, call
from tests.simulator.webhooks.dispatching import HOOK, Receiver, drive, due_events, settings, through
from tests.standard_webhooks import is_signed

from pixazo_simulator.control.schema.rendering import delivery as rendered
from pixazo_simulator.script.faults import (
    BeforeReply,
    CompletedWithoutMedia,
    DeadReceiver,
    Delay,
    Drop,
    Duplicate,
    Fault,
    GarbledBody,
    LognormalDelay,
    Reorder,
    UniformDelay,
    UnknownStatus,
    WrongContentType,
)
from pixazo_simulator.script.rule import End, Rule
from pixazo_simulator.spec.lifecycle import Status
from pixazo_simulator.webhooks.compose import secret
from pixazo_simulator.webhooks.dispatcher import Dispatcher
from pixazo_simulator.webhooks.egress import Outcome
from pixazo_simulator.webhooks.sender import Sender, WebhookRequest
from pixazo_simulator.world.admission import Submission
from pixazo_simulator.world.clock import Clock
from pixazo_simulator.world.commands import SubmitGeneration
from pixazo_simulator.world.world import World


def on(*faults: Fault, **more: Any) -> Rule:
    """A rule about webhooks."""
    return Rule(when="webhook", faults=faults, **more)


def attempts(events: Any) -> list[tuple[float, object]]:
    """The attempts of an advance."""
    return [entry for entry in due_events(events) if not isinstance(entry[1], Status)]


def posted(receiver: Receiver) -> list[str]:
    """The URLs, in order of arrival."""
    return [webhook.url.removeprefix(HOOK) for webhook in receiver.webhooks]


def submit(world: World, *hooks: str) -> None:
    """One generation per URL, each ending a second after the one before."""
    for number, hook in enumerate(hooks):
        accepted(world, f"[[sim:after {15 + number}]]", webhook_url=f"{HOOK}{hook}")


@through(drive, settings(script=(on(Drop(), times=1),)))
async def test_a_dropped_callback_is_never_posted(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """Nor retried; the log says so."""
    submit(world, "/a", "/b")
    assert attempts(await dispatcher.advance(world, 10**7)) == [(15, "dropped by the script"), (16, 204)]
    assert posted(receiver) == ["/b"]
    dropped = rendered(world, world.deliveries()[0])
    assert (dropped.rule, dropped.faults, dropped.delivered) == ("rule 1: when webhook", ("drop",), False)


@through(drive, settings(script=(on(Duplicate(copies=3), times=1),)), Outcome(500, "answered 500"), Outcome(204))
async def test_a_callback_can_arrive_more_than_once(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """At the same instant, with the same bytes, logged as copies; a failed copy is not retried."""
    submit(world, "/a")
    events = attempts(await dispatcher.advance(world, 10**7))
    assert events == [(15, "answered 500"), (15, 204), (15, 204), (20, 204)]
    assert len({webhook.body for webhook in receiver.webhooks}) == 1
    deliveries = [rendered(world, each) for each in world.deliveries()]
    assert [(each.number, each.copy_of, len(each.attempts)) for each in deliveries] == [
        (1, None, 2),
        (2, 1, 1),
        (3, 1, 1),
    ]
    assert [each.faults for each in deliveries] == [("duplicate",)] * 3


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [(Delay(7), 22, 22), (UniformDelay(1, 9), 16, 24), (LognormalDelay(5, 0), 20, 20), (Delay(0.0001), 15, 15)],
)
def test_a_callback_can_be_late(fault: Fault, least: float, most: float) -> None:
    """By seconds of the world's clock; its content is that of the instant at which it was due."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        submit(world, "/a")
        ((instant, status),) = attempts(await dispatcher.advance(world, 10**7))
        assert least <= instant <= most
        assert status == 204
        assert json.loads(receiver.webhooks[0].body)["completed_at"] == "2026-03-31T10:00:15.000Z"

    drive(doing, settings(script=(on(fault),)))


@through(drive, settings(script=(on(Delay(7)),)))
async def test_a_delay_can_be_seen_while_it_lasts(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """The log names the fault; the rule was asked once."""
    submit(world, "/a")
    assert attempts(await dispatcher.advance(world, 20_000)) == []
    (waiting,) = [rendered(world, each) for each in world.deliveries()]
    assert (waiting.rule, waiting.faults, waiting.attempts) == ("rule 1: when webhook", ("delay",), ())
    assert attempts(await dispatcher.advance(world, 2_000)) == [(22, 204)]
    assert [each.used for each in world.script.listed()] == [(1,)]


@through(drive, settings(script=(on(Reorder()),)))
async def test_a_callback_lets_the_next_one_go_first(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """Two are swapped: a reordering of the second one has no effect then."""
    submit(world, "/a", "/b", "/c", "/d", "/e")
    events = attempts(await dispatcher.advance(world, 10**7))
    assert posted(receiver) == ["/b", "/a", "/d", "/c", "/e"]
    assert [instant for instant, _ in events] == [16, 16, 18, 18, 79]


@through(drive, settings(script=(on(Reorder(within=10), times=1), on(Drop()))))
async def test_a_callback_without_a_next_one_does_not_wait_for_ever(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """It is sent after the seconds of its fault; a dropped one does not count as the next one."""
    submit(world, "/a", "/b")
    assert attempts(await dispatcher.advance(world, 10**7)) == [(16, "dropped by the script"), (25, 204)]


@through(
    drive,
    settings(script=(on(DeadReceiver(), match={"attempt": {"at_most": 2}}),)),
    Outcome(None, "refused"), Outcome(None, "refused"), Outcome(204),
)  # fmt: skip
async def test_a_dead_receiver_is_tried_again(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """As the policy says; the rule is asked at each attempt."""
    submit(world, "/a")
    await dispatcher.advance(world, 10**7)
    assert [webhook.refused for webhook in receiver.webhooks] == [True, True, False]
    (delivery,) = [rendered(world, each) for each in world.deliveries()]
    assert [attempt.faults for attempt in delivery.attempts] == [("dead_receiver",), ("dead_receiver",), ()]
    assert (delivery.rule, delivery.faults) == ("rule 1: when webhook, attempt at most 2", ("dead_receiver",))


def test_a_refused_connection_is_a_real_one() -> None:
    """To a port on which nothing listens; the real receiver is not called."""

    async def run() -> Outcome:
        received = asyncio.Event()

        async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.set()
            writer.close()

        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        sender = Sender()
        outcome = await sender.send(
            WebhookRequest(url=url, body=b"", headers={}, allowed=(), follow=False, timeout=5, refused=True)
        )
        server.close()
        assert not received.is_set()
        return outcome

    outcome = asyncio.run(run())
    assert (outcome.status, outcome.final) == (None, False)
    assert re.match(r"connection refused by 127\.0\.0\.1:\d+$", str(outcome.problem))


@through(drive, settings(script=(
    on(UnknownStatus(), match={"prompt": {"contains": "bear"}, "attempt": 1, "operation": "generate"}),
    on(CompletedWithoutMedia(output="null"), match={"url": {"ends_with": "/b"}}),
    on(WrongContentType("text/html"), match={"status": "FAILED"}),
    on(GarbledBody(), match={"channel": "callback_url"}),
)))  # fmt: skip
async def test_what_a_callback_says_can_be_wrong(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """Its status word, media, content type or bytes; rules match status, URL, channel and prompt."""
    accepted(world, "A bear", webhook_url=f"{HOOK}/a")
    accepted(world, "A cat", webhook_url=f"{HOOK}/b")
    accepted(world, "[[sim:failed x]]", webhook_url=f"{HOOK}/c")
    accepted(world, "A dog", members={"callback_url": f"{HOOK}/d"})
    await dispatcher.advance(world, 20_000)
    bear, cat, failed, dog = receiver.webhooks
    assert json.loads(bear.body)["status"] == "ARCHIVED"
    assert (json.loads(cat.body)["status"], json.loads(cat.body)["output"]) == ("COMPLETED", None)
    assert (json.loads(failed.body)["status"], failed.headers["content-type"]) == ("FAILED", "text/html")
    assert (dog.body[:1], len(dog.body) > 100) == (b"\xff", True)


@pytest.mark.parametrize(("fault", "valid"), [(UnknownStatus(), True), (Duplicate(), True), (GarbledBody(), False)])
def test_what_the_gateway_says_is_signed_and_what_the_wire_spoils_is_not(fault: Fault, valid: bool) -> None:
    """Copies keep the id, by which a receiver recognizes them."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        submit(world, "/a")
        await dispatcher.advance(world, 20_000)
        for webhook in receiver.webhooks:
            assert is_signed(webhook.body, webhook.headers, secret(world.seed, world.key)) == valid
        assert len({webhook.headers["webhook-id"] for webhook in receiver.webhooks}) == 1

    drive(doing, settings(script=(on(fault),), webhook_signature="standard"))


@through(drive, settings(
    script=(on(Drop(), match={"status": "PROCESSING"}, times=1), on(Duplicate(), match={"status": "PROCESSING"}, times=1)),
    webhook_events="header",
))  # fmt: skip
async def test_progress_callbacks_meet_faults_too(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """Each on its own, by the status that it carries."""
    accepted(world, "[[sim:after 60]]", webhook_url=HOOK, webhook_mode="sync")
    events = attempts(await dispatcher.advance(world, 10**7))
    words = [json.loads(webhook.body)["status"] for webhook in receiver.webhooks]
    assert words == ["PROCESSING", "PROCESSING", "PROCESSING", "PROCESSING", "COMPLETED"]
    assert events == [(8, "dropped by the script"), (23, 204), (23, 204), (38, 204), (53, 204), (60, 204)]


@through(drive, settings(script=(on(Drop()),)))
async def test_a_callback_can_be_sent_again_by_hand(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """Unchanged, without rules, with one attempt; also a pending one and a copy."""
    submit(world, "/a")
    await dispatcher.resend(world, 1)
    await dispatcher.advance(world, 20_000)
    copy, attempt = await dispatcher.resend(world, 1)
    again, _ = await dispatcher.resend(world, copy.number)
    assert (copy.number, copy.copy_of, again.copy_of, attempt.status) == (3, 1, 1, 204)
    assert posted(receiver) == ["/a", "/a", "/a"]
    assert len({webhook.body for webhook in receiver.webhooks}) == 1
    assert [len(each.attempts) for each in world.deliveries()] == [1, 1, 1, 1]
    assert [each.used for each in world.script.listed()] == [(1,)]
    with pytest.raises(KeyError):
        await dispatcher.resend(world, 99)


@through(drive, settings(script=(on(Duplicate(), times=1),), callback_url="challenge"))
async def test_a_copy_of_a_challenge_brings_no_second_report(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    accepted(world, members={"callback_url": HOOK})
    await dispatcher.advance(world, 20_000)
    assert ["challenge" in json.loads(webhook.body) for webhook in receiver.webhooks] == [True, True, False]


def held(world: World, sent: Submission) -> int | None:
    """The instant whose webhooks must be attempted before a submission is answered."""
    return world.apply(SubmitGeneration(world.clock.now(), [], "", sent)).hold


@pytest.mark.parametrize("clock", [Clock.manual, lambda: Clock.scaled(100_000)])
def test_a_callback_can_come_before_the_reply(clock: Any) -> None:
    """A manual clock is advanced to the end of the generation, any other waited for; the next advance reports it once."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        hold = held(world, call(webhook_url=HOOK))
        (generation,) = world.generations()
        instant = generation.accepted + 15_000
        assert hold == instant
        await dispatcher.reach(world, instant)
        assert len(receiver.webhooks) == 1
        assert world.clock.now() >= instant
        if not world.clock.rate:
            assert due_events(await dispatcher.advance(world, 0)) == [
                (2, Status.PROCESSING),
                (15, Status.COMPLETED),
                (15, 204),
            ]
            assert due_events(await dispatcher.advance(world, 10**6)) == []

    drive(doing, settings(clock, script=(on(BeforeReply()),)))


@pytest.mark.parametrize(
    ("prompt", "rules"),
    [
        ("A bear", ()),
        ("A bear", (on(Drop()), on(BeforeReply()))),
        ("A bear", (on(BeforeReply(), match={"status": "FAILED"}),)),
        ("[[sim:stuck]]", (on(BeforeReply()),)),
    ],
)
def test_a_reply_need_not_wait(prompt: str, rules: tuple[Rule, ...]) -> None:
    """Without such a rule, with one that does not match, or for a generation that never ends."""

    async def doing(_: Dispatcher, world: World, __: Receiver) -> None:
        assert held(world, call(prompt, webhook_url=HOOK)) is None

    drive(doing, settings(script=rules))


@through(drive, settings(lambda: Clock.scaled(1000), script=(
    on(Reorder(within=3600), times=1), on(Drop(), match={"url": {"ends_with": "/c"}}),
    on(Duplicate(), match={"url": {"ends_with": "/d"}}),
)))  # fmt: skip
async def test_callbacks_in_the_background_meet_faults_too(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """On a running clock: held until the next, dropped, sent twice."""
    running = asyncio.create_task(dispatcher.run())
    submit(world, "/a", "/b", "/c", "/d")
    dispatcher.wake()
    while len(receiver.webhooks) < 4:
        receiver.arrived.clear()
        await receiver.arrived.wait()
    running.cancel()
    arrived = posted(receiver)
    assert sorted(arrived) == ["/a", "/b", "/d", "/d"]
    assert arrived.index("/b") < arrived.index("/a")


FAULTS = st.sampled_from(
    [
        Drop(),
        Duplicate(),
        Duplicate(copies=4),
        Delay(3),
        UniformDelay(0, 9),
        Reorder(),
        Reorder(within=1),
        DeadReceiver(),
        GarbledBody(),
    ]
)
SCRIPTS = st.lists(st.tuples(FAULTS, st.none() | st.integers(1, 3)), max_size=4)


@pytest.mark.slow
@steady(max_examples=60)
@given(script=SCRIPTS, hooks=st.integers(1, 5), cuts=st.lists(st.integers(0, 40_000), max_size=6), fails=st.booleans())
def test_nothing_is_lost_or_doubled_however_the_clock_is_advanced(
    script: list[tuple[Any, int | None]], hooks: int, cuts: list[int], fails: bool
) -> None:
    """One step or many give the same events at the same instants; every delivery is settled, and reported in order."""
    rules = tuple(on(fault, times=times) for fault, times in script)
    outcome = Outcome(500, "answered 500") if fails else Outcome(204)

    def run(steps: list[int]) -> tuple[list[tuple[float, object]], list[tuple[str, bytes]], list[Any]]:
        async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> Any:
            submit(world, *[f"/{number}" for number in range(hooks)])
            events: list[Any] = []
            for step in steps:
                events += await dispatcher.advance(world, step)
            assert world.next_due() is None
            deliveries = [rendered(world, each) for each in world.deliveries()]
            return attempts(events), [(webhook.url, webhook.body) for webhook in receiver.webhooks], deliveries

        result: tuple[Any, Any, Any] = drive(doing, settings(script=rules), outcome)
        return result

    long = 10**8
    at_once, stepwise = run([long]), run([*cuts, long])
    assert at_once == stepwise
    events, posts, deliveries = at_once
    assert events == sorted(events, key=lambda event: event[0])
    assert len(events) == sum(len(each.attempts) for each in deliveries)
    assert len(posts) == sum(
        attempt.problem != "dropped by the script" for each in deliveries for attempt in each.attempts
    )
    assert [each.number for each in deliveries] == list(range(1, len(deliveries) + 1))
    assert {each.url for each in deliveries} == {f"{HOOK}/{number}" for number in range(hooks)}


@through(drive, settings(script=(
    Rule(when="generate", end=End(status="FAILED", error="policy", after=3)), on(Duplicate(), match={"status": "FAILED"}),
)))  # fmt: skip
async def test_a_plan_and_a_callback_can_be_scripted_together(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """One rule chooses the end of a generation, and another matches its webhook."""
    accepted(world, webhook_url=HOOK)
    assert attempts(await dispatcher.advance(world, 10_000)) == [(3, 204), (3, 204)]
    assert {json.loads(webhook.body)["error"] for webhook in receiver.webhooks} == {"policy"}
    assert world.clock.now() == START + 10_000
