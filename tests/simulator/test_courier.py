"""The courier: posts what is due, on each world's clock."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.simulator.posting import HOOK, PATIENCE, Receiver, drive, settings, told
from tests.simulator.specimens import KEY, START, accepted

from pixazo_simulator.clock import LAST_INSTANT, Clock
from pixazo_simulator.courier import Courier, FallenDue
from pixazo_simulator.lifecycle import Status
from pixazo_simulator.post import Outcome, Parcel
from pixazo_simulator.world import Transition, World
from pixazo_simulator.worlds import Worlds


def test_advancing_tells_what_fell_due_in_order() -> None:
    """Transitions, and callbacks that were attempted at their instants."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK)
        assert told(await courier.advance(world, 0)) == []
        assert told(await courier.advance(world, 2_000)) == [(2, Status.PROCESSING)]
        assert told(await courier.advance(world, 12_999)) == []
        assert told(await courier.advance(world, 1)) == [(15, Status.COMPLETED), (15, 204)]
        assert [json.loads(parcel.body)["status"] for parcel in receiver.parcels] == ["COMPLETED"]

    drive(doing)


@pytest.mark.parametrize("outcome", [Outcome(500, "answered 500"), Outcome(None, "no answer within 5 s")])
def test_retries_happen_on_the_world_s_clock(outcome: Outcome) -> None:
    """One advance over an hour makes all of them, each at its instant; the bytes are always the same."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK)
        fallen = told(await courier.advance(world, 3_600_000))
        assert [at for at, what in fallen if what == outcome.problem] == [15, 20, 320, 2_120]
        assert world.clock.now() == START + 3_600_000
        assert len({parcel.body for parcel in receiver.parcels}) == 1

    drive(doing, None, outcome)


def test_retries_can_be_walked_through_one_by_one() -> None:
    """A success ends them."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK)
        assert told(await courier.advance(world, 15_000))[-1] == (15, "answered 503")
        assert told(await courier.advance(world, 4_999)) == []
        assert told(await courier.advance(world, 1)) == [(20, 204)]
        assert told(await courier.advance(world, 10**7)) == []

    drive(doing, None, Outcome(503, "answered 503"), Outcome(204))


def test_a_callback_that_cannot_be_helped_is_tried_once() -> None:
    """A host that is not allowed."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK)
        assert len(told(await courier.advance(world, 10**7))) == 3

    drive(doing, None, Outcome(None, "not allowed", final=True))


@pytest.mark.parametrize(
    ("clock", "seconds", "challenge"),
    [
        (Clock.manual, 5.0, 3.0),
        (lambda: Clock.scaled(1), 15.0, 3.0),
        (lambda: Clock.scaled(3), 5.0, 1.0),
        (lambda: Clock.scaled(1000), 1.0, 1.0),
        (lambda: Clock.scaled(0.5), 30.0, 6.0),
    ],
)
def test_how_long_a_receiver_has(clock: Callable[[], Clock], seconds: float, challenge: float) -> None:
    """15 s of its world's clock, 3 s for a challenge; never less than a real second, 5 where the clock stands still."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK, members={"callback_url": HOOK})
        await courier.advance(world, 60_000)
        assert {(parcel.echo, parcel.timeout) for parcel in receiver.parcels} == {(True, challenge), (False, seconds)}

    drive(doing, settings(clock, callback_url="challenge"))


