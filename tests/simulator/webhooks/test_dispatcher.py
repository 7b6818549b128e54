"""The dispatcher sends what is due, on each world's clock."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from tests.simulator.samples import KEY, START, accepted, call, submit
from tests.simulator.webhooks.dispatching import HOOK, PATIENCE, Receiver, drive, due_events, settings, through

from pixazo_simulator.script.faults import Delay, Drop, Duplicate
from pixazo_simulator.script.rule import Rule
from pixazo_simulator.spec.errors import TooManyPending
from pixazo_simulator.spec.lifecycle import Status
from pixazo_simulator.spec.text import LAST_INSTANT
from pixazo_simulator.webhooks import dispatcher as module
from pixazo_simulator.webhooks.dispatcher import AdvanceError, AdvanceEvent, Dispatcher
from pixazo_simulator.webhooks.egress import Outcome
from pixazo_simulator.webhooks.sender import WebhookRequest
from pixazo_simulator.world.clock import Clock
from pixazo_simulator.world.commands import Transition
from pixazo_simulator.world.generations import Bounds
from pixazo_simulator.world.registry import Worlds
from pixazo_simulator.world.world import World


@through(drive)
async def test_advancing_lists_what_fell_due_in_order(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """The list has transitions, and webhooks that were attempted at their instants."""
    accepted(world, webhook_url=HOOK)
    assert due_events(await dispatcher.advance(world, 0)) == []
    assert due_events(await dispatcher.advance(world, 2_000)) == [(2, Status.PROCESSING)]
    assert due_events(await dispatcher.advance(world, 12_999)) == []
    assert due_events(await dispatcher.advance(world, 1)) == [(15, Status.COMPLETED), (15, 204)]
    assert [json.loads(webhook.body)["status"] for webhook in receiver.webhooks] == ["COMPLETED"]


@pytest.mark.parametrize("outcome", [Outcome(500, "answered 500"), Outcome(None, "no response within 5 s")])
def test_retries_happen_on_the_world_s_clock(outcome: Outcome) -> None:
    """One advance over an hour makes all of them, each at its instant, with the same bytes."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK)
        events = due_events(await dispatcher.advance(world, 3_600_000))
        assert [at for at, what in events if what == outcome.problem] == [15, 20, 320, 2_120]
        assert world.clock.now() == START + 3_600_000
        assert len({webhook.body for webhook in receiver.webhooks}) == 1

    drive(doing, None, outcome)


