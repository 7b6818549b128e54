"""Waiting until something has happened in a world."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from tests.caller import GENERATE, Caller, over_http
from tests.patience import PATIENCE
from tests.receiver import Receiver
from tests.simulator.samples import accepted, scratch

from pixazo_simulator.control import ControlHandler, Traffic
from pixazo_simulator.control.client import ControlClient, ControlError
from pixazo_simulator.control.conditions import Search
from pixazo_simulator.control.routes import look
from pixazo_simulator.control.schema.requests import ExchangeCondition, Wait
from pixazo_simulator.gateway.gateway import Gateway
from pixazo_simulator.server.asgi import BodyQueue, GatewayApp
from pixazo_simulator.server.http import GatewayProtocol
from pixazo_simulator.server.responder import Responder
from pixazo_simulator.server.tls import TlsListeners
from pixazo_simulator.webhooks.dispatcher import Dispatcher
from pixazo_simulator.webhooks.egress import Outcome
from pixazo_simulator.webhooks.sender import WebhookRequest
from pixazo_simulator.world.clock import Clock
from pixazo_simulator.world.commands import RecordExchange
from pixazo_simulator.world.journal import Exchange
from pixazo_simulator.world.registry import Settings, Worlds


@pytest.fixture
def app(control: ControlClient) -> Caller:
    """Whoever calls the gateway in that world."""
    return Caller(over_http(control.url), control.api_key or "")


def meanwhile(do: Callable[[], object], wait: Callable[[], Any]) -> Any:
    """What `wait` gives while another thread does something."""
    doing = threading.Thread(target=do)
    doing.start()
    try:
        return wait()
    finally:
        doing.join()


def test_a_wait_for_what_has_happened_returns_at_once(control: ControlClient, app: Caller) -> None:
    """This holds with a timeout of zero, too."""
    app.accepted()
    (seen,) = control.wait_for({"exchanges": {"operation": "generate", "status": 202}}, timeout=0).exchanges
    assert (seen.number, seen.target) == (1, GENERATE)
    assert control.wait_for({"exchanges": {}}, timeout=0).exchanges == [seen]


def test_it_ends_when_the_last_of_them_has_happened(control: ControlClient, app: Caller) -> None:
    def calls() -> None:
        for prompt in ("A bear", "", "A cat", "", "A dog"):
            app.generate(prompt)

    exchanges = meanwhile(
        calls,
        lambda: control.wait_for({"exchanges": {"operation": "generate", "status": 202, "count": 3}}, timeout=PATIENCE),
    )
    assert [each.request.body["prompt"] for each in exchanges.exchanges] == ["A bear", "A cat", "A dog"]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"after": 3}, [4, 5]),
        ({"method": "GET"}, [2, 3, 5]),
        ({"method": "get"}, [2, 3, 5]),
        ({"path": {"starts_with": "/v2/"}}, [2, 3]),
        ({"status": {"at_least": 400}}, [3, 4]),
        ({"operation": "status"}, [2, 3]),
        ({"operation": {"one_of": ["generate", "media"]}}, [1, 4, 5]),
        ({"request_id": {"present": True}, "status": 200}, [2, 5]),
        ({"rule": {"contains": "rule 1"}}, [3]),
        ({"rule": "when status"}, [3]),
        ({"reason": {"contains": "prompt must not be blank"}}, [4]),
    ],
)
def test_exchanges_are_matched_by_their_properties(
    control: ControlClient, app: Caller, condition: dict[str, Any], numbers: list[int]
) -> None:
    """By number, operation, method, path without query, status, request id, rule and reason, each by any condition."""
    identity = app.accepted()
    app.read(identity)
    control.add_rule({"when": "status", "reply": {"status": 500}})
    app.read(identity)
    app.generate("")
    control.advance(15)
    app.call("GET", f"/v1/{identity}/output.mp4?range=all")
    exchanges = control.wait_for({"exchanges": condition}, timeout=0)
    assert [each.number for each in exchanges.exchanges] == numbers


def test_callbacks_are_waited_for(control: ControlClient, app: Caller, receiver: Receiver) -> None:
    """As soon as one was attempted, however that ended; a callback that is only pending does not count."""
    identity = app.accepted(webhook=receiver.url)
    app.accepted("[[sim:after 40]]", webhook="http://10.0.0.7/")
    with pytest.raises(ControlError, match="after 0 s there were 0 of 1 deliveries"):
        control.wait_for({"deliveries": {}}, timeout=0)
    reported = meanwhile(lambda: control.advance(20), lambda: control.wait_for({"deliveries": {}}, timeout=PATIENCE))
    assert [each.request_id for each in reported.deliveries] == [identity]
    control.advance(20)
    asked: list[tuple[dict[str, Any], int]] = [
        ({"delivered": True}, 1), ({"delivered": False}, 1), ({"attempts": 1}, 2), ({"status": 204}, 1),
        ({"url": receiver.url}, 1), ({"channel": "X-Webhook-URL", "request_id": identity}, 1),
    ]  # fmt: skip
    for condition, count in asked:
        assert len(control.wait_for({"deliveries": condition}, timeout=0).deliveries) == count, condition


def test_generations_are_waited_for(control: ControlClient, app: Caller) -> None:
    """They change without a word being said, when the clock is advanced."""
    first, second = app.accepted(), app.accepted("[[sim:failed]]")
    reported = meanwhile(
        lambda: control.advance(15), lambda: control.wait_for({"generations": {"status": "FAILED"}}, timeout=PATIENCE)
    )
    assert [each.request_id for each in reported.generations] == [second]
    for condition in ({"request_id": first}, {"status": "COMPLETED", "operation": "generate"}):
        assert len(control.wait_for({"generations": condition}, timeout=0).generations) == 1


def test_a_wait_that_times_out_lists_what_arrived(control: ControlClient, app: Caller) -> None:
    """The error shows what did arrive, what came nearest, and how it differs."""
    app.accepted()
    app.read("unknown")
    app.generate("")
    with pytest.raises(ControlError) as raised:
        control.wait_for({"exchanges": {"operation": "generate", "status": 202, "count": 2}}, timeout=0.01)
    error = raised.value
    assert error.status == 408
    assert error.message == (
        "after 0.01 s there were 1 of 2 exchanges (operation equals 'generate', status equals 202); "
        f"nearest: exchange 3, POST {GENERATE} answered 400: status is 400, expected: equals 202"
    )
    assert error.body["error"] == "Timed out"
    assert [each["number"] for each in error.body["exchanges"]] == [1]
    assert error.body["nearest"] == {
        "what": f"exchange 3, POST {GENERATE} answered 400", "differences": ["status is 400, expected: equals 202"],
    }  # fmt: skip


def test_when_nothing_happened_nothing_came_near(control: ControlClient) -> None:
    with pytest.raises(ControlError) as raised:
        control.wait_for({"deliveries": {"delivered": True}}, timeout=0)
    assert raised.value.message == "after 0 s there were 0 of 1 deliveries (delivered equals True)"
    assert raised.value.body["nearest"] is None
    assert raised.value.body["deliveries"] == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({}, "no condition: give one of exchanges, deliveries, generations"),
        ({"exchanges": {}, "generations": {}}, "exchanges and generations: give one of"),
        ({"exchanges": {"statu": 200}}, "exchanges.statu: unknown field `statu` (did you mean status?)"),
        ({"exchanges": {"status": {"one_off": [200]}}}, "operator 'one_off' is not one of"),
        ({"exchanges": {"path": {"matches": "("}}}, "matches '(' is not a regular expression"),
        ({"exchanges": {"path": {"matches": "a{200}"}}}, "the conditions are too complex (cost over 500): use fewer, or shorter"),
        ({"exchanges": {"path": {"one_of": ["/"] * 500}}}, "the conditions are too complex (cost over 500): use fewer, or shorter"),
        ({"exchanges": {"count": 0}}, "exchanges.count 0: give an integer of at least 1"),
        ({"exchanges": {}, "timeout": -1}, "timeout -1: give a number of at least 0"),
        ({"exchanges": {}, "timeout": 301}, "timeout 301: give a number of at most 300"),
    ],
)  # fmt: skip
def test_a_wait_that_means_nothing_is_refused(app: Caller, content: dict[str, Any], complaint: str) -> None:
    reply = app.call("POST", "/_sim/wait", content)
    assert reply.status == 400
    assert complaint in reply.json()["message"]


Response = tuple[int, bytes]


async def turns() -> None:
    """Let the loop do what can be done without waiting."""
    for _ in range(10):
        await asyncio.sleep(0)


async def post(_: WebhookRequest) -> Outcome:
    """A receiver that takes everything."""
    return Outcome(200)


class Handler:
    """The control routes over one world, `sim-key`, without a server."""

    def __init__(
        self, clock: Callable[[], Clock] = Clock.manual, send: Callable[[WebhookRequest], Awaitable[Outcome]] = post
    ) -> None:
        worlds = Worlds(Settings(clock=clock))
        (self.world,) = worlds
        dispatcher = Dispatcher(worlds, send)
        front = GatewayApp(Responder(Gateway(worlds), worlds, dispatcher), BodyQueue())
        self._control = ControlHandler(
            worlds,
            dispatcher,
            TlsListeners(front, front, GatewayProtocol, worlds),
            BodyQueue().slot,
            scratch,
            Traffic(),
            lambda: False,
        )

    async def ask(self, method: str, path: str, **content: object) -> Response:
        """Status and body."""
        body = json.dumps(content).encode()
        return await self._control.answer(method, path, "", body, host="localhost", key="sim-key")

    def wait(self, **content: object) -> asyncio.Task[Response]:
        """Begin to wait."""
        return asyncio.create_task(self.ask("POST", "/_sim/wait", **content))

    def record(self) -> None:
        """Let the journal have an exchange more."""
        exchange = Exchange(0, self.world.clock.now(), "GET", "/", [], b"", 0, 404, b"", "")
        self.world.apply(RecordExchange(exchange.at, exchange))


def test_a_wait_in_a_world_that_is_deleted_ends_with_404() -> None:
    """It is not left waiting, even when another world has opened for the same key."""

    async def delete() -> Response:
        handler = Handler()
        waiting = handler.wait(exchanges={}, timeout=PATIENCE)
        await turns()  # it has looked once, and only the deletion can wake it
        assert (await handler.ask("DELETE", "/_sim/world"))[0] == 200
        assert (await handler.ask("POST", "/_sim/worlds", key="sim-key"))[0] == 201
        return await waiting

    status, reported = asyncio.run(delete())
    assert (status, json.loads(reported)["message"]) == (404, "the world was deleted while this request was waiting")


def test_an_advance_of_a_world_that_is_deleted_ends_with_404() -> None:
    """The clock of another world that has opened for the same key stands where it stood."""

    async def delete() -> tuple[Response, Response]:
        posting, deleted = asyncio.Event(), asyncio.Event()

        async def slowly(_: WebhookRequest) -> Outcome:
            posting.set()
            await deleted.wait()
            return Outcome(200)

        handler = Handler(send=slowly)
        accepted(handler.world, webhook_url="http://127.0.0.1:9/hook")
        advancing = asyncio.create_task(handler.ask("POST", "/_sim/clock/advance", seconds=15))
        await posting.wait()
        assert (await handler.ask("DELETE", "/_sim/world"))[0] == 200
        assert (await handler.ask("POST", "/_sim/worlds", key="sim-key"))[0] == 201
        deleted.set()
        return await advancing, await handler.ask("GET", "/_sim/clock")

    (status, reported), (_, clock) = asyncio.run(delete())
    assert (status, json.loads(reported)["message"]) == (404, "the world was deleted while its clock was advanced")
    assert json.loads(clock)["now"] == "2026-03-31T10:00:00.000Z"


def test_many_may_wait_for_one_world_and_nobody_is_left_listening() -> None:
    """Neither after a wait that succeeded nor after one that did not, nor after one that was given up."""

    async def several() -> list[int]:
        handler = Handler()
        waits = [
            handler.wait(exchanges={}, timeout=PATIENCE), handler.wait(exchanges={"count": 2}, timeout=0.01), handler.wait(exchanges={"count": 2}),
        ]  # fmt: skip
        await asyncio.sleep(0)
        assert len(handler.world.notifier._listeners) == 3  # pyright: ignore[reportPrivateUsage]  # no other sign of them
        handler.record()
        await turns()
        assert [waits[0].done(), waits[2].done()] == [True, False]  # the time of the other one may be over
        responses = await asyncio.gather(*waits[:2])
        waits[2].cancel()
        await asyncio.gather(waits[2], return_exceptions=True)
        assert len(handler.world.notifier._listeners) == 0  # pyright: ignore[reportPrivateUsage]
        return [status for status, _ in responses]

    assert asyncio.run(several()) == [200, 408]


def test_others_get_their_turn_while_somebody_looks_through_a_journal() -> None:
    """Between pieces whose conditions weigh 200 at most; what was looked at once is not looked at again."""
    handler = Handler()
    world = handler.world
    for _ in range(100):
        handler.record()
    heavy = {"path": {"one_of": ["/"] * 96}, "count": 101}
    looking = Search(world, msgspec.convert({"exchanges": heavy}, Wait))
    assert [len(list(looking.look())), len(looking.found), looking.is_done] == [50, 100, False]
    handler.record()
    assert [len(list(looking.look())), len(looking.found), looking.is_done] == [0, 101, True]


def test_however_many_wait_one_of_them_looks_in_one_turn_of_the_loop() -> None:
    """So that whoever calls the gateway meanwhile is served between any two pieces."""
    under_way: list[int] = []

    class Counting(Search):
        """Looks in three pieces, each longer than a turn."""

        def look(self) -> Iterator[None]:
            for _ in range(3):
                under_way.append(turns_taken[0])
                yield

    async def run() -> None:
        handler = Handler()
        request = SimpleNamespace(look_lock=asyncio.Lock())
        looks = [
            asyncio.create_task(
                look(cast("Any", request), Counting(handler.world, Wait(exchanges=ExchangeCondition())))
            )
            for _ in range(5)
        ]
        while not all(look.done() for look in looks):
            turns_taken[0] += 1
            await asyncio.sleep(0)

    turns_taken = [0]
    asyncio.run(run())
    assert len(under_way) == 15
    assert len(set(under_way)) == 15


def test_a_clock_that_runs_needs_nobody_to_advance_it() -> None:
    """The wait ends at the instant of the change, though nobody says a word."""

    async def run() -> Response:
        handler = Handler(lambda: Clock.scaled(1000))
        accepted(handler.world)
        return await asyncio.wait_for(handler.wait(generations={"status": "COMPLETED"}, timeout=PATIENCE), PATIENCE)

    assert asyncio.run(run())[0] == 200


@pytest.mark.parametrize(
    ("webhook", "content"),
    [(None, {"generations": {"status": "COMPLETED"}}), ("http://127.0.0.1:9/", {"deliveries": {}})],
)
def test_time_and_callbacks_wake_whoever_waits(webhook: str | None, content: dict[str, Any]) -> None:
    """At once, without a word on the wire."""

    async def run() -> bool:
        handler = Handler()
        accepted(handler.world, webhook_url=webhook)
        waiting = handler.wait(**content, timeout=PATIENCE)
        await turns()
        assert not waiting.done()
        assert (await handler.ask("POST", "/_sim/clock/advance", seconds=15))[0] == 200
        await turns()
        done = waiting.done()
        waiting.cancel()
        return done

    assert asyncio.run(run())


def test_a_look_that_is_stopped_forgets_nothing() -> None:
    """What was not looked at yet is looked at the next time, and nothing twice."""
    handler = Handler()
    for _ in range(1_200):
        handler.record()
    watching = Search(handler.world, Wait(exchanges=ExchangeCondition(count=1_200)))
    next(watching.look())
    assert 0 < len(watching.found) < 1_200
    for _ in watching.look():
        pass
    assert [each.number for each in watching.found] == [*range(1, 1_201)]