@pytest.mark.parametrize(
    ("policy", "follow", "allowed"),
    [({}, False, ()), ({"webhook_redirects": "follow", "webhook_allow": "hooks.test"}, True, ("hooks.test",))],
)
def test_what_is_posted_where(policy: dict[str, Any], follow: bool, allowed: tuple[str, ...]) -> None:
    """URL, type and the safety rules of the world's policy."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK)
        await courier.advance(world, 15_000)
        (parcel,) = receiver.parcels
        assert (parcel.url, parcel.headers) == (HOOK, {"content-type": "application/json"})
        assert (parcel.follow, parcel.allowed, parcel.echo) == (follow, allowed, False)

    drive(doing, settings(**policy))


def test_a_retry_is_signed_anew_under_the_same_id() -> None:
    """So that a receiver can tell a repetition from a second callback."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        generation = accepted(world, webhook_url=HOOK, members={"callback_url": HOOK})
        await courier.advance(world, 20_000)
        ids = [parcel.headers["webhook-id"] for parcel in receiver.parcels]
        assert ids == [f"msg_{generation.request_id}_{number}" for number in (1, 2, 1)]
        stamps = [int(parcel.headers["webhook-timestamp"]) - START // 1000 for parcel in receiver.parcels]
        assert stamps == [15, 15, 20]

    drive(doing, settings(webhook_signature="standard"), Outcome(500), Outcome(204))


def test_advances_of_one_world_follow_one_another() -> None:
    """Three at once, while the receiver of the first takes its time: all of the time passes, everything once."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        accepted(world, webhook_url=HOOK)
        accepted(world, "[[sim:after 30]]", webhook_url=HOOK)
        receiver.turnstile = True
        receiver.open.clear()
        first = asyncio.create_task(courier.advance(world, 15_000))
        await receiver.arrived.wait()
        second = asyncio.create_task(courier.advance(world, 25_000))
        await asyncio.sleep(0)
        receiver.arrived.clear()
        receiver.open.set()
        await first
        await receiver.arrived.wait()
        third = asyncio.create_task(courier.advance(world, 5_000))
        await asyncio.sleep(0)
        receiver.open.set()
        await asyncio.gather(second, third)
        assert world.clock.now() == START + 45_000
        assert len(receiver.parcels) == 2

    drive(doing)


@pytest.mark.parametrize(
    ("hook", "seconds", "moved"), [(None, 3600, True), (HOOK, 14.999, True), (HOOK, 15, False)], ids=str
)
def test_an_advance_that_need_not_wait_is_made_at_once(hook: str | None, seconds: float, moved: bool) -> None:
    """Without a task, when no callback falls due; else nothing is changed, and None says that there is one to wait for."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> tuple[list[FallenDue] | None, int]:
        accepted(world, webhook_url=hook)
        return courier.advance_at_once(world, round(seconds * 1000)), world.clock.now()

    fallen, now = drive(doing)
    assert now == START + (round(seconds * 1000) if moved else 0)
    statuses = [(2.0, Status.PROCESSING), (15.0, Status.COMPLETED)]
    assert (None if fallen is None else told(fallen)) == (
        [each for each in statuses if each[0] <= seconds] if moved else None
    )


def test_an_advance_is_not_made_at_once_while_one_waits() -> None:
    """Neither while another advance has not ended, nor while an attempt is under way."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> list[list[FallenDue] | None]:
        accepted(world, webhook_url=HOOK)
        receiver.open.clear()
        first = asyncio.create_task(courier.advance(world, 15_000))
        await receiver.arrived.wait()
        found = [courier.advance_at_once(world, 0)]
        receiver.open.set()
        await first
        return [*found, courier.advance_at_once(world, 0)]

    assert drive(doing) == [None, []]


def test_the_background_leaves_a_world_alone_that_is_being_advanced() -> None:
    """Or a callback could be attempted out of order."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        running = asyncio.create_task(courier.run())
        for _ in range(2):
            accepted(world, webhook_url=HOOK)
        receiver.open.clear()
        advancing = asyncio.create_task(courier.advance(world, 15_000))
        await receiver.arrived.wait()
        courier.wake()
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(receiver.parcels) == 1
        receiver.open.set()
        assert len(told(await advancing)) == 6
        running.cancel()

    drive(doing)


def test_callbacks_are_posted_in_the_background() -> None:
    """As soon as they are due, without anybody asking."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        running = asyncio.create_task(courier.run())
        await asyncio.sleep(0)
        accepted(world, webhook_url=HOOK)
        courier.wake()
        await receiver.arrived.wait()
        assert json.loads(receiver.parcels[0].body)["status"] == "COMPLETED"
        running.cancel()

    drive(doing, settings(lambda: Clock.scaled(100_000)))


def test_a_callback_that_is_never_due_does_not_keep_others_waiting() -> None:
    """The pause until a stuck generation ends is longer than any timer runs."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        accepted(world, "[[sim:stuck]]", webhook_url=HOOK)
        running = asyncio.create_task(courier.run())
        await asyncio.sleep(0)
        accepted(world, "[[sim:after 0]]", webhook_url=f"{HOOK}?second")
        courier.wake()
        await receiver.arrived.wait()
        assert receiver.parcels[0].url == f"{HOOK}?second"
        running.cancel()

    drive(doing, settings(lambda: Clock.scaled(1)))


def test_time_does_not_pass_over_an_attempt_that_is_under_way() -> None:
    """A challenge starts at once; an advance waits for its outcome before it moves the clock."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        running = asyncio.create_task(courier.run())
        receiver.open.clear()
        accepted(world, members={"callback_url": HOOK})
        courier.wake()
        await receiver.arrived.wait()
        advancing = asyncio.create_task(courier.advance(world, 1_000))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not advancing.done()
        receiver.open.set()
        await advancing
        (challenge, report) = world.deliveries()
        assert [attempt.instant for attempt in challenge.attempts] == [START]
        assert report.event == START + 15_000
        running.cancel()

    drive(doing, settings(callback_url="challenge"), Outcome(200))


def test_closing_gives_up_what_is_under_way() -> None:
    """As if the process had ended: the attempt is not recorded."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        running = asyncio.create_task(courier.run())
        receiver.open.clear()
        accepted(world, members={"callback_url": HOOK})
        courier.wake()
        await receiver.arrived.wait()
        running.cancel()
        await courier.close()
        assert list(world.outbox.finished) == []

    drive(doing, settings(callback_url="challenge"))


def test_the_log_tells_each_attempt_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    """Though the receiver's URL carries it."""
    caplog.set_level(logging.INFO, "pixazo_simulator")

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        generation = accepted(world, webhook_url=f"{HOOK}?key={KEY}")
        await courier.advance(world, 15_000)
        assert caplog.messages == [
            f"callback about {generation.request_id} to {HOOK}?key=[redacted]: answered 410",
        ]

    drive(doing, None, Outcome(410, "answered 410"))


def test_a_bug_in_one_attempt_does_not_stop_the_courier(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the next callback is posted."""

    async def run() -> None:
        worlds = Worlds(settings(callback_url="challenge"))
        (world,) = worlds
        posted = asyncio.Event()

        async def post(parcel: Parcel) -> Outcome:
            if parcel.url.endswith("second"):
                posted.set()
                return Outcome(204)
            raise RuntimeError("a bug")

        courier = Courier(worlds, post)
        running = asyncio.create_task(courier.run())
        accepted(world, members={"callback_url": HOOK})
        accepted(world, members={"callback_url": f"{HOOK}?second"})
        courier.wake()
        async with asyncio.timeout(PATIENCE):
            await posted.wait()
        running.cancel()
        await courier.close()

    asyncio.run(run())
    assert "a callback could not be attempted: RuntimeError('a bug')" in caplog.messages


def test_a_callback_whose_attempt_raised_is_not_lost() -> None:
    """What was raised is the problem of the attempt, and the next attempt is made."""
    outcomes: list[RuntimeError | Outcome] = [RuntimeError("a bug"), Outcome(204)]

    async def post(_: Parcel) -> Outcome:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Outcome):
            return outcome
        raise outcome

    async def run() -> list[tuple[str | None, int | None]]:
        worlds = Worlds(settings())
        (world,) = worlds
        accepted(world, webhook_url=HOOK)
        await Courier(worlds, post).advance(world, 3_600_000)
        (delivery,) = world.deliveries()
        return [(attempt.problem, attempt.status) for attempt in delivery.attempts]

    assert asyncio.run(run()) == [("RuntimeError: a bug", None), (None, 204)]


def test_several_advances_to_the_end_of_time_are_one() -> None:
    """Nobody's clock passes the last instant, and a callback that is due beyond it stays."""

    async def doing(courier: Courier, world: World, receiver: Receiver) -> None:
        left = LAST_INSTANT - world.clock.now()
        accepted(world, webhook_url=HOOK)
        await courier.advance(world, left - 10_000)
        accepted(world, webhook_url=HOOK)
        fallen = await asyncio.gather(courier.advance(world, 10_000), courier.advance(world, 10_000))
        assert [[type(each) for each in found] for found in fallen] == [[Transition], []]
        assert courier.advance_at_once(world, 10_000) == []
        assert (world.clock.now(), len(receiver.parcels), len(world.deliveries())) == (LAST_INSTANT, 1, 2)

    drive(doing)