@through(drive, None, Outcome(503, "answered 503"), Outcome(204))
async def test_retries_can_be_walked_through_one_by_one(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    accepted(world, webhook_url=HOOK)
    assert due_events(await dispatcher.advance(world, 15_000))[-1] == (15, "answered 503")
    assert due_events(await dispatcher.advance(world, 4_999)) == []
    assert due_events(await dispatcher.advance(world, 1)) == [(20, 204)]
    assert due_events(await dispatcher.advance(world, 10**7)) == []


@through(drive, None, Outcome(None, "not allowed", final=True))
async def test_a_callback_that_cannot_be_helped_is_tried_once(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """When its host is not allowed."""
    accepted(world, webhook_url=HOOK)
    assert len(due_events(await dispatcher.advance(world, 10**7))) == 3


@pytest.mark.parametrize(
    ("clock", "seconds", "challenge"),
    [
        (Clock.manual, 5.0, 3.0),
        (lambda: Clock.scaled(1), 15.0, 3.0),
        (lambda: Clock.scaled(2), 7.5, 3.0),
        (lambda: Clock.scaled(3), 5.0, 3.0),
        (lambda: Clock.scaled(1000), 5.0, 3.0),
        (lambda: Clock.scaled(0.5), 30.0, 6.0),
    ],
)
def test_how_long_a_receiver_has(clock: Callable[[], Clock], seconds: float, challenge: float) -> None:
    """15 s of its world's clock, 3 s for a challenge; never less than 5 and 3 real seconds."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK, members={"callback_url": HOOK})
        await dispatcher.advance(world, 60_000)
        assert {(webhook.echo, webhook.timeout) for webhook in receiver.webhooks} == {
            (True, challenge),
            (False, seconds),
        }

    drive(doing, settings(clock, callback_url="challenge"))


@pytest.mark.parametrize(
    ("policy", "follow", "allowed"),
    [({}, False, ()), ({"webhook_redirects": "follow", "webhook_allow": "hooks.test"}, True, ("hooks.test",))],
)
def test_what_is_posted_where(policy: dict[str, Any], follow: bool, allowed: tuple[str, ...]) -> None:
    """URL, content type and the limits of the world's policy."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK)
        await dispatcher.advance(world, 15_000)
        (webhook,) = receiver.webhooks
        assert (webhook.url, webhook.headers) == (HOOK, {"content-type": "application/json"})
        assert (webhook.follow, webhook.allowed, webhook.echo) == (follow, allowed, False)

    drive(doing, settings(**policy))


@through(drive, settings(webhook_signature="standard"), Outcome(500), Outcome(204))
async def test_a_retry_is_signed_anew_under_the_same_id(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """So that a receiver can tell a retry from a second webhook."""
    generation = accepted(world, webhook_url=HOOK, members={"callback_url": HOOK})
    await dispatcher.advance(world, 20_000)
    ids = [webhook.headers["webhook-id"] for webhook in receiver.webhooks]
    assert ids == [f"msg_{generation.request_id}_{number}" for number in (1, 2, 1)]
    stamps = [int(webhook.headers["webhook-timestamp"]) - START // 1000 for webhook in receiver.webhooks]
    assert stamps == [15, 15, 20]


@through(drive)
async def test_advances_of_one_world_follow_one_another(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """Three at once, while the receiver of the first delays: all of the time passes, and everything happens once."""
    accepted(world, webhook_url=HOOK)
    accepted(world, "[[sim:after 30]]", webhook_url=HOOK)
    receiver.turnstile = True
    receiver.open.clear()
    first = asyncio.create_task(dispatcher.advance(world, 15_000))
    await receiver.arrived.wait()
    second = asyncio.create_task(dispatcher.advance(world, 25_000))
    await asyncio.sleep(0)
    receiver.arrived.clear()
    receiver.open.set()
    await first
    await receiver.arrived.wait()
    third = asyncio.create_task(dispatcher.advance(world, 5_000))
    await asyncio.sleep(0)
    receiver.open.set()
    await asyncio.gather(second, third)
    assert world.clock.now() == START + 45_000
    assert len(receiver.webhooks) == 2


@pytest.mark.parametrize(
    ("hook", "seconds", "moved"), [(None, 3600, True), (HOOK, 14.999, True), (HOOK, 15, False)], ids=str
)
def test_an_advance_that_need_not_wait_is_made_at_once(hook: str | None, seconds: float, moved: bool) -> None:
    """Without a task, if no delivery falls due; otherwise nothing changes, and the result is None."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> tuple[list[AdvanceEvent] | None, int]:
        accepted(world, webhook_url=hook)
        return dispatcher.advance_at_once(world, round(seconds * 1000)), world.clock.now()

    events, now = drive(doing)
    assert now == START + (round(seconds * 1000) if moved else 0)
    statuses = [(2.0, Status.PROCESSING), (15.0, Status.COMPLETED)]
    assert (None if events is None else due_events(events)) == (
        [each for each in statuses if each[0] <= seconds] if moved else None
    )


def test_an_advance_is_not_made_at_once_while_one_waits() -> None:
    """Neither during another advance, nor while an attempt is under way."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> list[list[AdvanceEvent] | None]:
        accepted(world, webhook_url=HOOK)
        receiver.open.clear()
        first = asyncio.create_task(dispatcher.advance(world, 15_000))
        await receiver.arrived.wait()
        found = [dispatcher.advance_at_once(world, 0)]
        receiver.open.set()
        await first
        return [*found, dispatcher.advance_at_once(world, 0)]

    assert drive(doing) == [None, []]


@through(drive)
async def test_the_background_leaves_a_world_alone_that_is_being_advanced(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """Otherwise a webhook could be attempted out of order."""
    running = asyncio.create_task(dispatcher.run())
    for _ in range(2):
        accepted(world, webhook_url=HOOK)
    receiver.open.clear()
    advancing = asyncio.create_task(dispatcher.advance(world, 15_000))
    await receiver.arrived.wait()
    dispatcher.wake()
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(receiver.webhooks) == 1
    receiver.open.set()
    assert len(due_events(await advancing)) == 6
    running.cancel()


@through(drive, settings(lambda: Clock.scaled(1)))
async def test_a_callback_that_is_never_due_does_not_keep_others_waiting(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """The time until a stuck generation ends is longer than any timer runs."""
    accepted(world, "[[sim:stuck]]", webhook_url=HOOK)
    running = asyncio.create_task(dispatcher.run())
    await asyncio.sleep(0)
    accepted(world, "[[sim:after 0]]", webhook_url=f"{HOOK}?second")
    dispatcher.wake()
    await receiver.arrived.wait()
    assert receiver.webhooks[0].url == f"{HOOK}?second"
    running.cancel()


@through(drive, settings(callback_url="challenge"), Outcome(200))
async def test_time_does_not_pass_over_an_attempt_that_is_under_way(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """A challenge starts at once; an advance waits for its outcome before it moves the clock."""
    running = asyncio.create_task(dispatcher.run())
    receiver.open.clear()
    accepted(world, members={"callback_url": HOOK})
    dispatcher.wake()
    await receiver.arrived.wait()
    advancing = asyncio.create_task(dispatcher.advance(world, 1_000))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not advancing.done()
    receiver.open.set()
    await advancing
    (challenge, report) = world.deliveries()
    assert [attempt.at for attempt in challenge.attempts] == [START]
    assert report.event == START + 15_000
    running.cancel()


@through(drive, settings(callback_url="challenge"))
async def test_closing_gives_up_what_is_under_way(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """As if the process had ended: the attempt is not recorded, and the delivery is still due."""
    running = asyncio.create_task(dispatcher.run())
    receiver.open.clear()
    accepted(world, members={"callback_url": HOOK})
    dispatcher.wake()
    await receiver.arrived.wait()
    running.cancel()
    await dispatcher.close()
    assert list(world.outbox.finished) == []
    assert [(each.event, each.attempts) for each in world.deliveries()] == [(START, ())]
    assert world.next_due() == START


def test_the_log_has_each_attempt_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    """This holds even if the receiver's URL contains the key."""
    caplog.set_level(logging.INFO, "pixazo_simulator")

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        generation = accepted(world, webhook_url=f"{HOOK}?key={KEY}")
        await dispatcher.advance(world, 15_000)
        assert caplog.messages == [f"webhook about {generation.request_id} to {HOOK}?key=[redacted]: answered 410"]

    drive(doing, None, Outcome(410, "answered 410"))


def test_a_bug_in_one_attempt_does_not_stop_the_dispatcher(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the next webhook is sent."""

    async def run() -> None:
        worlds = Worlds(settings(callback_url="challenge"))
        (world,) = worlds
        posted = asyncio.Event()

        async def post(webhook: WebhookRequest) -> Outcome:
            if webhook.url.endswith("second"):
                posted.set()
                return Outcome(204)
            raise RuntimeError("a bug")

        dispatcher = Dispatcher(worlds, post)
        running = asyncio.create_task(dispatcher.run())
        accepted(world, members={"callback_url": HOOK})
        accepted(world, members={"callback_url": f"{HOOK}?second"})
        dispatcher.wake()
        async with asyncio.timeout(PATIENCE):
            await posted.wait()
        running.cancel()
        await dispatcher.close()

    asyncio.run(run())
    assert "a webhook could not be attempted: RuntimeError('a bug')" in caplog.messages


def test_an_unforeseen_error_of_a_background_attempt_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In one line by our logger, whose filter hides keys."""

    async def run() -> None:
        worlds = Worlds(settings(callback_url="challenge"))
        (world,) = worlds
        dispatcher = Dispatcher(worlds, Receiver().post)

        async def fail(*_: object) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(dispatcher, "_record", fail)
        running = asyncio.create_task(dispatcher.run())
        accepted(world, members={"callback_url": HOOK})
        dispatcher.wake()
        await until(lambda: caplog.messages)
        running.cancel()
        await dispatcher.close()

    asyncio.run(run())
    assert caplog.messages == ["a webhook could not be attempted: RuntimeError('a bug')"]


def test_only_the_world_that_was_named_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may have thousands, and a submit wakes the dispatcher."""
    looks: list[str] = []
    look = World.next_due

    def noted(world: World) -> int | None:
        looks.append(world.key)
        return look(world)

    async def doing(dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers) -> None:
        one, two = worlds
        for world in (one, two):
            accepted(world, webhook_url=HOOK)
        monkeypatch.setattr(World, "next_due", noted)
        dispatcher.wake(two)
        await until(lambda: receivers.arrived[HOOK])
        assert {*looks} == {"two"}

    async def begun(dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers) -> None:
        await some_turns()  # it begins with a look at all
        await doing(dispatcher, worlds, receivers)

    meet(begun)


def test_the_alarm_of_a_world_is_not_put_off_by_another() -> None:
    """Each world is looked at when its own next webhook is due."""

    async def doing(dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers) -> None:
        one, two = worlds
        await some_turns()
        accepted(one, "[[sim:after 60]]", webhook_url=HOOK)
        dispatcher.wake(one)
        await some_turns()
        accepted(two, "[[sim:after 3000]]", webhook_url=f"{HOOK}?second")
        dispatcher.wake(two)
        await until(lambda: len(receivers.begun) == 2)
        assert [webhook.url for webhook in receivers.begun] == [HOOK, f"{HOOK}?second"]

    meet(doing, lambda: Clock.scaled(10_000))


def test_a_callback_whose_attempt_raised_is_not_lost() -> None:
    """The exception is the problem of the attempt, and the next attempt is made."""
    outcomes: list[RuntimeError | Outcome] = [RuntimeError("a bug"), Outcome(204)]

    async def post(_: WebhookRequest) -> Outcome:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Outcome):
            return outcome
        raise outcome

    async def run() -> list[tuple[str | None, int | None]]:
        worlds = Worlds(settings())
        (world,) = worlds
        accepted(world, webhook_url=HOOK)
        await Dispatcher(worlds, post).advance(world, 3_600_000)
        (delivery,) = world.deliveries()
        return [(attempt.problem, attempt.status) for attempt in delivery.attempts]

    assert asyncio.run(run()) == [("RuntimeError: a bug", None), (None, 204)]


@through(drive)
async def test_several_advances_to_the_end_of_time_are_one(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """No clock passes the last instant, and a delivery that is due after it stays pending."""
    left = LAST_INSTANT - world.clock.now()
    accepted(world, webhook_url=HOOK)
    await dispatcher.advance(world, left - 10_000)
    accepted(world, webhook_url=HOOK)
    events = await asyncio.gather(dispatcher.advance(world, 10_000), dispatcher.advance(world, 10_000))
    assert [[type(each) for each in found] for found in events] == [[Transition], []]
    assert dispatcher.advance_at_once(world, 10_000) == []
    assert (world.clock.now(), len(receiver.webhooks), len(world.deliveries())) == (LAST_INSTANT, 1, 2)


@pytest.mark.parametrize("turns", range(6))
def test_a_cancellation_ends_the_background_in_every_turn_after_it_was_woken(turns: int) -> None:
    """While it waits for the instant of a delivery: a server that stops just after a submission does stop."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK)
        for _ in range(100):
            running = asyncio.create_task(dispatcher.run())
            for _ in range(3):
                await asyncio.sleep(0)
            dispatcher.wake()
            for _ in range(turns):
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.wait([running])
            assert running.cancelled()

    drive(doing, settings(lambda: Clock.scaled(1)))


class Receivers:
    """Several receivers by port; a closed one accepts webhooks and does not respond until it is opened."""

    def __init__(self) -> None:
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.arrived: Counter[str] = Counter()
        self.most_altogether = 0
        self.begun: list[WebhookRequest] = []
        self.closed: dict[str, asyncio.Event] = {}

    async def post(self, webhook: WebhookRequest) -> Outcome:
        """Take a webhook, and answer it in one of the next turns."""
        self.begun.append(webhook)
        self.under_way[webhook.url] += 1
        self.most[webhook.url] = max(self.most[webhook.url], self.under_way[webhook.url])
        self.most_altogether = max(self.most_altogether, self.under_way.total())
        try:
            await asyncio.sleep(0)
            if webhook.url in self.closed:
                await self.closed[webhook.url].wait()
        finally:
            self.under_way[webhook.url] -= 1
        self.arrived[webhook.url] += 1
        return Outcome(204)


def meet(
    doing: Callable[[Dispatcher, Worlds, Receivers], Awaitable[None]],
    clock: Callable[[], Clock] = lambda: Clock.scaled(100_000),
    **more: Any,
) -> None:
    """Run a test's coroutine against a dispatcher in the background, two worlds and several receivers."""

    async def run() -> None:
        worlds, receivers = Worlds(msgspec.structs.replace(settings(clock), keys=("one", "two"), **more)), Receivers()
        dispatcher = Dispatcher(worlds, receivers.post)
        running = asyncio.create_task(dispatcher.run())
        async with asyncio.timeout(PATIENCE):
            try:
                await doing(dispatcher, worlds, receivers)
            finally:
                running.cancel()
                await dispatcher.close()

    asyncio.run(run())


def twenty_for_a_busy_receiver(receivers: Receivers, *worlds: World) -> None:
    """Let each world have twenty deliveries for a receiver that does not respond until it is opened."""
    receivers.closed[HOOK] = asyncio.Event()
    for world in worlds:
        for _ in range(20):
            accepted(world, webhook_url=HOOK)


async def some_turns() -> None:
    """Let other tasks run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(holds: Callable[[], object]) -> None:
    """Let other tasks run until something holds."""
    while not holds():  # noqa: ASYNC110 - it is about what happens turn by turn
        await asyncio.sleep(0)


@through(meet)
async def test_a_dead_receiver_keeps_no_other_waiting(
    dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers
) -> None:
    """Neither another one of its world nor one of another world; and it has no more than five attempts at once."""
    one, two = worlds
    receivers.closed["http://127.0.0.1:1/"] = asyncio.Event()
    for _ in range(50):
        accepted(one, webhook_url="http://127.0.0.1:1/")
    for _ in range(50):
        accepted(one, webhook_url="http://127.0.0.1:2/")
        accepted(two, webhook_url="http://127.0.0.1:3/")
    dispatcher.wake()
    await until(lambda: receivers.arrived == {"http://127.0.0.1:2/": 50, "http://127.0.0.1:3/": 50})
    receivers.closed["http://127.0.0.1:1/"].set()
    await until(lambda: receivers.arrived["http://127.0.0.1:1/"] == 50)
    assert set(receivers.most.values()) == {5}


@through(meet)
async def test_a_receiver_of_two_worlds_is_called_for_both(
    dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers
) -> None:
    """The attempts of one world do not count for the other."""
    twenty_for_a_busy_receiver(receivers, *worlds)
    dispatcher.wake()
    await until(lambda: receivers.under_way[HOOK] == 10)
    await some_turns()
    assert receivers.under_way[HOOK] == 10


@through(meet)
async def test_callbacks_by_hand_wait_for_their_receiver_too(
    dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers
) -> None:
    """Of many at once, five are under way."""
    world, _ = worlds
    accepted(world, webhook_url=HOOK)
    await asyncio.gather(*(dispatcher.resend(world, 1) for _ in range(30)))
    assert receivers.most[HOOK] == 5
    assert receivers.arrived[HOOK] >= 30


def queues() -> int:
    """For how many receivers there is a queue."""
    gc.collect()
    return sum(type(each).__name__ == "_ReceiverQueue" for each in gc.get_objects())


@pytest.mark.slow
def test_nothing_is_kept_of_a_receiver_that_is_idle() -> None:
    async def doing(dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers) -> None:
        world, _ = worlds
        for port in range(1, 21):
            accepted(world, webhook_url=f"http://127.0.0.1:{port}/")
        dispatcher.wake()
        await until(lambda: world.next_due() is None and not world.outbox.taken)
        assert len(receivers.arrived) == 20
        await some_turns()
        await until(lambda: queues() <= before)

    before = queues()
    meet(doing)


@through(meet, bounds=Bounds(pending=20))
async def test_a_callback_that_waits_for_its_receiver_is_pending(
    dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers
) -> None:
    """It is listed, and counts against the bound of pending deliveries."""
    world, _ = worlds
    twenty_for_a_busy_receiver(receivers, world)
    dispatcher.wake()
    await until(lambda: world.next_due() is None)
    assert [each.number for each in world.deliveries()] == list(range(1, 21))
    assert isinstance(submit(world, call(webhook_url=HOOK)), TooManyPending)
    assert [each.number for each in world.fork_at(START).deliveries()] == list(range(1, 21))


@through(meet)
async def test_what_waits_is_given_up_with_its_world(
    dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers
) -> None:
    """A deleted world sends nothing any more."""
    world, _ = worlds
    twenty_for_a_busy_receiver(receivers, world)
    dispatcher.wake()
    await until(lambda: receivers.under_way[HOOK] == 5)
    worlds.delete("one")
    receivers.closed[HOOK].set()
    await until(lambda: receivers.arrived[HOOK])
    await some_turns()
    assert receivers.arrived[HOOK] == 5


@through(meet, Clock.manual)
async def test_an_advance_ends_with_its_world(dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers) -> None:
    """In a deleted world only the attempt that is under way is completed."""
    world, _ = worlds
    twenty_for_a_busy_receiver(receivers, world)
    advancing = asyncio.create_task(dispatcher.advance(world, 60_000))
    await until(lambda: receivers.under_way[HOOK])
    worlds.delete("one")
    receivers.closed[HOOK].set()
    events = await advancing
    assert receivers.arrived[HOOK] == 1
    assert [each[1].status for each in events if isinstance(each, tuple)] == [204]


def test_at_the_end_of_time_the_background_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery that is due after it never falls due: the dispatcher does not look again until it is woken, however fast the clock runs."""
    looks: list[int] = []
    look = World.next_due

    def counted(world: World) -> int | None:
        looks.append(world.clock.now())
        return look(world)

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        world.clock.advance_to(LAST_INSTANT)
        accepted(world, webhook_url=HOOK)
        looks.clear()
        running = asyncio.create_task(dispatcher.run())
        for _ in range(200):
            await asyncio.sleep(0)
        running.cancel()
        assert (looks, receiver.webhooks) == ([LAST_INSTANT], [])

    monkeypatch.setattr(World, "next_due", counted)
    drive(doing, settings(lambda: Clock.scaled(1e12)))


@through(meet, policy=settings(job_times="0+0").policy, balance=10**12)
async def test_many_callbacks_are_started_in_turns(
    dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers
) -> None:
    """Of 1,000 that fall due together at most a hundred before other tasks run."""
    world, _ = worlds
    for _ in range(1_000):
        accepted(world, "[[sim:after 0]]", webhook_url=HOOK)
    receivers.closed[HOOK] = asyncio.Event()
    dispatcher.wake()
    started = [0]
    while started[-1] < 1_000:
        await asyncio.sleep(0)
        started.append(len(world.outbox.taken))
    assert max(later - former for former, later in pairwise(started)) <= 100


@through(
    meet, lambda: Clock.scaled(999_999), policy=settings(webhook_events="header").policy, bounds=Bounds(pending=300)
)
async def test_progress_faster_than_its_receiver_stops_nobody(
    dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers
) -> None:
    """At a million times real time webhooks fall due faster than they can be sent: others are served, and the queue is bounded."""
    one, two = worlds
    receivers.closed[HOOK] = asyncio.Event()
    accepted(one, "[[sim:stuck]]", webhook_url=HOOK, webhook_mode="sync")
    accepted(two, webhook_url="http://127.0.0.1:2/")
    dispatcher.wake()
    await until(lambda: receivers.arrived["http://127.0.0.1:2/"])
    await until(lambda: len(one.outbox.taken) == one.bounds.pending)
    for _ in range(10):
        dispatcher.wake()
        await asyncio.sleep(0)
    assert len(one.outbox.taken) == 300


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred attempts for one advance, in place of 10,000."""
    assert module.MOST_ATTEMPTS == 10_000
    monkeypatch.setattr(module, "MOST_ATTEMPTS", 100)


@pytest.mark.usefixtures("_few")
@through(drive, settings(webhook_events="header"))
async def test_an_advance_over_callbacks_without_end_stops_and_reports_where(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    """Every 15 s for ten years: a hundred are attempted, and another advance continues with the next one."""
    accepted(world, "[[sim:stuck]]", webhook_url=HOOK, webhook_mode="sync")
    with pytest.raises(AdvanceError) as caught:
        await dispatcher.advance(world, 315_360_000_000)
    assert str(caught.value) == (
        "the advance ended at 2026-03-31T10:24:47.000Z, 315358513 s early, with 100 webhooks attempted, the most for one"
        " advance; the rest are pending: advance again to continue"
    )
    assert [at for at, _ in due_events(caught.value.events)] == [2, *range(2, 1_500, 15)]
    assert world.clock.now() == START + 1_487_000
    assert due_events(await dispatcher.advance(world, 15_000)) == [(1_502, 204)]


@pytest.mark.usefixtures("_few")
@through(drive, settings(webhook_events="header"))
async def test_an_advance_that_makes_as_many_attempts_as_it_may_is_whole(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    accepted(world, "[[sim:stuck]]", webhook_url=HOOK, webhook_mode="sync")
    assert len(await dispatcher.advance(world, 1_501_999)) == 101
    assert world.clock.now() == START + 1_501_999


@pytest.mark.usefixtures("_few")
@through(drive, settings(script=(Rule(when="webhook", faults=(Duplicate(copies=10), Duplicate(copies=10))),)))
async def test_copies_count_too(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
    """And none is lost if an advance ends in the middle of an instant."""
    for _ in range(11):
        accepted(world, webhook_url=HOOK)
    with pytest.raises(AdvanceError):
        await dispatcher.advance(world, 15_000)
    assert (len(receiver.webhooks), world.clock.now()) == (100, START + 15_000)
    await dispatcher.advance(world, 0)
    assert len(receiver.webhooks) == 110
    assert set(Counter(webhook.body for webhook in receiver.webhooks).values()) == {10}


@pytest.mark.parametrize(("count", "made"), [(2, 1), (70, 5)])
def test_an_advance_ends_before_its_caller_gives_up(monkeypatch: pytest.MonkeyPatch, count: int, made: int) -> None:
    """If receivers do not respond; the error has the events until then, and at least one attempt was made."""
    monkeypatch.setattr(module, "LONGEST_ADVANCE", 0.0)

    async def doing(dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers) -> None:
        world, _ = worlds
        sent = due_together(world, *[HOOK] * count)
        with pytest.raises(
            AdvanceError, match=rf"at 2026-03-31T10:00:15\.000Z, 5 s early, with {made} webhooks .* 0 s of real"
        ) as caught:
            await dispatcher.advance(world, 20_000)
        assert reported(caught.value.events) == sent[:made]
        monkeypatch.undo()
        assert reported(await dispatcher.advance(world, 5_000)) == sent[made:]

    meet(doing, Clock.manual)


def test_an_advance_does_not_wait_for_ever_for_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a receiver that does not respond, in the background of a running clock."""
    monkeypatch.setattr(module, "LONGEST_ADVANCE", 0.01)

    async def doing(dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers) -> None:
        world, _ = worlds
        receivers.closed[HOOK] = asyncio.Event()
        accepted(world, webhook_url=HOOK)
        dispatcher.wake()
        await until(lambda: receivers.under_way[HOOK])
        with pytest.raises(AdvanceError, match=r"with 0 webhooks attempted, after 0\.01 s of real time"):
            await dispatcher.advance(world, 1_000)

    meet(doing)


def test_a_submit_is_answered_though_what_it_waits_for_meets_the_bound(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webhook before the response: the log says that the clock did not get so far."""
    monkeypatch.setattr(module, "MOST_ATTEMPTS", 1)

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        for _ in range(2):
            accepted(world, webhook_url=HOOK)
        await dispatcher.reach(world, START + 20_000)
        assert [message.partition(",")[0] for message in caplog.messages if "advance" in message] == [
            "the advance ended at 2026-03-31T10:00:15.000Z"
        ]

    drive(doing)


@pytest.mark.parametrize("fault", [None, Drop()])
def test_others_are_served_while_a_clock_is_advanced(fault: Drop | None) -> None:
    """Between a hundred transitions, and between two webhooks, even if none is sent."""

    async def doing(dispatcher: Dispatcher, world: World, receiver: Receiver) -> None:
        for _ in range(1_000):
            accepted(world, webhook_url=HOOK if fault else None)
        assert dispatcher.advance_at_once(world, 15_000) is None
        advancing = asyncio.create_task(dispatcher.advance(world, 15_000))
        turns = 0
        while not advancing.done():
            await asyncio.sleep(0)
            turns += 1
        assert len(await advancing) == (3_000 if fault else 2_000)
        assert turns >= (1_000 if fault else 20)

    script = (Rule(when="webhook", faults=(fault,)),) if fault else ()
    drive(doing, msgspec.structs.replace(settings(script=script), balance=10**12))


def due_together(world: World, *hooks: str) -> list[str]:
    """Let webhooks to these URLs fall due at one instant; returns their request ids."""
    return [accepted(world, webhook_url=hook).request_id for hook in hooks]


def reported(events: list[AdvanceEvent]) -> list[str]:
    """The request ids of the attempts, in order."""
    return [each[0].request_id for each in events if isinstance(each, tuple)]


@pytest.mark.parametrize(
    ("hooks", "script", "most", "altogether"),
    [
        ([HOOK] * 64, (), 1, 1),
        ([HOOK] * 65, (), 5, 5),
        ([HOOK] * 65, (Rule(when="webhook", faults=(Delay(0),)),), 1, 1),
        ([HOOK] * 65, (Rule(when="status", faults=(Delay(0),)),), 5, 5),
        ([HOOK] * 65 + ["http://127.0.0.1:1/"] * 64, (), 5, 6),
        ([f"http://127.0.0.1:{port}/" for port in range(1, 201)], (), 1, 64),
        ([f"http://127.0.0.1:{number % 13 + 1}/" for number in range(13 * 65)], (), 5, 64),
    ],
    ids=["few", "a flood", "with rules", "with other rules", "a flood and few", "many receivers", "many floods"],
)
def test_what_falls_due_at_one_instant_is_attempted_together_if_it_is_much(
    hooks: list[str], script: tuple[Rule, ...], most: int, altogether: int
) -> None:
    """Begun in order for each receiver, and reported in order."""

    async def doing(dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers) -> None:
        world, _ = worlds
        sent = due_together(world, *hooks)
        assert reported(await dispatcher.advance(world, 15_000)) == sent
        begun = {
            hook: [json.loads(each.body)["request_id"] for each in receivers.begun if each.url == hook]
            for hook in hooks
        }
        assert begun == {hook: [one for one, other in zip(sent, hooks, strict=True) if other == hook] for hook in begun}
        assert (max(receivers.most[hook] for hook in hooks), receivers.most_altogether) == (most, altogether)

    meet(doing, Clock.manual, script=script, balance=10**12)


@through(meet)
async def test_the_background_attempts_no_more_at_once_altogether(
    dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers
) -> None:
    """However many receivers there are; worlds do not wait for each other."""
    hooks = [f"http://127.0.0.1:{port}/" for port in range(1, 101)]
    receivers.closed = dict.fromkeys(hooks, asyncio.Event())
    for world in worlds:
        due_together(world, *hooks)
    dispatcher.wake()
    await until(lambda: receivers.under_way.total() == 128)
    await some_turns()
    receivers.closed[hooks[0]].set()
    await until(lambda: receivers.arrived.total() == 200)
    assert receivers.most_altogether == 128


@through(meet, Clock.manual, balance=10**12)
async def test_a_dead_receiver_of_a_flood_keeps_no_other_waiting(
    dispatcher: Dispatcher, worlds: Worlds, receivers: Receivers
) -> None:
    """And what was attempted is recorded when the advance is cancelled; the rest is still due."""
    world, _ = worlds
    dead, live = "http://127.0.0.1:1/", "http://127.0.0.1:2/"
    receivers.closed[dead] = asyncio.Event()
    sent = due_together(world, *[dead, live] * 70)
    advancing = asyncio.create_task(dispatcher.advance(world, 15_000))
    await until(lambda: receivers.arrived[live] == 70)
    assert receivers.under_way[dead] == 5
    advancing.cancel()
    await asyncio.wait([advancing])
    assert [each.request_id for each in world.outbox.finished.values()] == sent[1::2]
    del receivers.closed[dead]
    await until(lambda: receivers.arrived[dead] == 70)
    assert receivers.arrived[live] == 70


@through(drive)
async def test_a_callback_whose_advance_is_cancelled_is_still_due(
    dispatcher: Dispatcher, world: World, receiver: Receiver
) -> None:
    accepted(world, webhook_url=HOOK)
    receiver.open.clear()
    advancing = asyncio.create_task(dispatcher.advance(world, 15_000))
    await receiver.arrived.wait()
    advancing.cancel()
    with suppress(asyncio.CancelledError):
        await advancing
    receiver.open.set()
    assert (15, 204) in due_events(await dispatcher.advance(world, 0))
    assert len(world.deliveries()) == 1
