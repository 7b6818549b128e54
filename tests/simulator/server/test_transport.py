"""The simulator without a socket: transports of httpx2 and httpx, and the ASGI application."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient
from tests.caller import GENERATE, KEY_HEADER, STATUS
from tests.patience import PATIENCE, until
from tests.receiver import Behaviour, Receiver

from pixazo_simulator.control import ControlClient, to_json
from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant
from pixazo_simulator.mutants.mutant import Edits
from pixazo_simulator.script.builder import EXAMPLES
from pixazo_simulator.script.faults import (
    Bandwidth,
    BeforeReply,
    Delay,
    Hang,
    LognormalDelay,
    SlowDrip,
    TruncatedBody,
    UniformDelay,
)
from pixazo_simulator.script.rule import Rule
from pixazo_simulator.server.asgi import ConnectionCutError
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.server.threaded import SimulatorError
from pixazo_simulator.webhooks import Dispatcher
from pixazo_simulator.world import StateUnavailableError
from pixazo_simulator.world.clock import Clock
from pixazo_simulator.world.registry import Settings, Worlds
from pixazo_simulator.world.world import World

BEAR = {"prompt": "A bear"}
KEY = "of-a-test"
QUICK: dict[str, Rule] = {
    "delay": Rule(when="status", faults=(Delay(0.01),)),
    "uniform_delay": Rule(when="status", faults=(UniformDelay(0.01, 0.02),)),
    "lognormal_delay": Rule(when="generate", faults=(LognormalDelay(0.01, 0.1),)),
    "slow_drip": Rule(when="media", faults=(SlowDrip(0.05, 5),)),
    "bandwidth": Rule(when="media", faults=(Bandwidth(2_000_000),)),
}
"""In place of examples that take longer."""
RULES: dict[str, Rule | None] = {
    "no fault": None,
    **{kind: QUICK.get(kind, rule) for kind, rule in EXAMPLES.items() if rule.when != "webhook"},
}

Send = Callable[..., Any]
"""Sends one request: method, URL and options of a client."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A simulator."""
    with Simulator() as running:
        yield running


@contextmanager
def world_of(simulator: Simulator, *rules: Rule | None) -> Generator[ControlClient]:
    """A world with these rules, always with the same key."""
    control = simulator.control(KEY)
    control.create_world(key=KEY, script=[rule for rule in rules if rule])
    yield control
    control.delete_world()


@pytest.fixture
def world(simulator: Simulator) -> Iterator[ControlClient]:
    """A world."""
    with world_of(simulator) as control:
        yield control


def options_of(simulator: Simulator, transport: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a client, of either library."""
    usual: dict[str, Any] = {"base_url": simulator.url, "headers": {KEY_HEADER: KEY}, "verify": False, "timeout": 10}
    return usual | {"transport": transport} | given


@contextmanager
def blocking(library: Any, simulator: Simulator, transport: Any = None, **given: Any) -> Generator[Send]:
    """A blocking client."""
    with library.Client(**options_of(simulator, transport, given)) as client:
        yield client.request


@contextmanager
def on_asyncio(library: Any, simulator: Simulator, transport: Any = None, **given: Any) -> Generator[Send]:
    """An asynchronous client."""
    with asyncio.Runner() as runner:
        client = library.AsyncClient(**options_of(simulator, transport, given))

        async def send(*arguments: Any, **options: Any) -> Any:
            return await client.request(*arguments, **options)

        yield lambda *arguments, **options: runner.run(send(*arguments, **options))
        runner.run(client.aclose())


LIBRARIES = pytest.mark.parametrize("library", [httpx2, httpx])
CLIENTS = pytest.mark.parametrize("client", [blocking, on_asyncio])


def outcome(send: Send, *arguments: Any, **options: Any) -> object:
    """What a caller sees: status line, headers and body, or the class of an exception."""
    try:
        response = send(*arguments, **options)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is compared
        return type(error)
    status_line = [response.extensions[name] for name in ("http_version", "reason_phrase")]
    content = re.sub(rb"-[0-9]+-", b"-N-", response.content)  # accounts that nobody has used yet
    return response.status_code, status_line, response.headers.raw, content, response.elapsed is None


def conversation(send: Send, control: ControlClient) -> list[object]:
    """Two submissions, reads of one before and after its end, and its video."""
    seen = [outcome(send, "POST", GENERATE, json=BEAR) for _ in range(2)]
    request_id = next((each.request_id for each in control.generations().generations), "none")
    seen.append(outcome(send, "GET", STATUS + request_id))
    control.advance(60)
    media = f"/v1/{request_id}/output.mp4"
    return [*seen, *(outcome(send, *call) for call in (("GET", STATUS + request_id), ("GET", media), ("HEAD", media)))]


@LIBRARIES
@CLIENTS
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_fault_looks_as_over_the_socket(
    simulator: Simulator, rule: Rule | None, client: Any, library: Any
) -> None:
    seen: list[object] = []
    patience = 0.5 if rule and rule.faults == (Hang(),) else 10
    for transport in (None, simulator.transport()):
        with world_of(simulator, rule) as control, client(library, simulator, transport, timeout=patience) as send:
            seen.append((conversation(send, control), to_json(control.journal())))
    assert seen[1] == seen[0]


def own_body() -> Iterator[bytes]:
    """A body in pieces."""
    yield b'{"prompt":'
    yield b'"A bear"}'


@pytest.mark.parametrize(
    ("call", "options"),
    [
        (("POST", GENERATE), {"content": own_body}),
        (("POST", GENERATE), {"content": lambda: b"x" * 2000}),
        (("POST", GENERATE), {"content": lambda: b"{}"}),
        (("GET", "/a%20path%C3%A9/%2F?query=%20"), {}),
        (("GET", "/no/route"), {"headers": {"X-Long": "x" * 70_000}}),
        (("GET", "/no/route"), {"headers": {KEY_HEADER: "sim-key\n"}}),
        (("GET", "/no/route"), {"headers": {KEY_HEADER.lower(): "sim-throttled-7"}}),
        (("HEAD", f"{STATUS}some-id"), {}),
        (("DELETE", GENERATE), {}),
        (("GET", "/_sim/world"), {}),
        (("GET", "/_sim/no-route"), {}),
        (("GET", "/.well-known/pixazo-target"), {}),
    ],
)
@CLIENTS
def test_any_request_looks_as_over_the_socket(
    simulator: Simulator, client: Any, call: tuple[str, str], options: dict[str, Any]
) -> None:
    """The same response and the same entry in the journal, also for what no gateway should be sent."""
    seen: list[object] = []
    for transport in (None, simulator.transport()):
        sent: dict[str, Any] = {name: each() if callable(each) else each for name, each in options.items()}
        with world_of(simulator) as control, client(httpx2, simulator, transport) as send:
            if client is on_asyncio and options.get("content") is own_body:
                sent["content"] = as_async(own_body())
            control.change_world(policy={"body_limit": 1000})
            before = control.unmatched().total
            seen.append((outcome(send, *call, **sent), to_json(control.journal()), control.unmatched().total - before))
    assert seen[1] == seen[0]


async def as_async(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces for an asynchronous client."""
    for piece in pieces:
        yield piece


CHANGES: tuple[Mutant | Variant, ...] = (*MUTANTS, *VARIANTS)


def is_quick(change: Mutant | Variant) -> bool:
    """Whether it is more than an edit of messages: all others are one experiment."""
    return change.edits.names != "any case" or change.name == "chunked"


@pytest.mark.parametrize(
    "change",
    [pytest.param(each, marks=() if is_quick(each) else pytest.mark.exhaustive, id=each.name) for each in CHANGES],
)
def test_a_mutant_looks_as_over_the_socket(change: Mutant | Variant) -> None:
    """Also one that minds the case of header names, or sends no length."""
    seen: list[object] = []
    with Simulator(change=change) as simulator:
        for transport in (None, simulator.transport()):
            with world_of(simulator) as control, blocking(httpx2, simulator, transport) as send:
                seen.append((conversation(send, control), to_json(control.journal())))
    assert seen[1] == seen[0]


def test_a_body_that_comes_in_pieces_may_be_too_long(world: ControlClient, simulator: Simulator) -> None:
    """No header announces it."""
    world.change_world(policy={"body_limit": 17})
    with blocking(httpx2, simulator, simulator.transport()) as send:
        assert send("POST", GENERATE, content=own_body()).status_code == 413


def test_the_host_that_is_called_is_the_origin(world: ControlClient, simulator: Simulator) -> None:
    """As over the socket; the vendor's own host leads to the simulator, too."""
    with httpx2.Client(transport=simulator.transport(), headers={KEY_HEADER: KEY}) as client:
        polling_url = client.post(f"https://gateway.pixazo.ai{GENERATE}", json=BEAR).json()["polling_url"]
        assert polling_url.startswith("https://gateway.pixazo.ai/v2/")
        assert client.get(polling_url).json()["status"] == "QUEUED"


@pytest.mark.parametrize(
    ("fault", "timeout", "message", "cut"),
    [
        (Delay(3600), 5, "for 3600 s; the read time-out is 5 s", "nothing was sent, then the caller disconnected"),
        (SlowDrip(3600, 2), 5, "no byte would come for 1800 s", "body were sent, then the caller disconnected"),
        (Hang(), 5, "held open until the caller gave up$", "until the caller gave up"),
        (Hang(), None, "the client has no read time-out: it would wait forever$", "until the caller gave up"),
    ],
)
@CLIENTS
def test_a_time_out_does_not_take_its_time(
    monkeypatch: pytest.MonkeyPatch, simulator: Simulator, client: Any, fault: Any, timeout: float | None, message: str, cut: str
) -> None:  # fmt: skip
    """Nothing is slept: it is known before that the client would give up; the journal has what it did not get."""
    monkeypatch.setattr(time, "sleep", pytest.fail)
    monkeypatch.setattr(asyncio, "sleep", pytest.fail)
    rule = Rule(when="generate", faults=(fault,))
    transport = simulator.transport()
    with world_of(simulator, rule) as control, client(httpx, simulator, transport, timeout=timeout) as send:
        with pytest.raises(httpx.ReadTimeout, match=message):
            send("POST", GENERATE, json=BEAR)
        (exchange,) = control.journal().exchanges
        assert exchange.response.cut
        assert exchange.response.cut.endswith(cut)


@pytest.mark.parametrize(
    ("rule", "cut"),
    [
        (Rule(when="generate", faults=(Delay(3600),)), "nothing was sent"),
        (Rule(when="generate", faults=(SlowDrip(3600),)), "0 of 202 bytes of the body were sent"),
        (Rule(when="webhook", faults=(BeforeReply(),)), "nothing was sent"),
    ],
)
@pytest.mark.parametrize("is_in_process", [False, True])
def test_a_client_that_is_cancelled_did_not_get_the_response(
    simulator: Simulator, rule: Rule, cut: str, *, is_in_process: bool
) -> None:
    """As by `asyncio.timeout`: the journal says so, also of a response that waits for a webhook."""
    transport = simulator.transport() if is_in_process else None

    async def call(control: ControlClient, receiver: Receiver) -> None:
        async with httpx2.AsyncClient(**options_of(simulator, transport, {"timeout": None})) as client:
            task = asyncio.create_task(client.post(GENERATE, json=BEAR, headers={"X-Webhook-URL": receiver.url}))
            is_held = rule.when == "webhook"
            await asyncio.to_thread(until, lambda: receiver.received if is_held else control.journal().exchanges)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with world_of(simulator, rule) as control:
        with Receiver(Behaviour.SILENT) as receiver:
            asyncio.run(call(control, receiver))
        until(lambda: len(control.journal().exchanges) and control.journal().exchanges[0].response.cut)
        (exchange,) = control.journal().exchanges
        assert exchange.response.cut == f"{cut}, then the caller disconnected"


def test_a_caller_of_a_gateway_that_edits_requests_did_not_get_the_response() -> None:
    """The journal says so there, too: in the entry of the edited request."""
    edit = Edits(request=lambda request, _: replace(request, query=b"edited"))
    settings = Settings(script=(Rule(when="generate", faults=(Delay(3600),)),))
    with Simulator(settings, change=Variant("edited", "", edit)) as simulator:
        headers = {KEY_HEADER: simulator.api_key}
        with (
            blocking(httpx2, simulator, simulator.transport(), headers=headers) as send,
            pytest.raises(httpx2.ReadTimeout),
        ):
            send("POST", GENERATE, json=BEAR)
        assert [each.response.cut for each in simulator.control().journal().exchanges] == [
            "nothing was sent, then the caller disconnected"
        ]


def test_a_cut_body_begins_to_arrive(simulator: Simulator) -> None:
    """Status, headers and the first bytes are there before the exception."""
    rule = Rule(when="generate", faults=(TruncatedBody(0.5),))
    options = options_of(simulator, simulator.transport(), {})
    with (
        world_of(simulator, rule),
        httpx2.Client(**options) as client,
        client.stream("POST", GENERATE, json=BEAR) as response,
    ):
        assert response.status_code == 202
        pieces = response.iter_raw()
        length = len(next(pieces))
        with pytest.raises(httpx2.RemoteProtocolError, match=rf"\(received {length} bytes, expected {length * 2}"):
            next(pieces)


@LIBRARIES
@CLIENTS
def test_a_webhook_may_come_before_the_response(simulator: Simulator, client: Any, library: Any) -> None:
    """The call waits for it, and the webhook has been attempted when it returns."""
    rule = Rule(when="webhook", faults=(BeforeReply(),))
    with Receiver() as receiver, world_of(simulator, rule) as control:
        with client(library, simulator, simulator.transport()) as send:
            response = send("POST", GENERATE, json=BEAR, headers={"X-Webhook-URL": receiver.url})
        assert (response.status_code, len(receiver.received)) == (202, 1)
        assert [each.status for each in control.journal().exchanges] == [202]


@pytest.mark.parametrize("is_in_process", [False, True])
def test_a_submission_is_answered_though_its_webhook_cannot_be_waited_for(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, *, is_in_process: bool
) -> None:
    async def unreachable(*_: object) -> None:
        raise StateUnavailableError

    monkeypatch.setattr(Dispatcher, "reach", unreachable)
    transport = simulator.transport() if is_in_process else None
    headers = {"X-Webhook-URL": "http://127.0.0.1:9/hook"}
    rule = Rule(when="webhook", faults=(BeforeReply(),))
    with world_of(simulator, rule) as control, blocking(httpx2, simulator, transport) as send:
        assert send("POST", GENERATE, json=BEAR, headers=headers).status_code == 202
        assert [exchange.status for exchange in control.journal().exchanges] == [202]


def test_a_webhook_is_sent_without_an_advance() -> None:
    """The dispatcher learns of a submission of another thread."""
    settings = Settings(clock=Clock.scaled(1000).fork)
    with Receiver() as receiver, Simulator(settings) as simulator:
        with httpx2.Client(transport=simulator.transport(), base_url=simulator.url) as client:
            headers = {KEY_HEADER: simulator.api_key, "X-Webhook-URL": receiver.url}
            assert client.post(GENERATE, json=BEAR, headers=headers).status_code == 202
        receiver.wait(1)


def test_the_webhook_of_a_generation_with_which_a_world_begins_is_sent_without_an_advance() -> None:
    """Nothing else happens that the dispatcher could learn of."""
    settings = Settings(clock=Clock.scaled(1000).fork)
    with Receiver() as receiver, Simulator(settings) as simulator:
        simulator.control().create_world(generations=[{"status": "PROCESSING", "webhook_url": receiver.url}])
        receiver.wait(1)


def test_the_webhook_of_a_state_that_is_restored_is_sent_without_an_advance() -> None:
    """It is due again, and nothing else happens that the dispatcher could learn of."""
    settings = Settings(clock=Clock.scaled(100).fork)
    with Receiver() as receiver, Simulator(settings) as simulator:
        control = simulator.control().create_world(generations=[{"status": "PROCESSING", "webhook_url": receiver.url}])
        kept = control.keep_state()
        control.wait_for({"deliveries": {"delivered": True}}, timeout=PATIENCE)
        control.restore_state(kept)
        receiver.wait(2)


@pytest.mark.parametrize("rule", [None, Rule(when="generate", faults=(Delay(0.01),))])
def test_trio(simulator: Simulator, rule: Rule | None) -> None:
    """An asynchronous client may run on it."""

    async def call() -> int:
        options = options_of(simulator, simulator.transport(), {})
        async with httpx2.AsyncClient(**options) as client:
            return (await client.post(GENERATE, json=BEAR)).status_code

    with world_of(simulator, rule):
        assert anyio.run(call, backend="trio") == 202


@pytest.mark.parametrize("faults", [(), (Delay(0.01),), (Hang(),)])
def test_calls_are_logged(caplog: pytest.LogCaptureFixture, faults: tuple[Any, ...]) -> None:
    """Each once, also one that is waited for, or that gets no response."""
    caplog.set_level(logging.INFO, "pixazo_simulator")
    script = (Rule(when="generate", faults=faults),) if faults else ()
    with (
        Simulator(Settings(log_requests=True, keys=(KEY,), script=script)) as simulator,
        blocking(httpx2, simulator, simulator.transport()) as send,
    ):
        outcome(send, "POST", GENERATE, json=BEAR)
    assert [each.partition(" in ")[0] for each in caplog.messages] == [f"POST {GENERATE} answered 202"]


@LIBRARIES
def test_a_simulator_that_does_not_run_is_not_reached(library: Any) -> None:
    """As if nobody listened; a transport serves again once the simulator was started again."""
    simulator = Simulator()
    with blocking(library, simulator, simulator.transport()) as send:
        for _ in range(2):
            with pytest.raises(library.ConnectError, match="the simulator is not running"):
                send("GET", "/")
            with simulator:
                assert send("GET", "/").status_code == 404


@LIBRARIES
def test_a_url_without_a_host_is_refused(library: Any, simulator: Simulator) -> None:
    """As over the socket: a base URL that was forgotten is found."""
    missing = pytest.raises(library.UnsupportedProtocol, match="missing an 'http://' or 'https://' protocol")
    with blocking(library, simulator, simulator.transport(), base_url="") as send, missing:
        send("GET", GENERATE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_does_not_answer(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would change, nobody would see."""
    with blocking(httpx2, simulator, simulator.transport()) as send:
        monkeypatch.setattr(os, "getpid", lambda: -1)
        with pytest.raises(httpx2.ConnectError, match="was forked from: call its URL instead"):
            send("GET", "/")


@pytest.mark.slow
def test_threads_share_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transports, sockets, an ASGI client, the control API and the clock at the same time: nothing fails, nothing is lost.

    Whoever changes a world, or looks for one, holds the lock, so that it does not depend on when threads are switched.
    """
    unlocked: set[str] = set()

    def check(kind: type, method: str) -> None:
        real = getattr(kind, method)

        def checked(*arguments: Any) -> Any:
            application: Any = running._application  # pyright: ignore[reportPrivateUsage]
            if not application.worlds.lock._is_owned():
                unlocked.add("".join(traceback.format_stack(limit=3)))
            return real(*arguments)

        monkeypatch.setattr(kind, method, checked)

    check(World, "apply")
    check(Worlds, "find")
    with Simulator(Settings(balance=10**12, clock=Clock.scaled(100).fork)) as running, Receiver() as receiver:
        control, count = running.control(), 10
        headers = {KEY_HEADER: running.api_key, "X-Webhook-URL": receiver.url}

        def submit(client: Any) -> None:
            with client:
                for _ in range(count):
                    accepted = client.post(GENERATE, json=BEAR, headers=headers)
                    path = STATUS + accepted.json()["request_id"]
                    assert client.get(path, headers=headers).status_code == 200

        def look() -> None:
            for number in range(count):
                control.create_world(key=f"world-{number}").delete_world()
                accepted = len(control.generations().generations)
                assert control.journal().total >= accepted  # asked later: others submit meanwhile
                control.explain("POST", GENERATE, body=BEAR)
                control.wait_for({"exchanges": {"count": 1}}, timeout=10)
                running.advance(1)

        clients = [
            *(httpx2.Client(transport=running.transport(), base_url=running.url) for _ in range(3)),
            httpx2.Client(base_url=running.url, verify=False),
            TestClient(running.app),
        ]
        with ThreadPoolExecutor() as pool:
            doing = [*(pool.submit(submit, client) for client in clients), pool.submit(look)]
            for each in doing:
                each.result()
        control.advance(3600)
        assert not unlocked
        submitted = count * len(clients)
        numbers = [each.number for each in control.journal(limit=1000).exchanges]
        assert numbers == list(range(1, 2 * submitted + 1))
        assert (len(control.generations().generations), len(receiver.received)) == (submitted, submitted)
        ledger = control.ledger(limit=1000)
        assert (len(ledger.entries), ledger.balance) == (submitted + 1, sum(each.amount for each in ledger.entries))


def test_a_wait_ends_with_a_request_of_another_thread(simulator: Simulator, world: ControlClient) -> None:
    """It does not end by its time-out, or by what happens on the loop of the server."""
    called = threading.Event()

    def call() -> None:
        called.wait()
        with blocking(httpx2, simulator, simulator.transport()) as send:
            send("POST", GENERATE, json=BEAR)

    thread = threading.Thread(target=call)
    thread.start()
    called.set()
    assert len(world.wait_for({"exchanges": {"count": 1}}, timeout=30).exchanges) == 1
    thread.join()


@pytest.mark.parametrize("in_block", [True, False])
def test_the_asgi_application(simulator: Simulator, world: ControlClient, *, in_block: bool) -> None:
    """A test client may start and end its lifespan; the simulator goes on."""
    client = TestClient(simulator.app, headers={KEY_HEADER: KEY})
    with Receiver() as receiver:
        world.add_rule(Rule(when="webhook", faults=(BeforeReply(),)))
        with client if in_block else nullcontext():
            accepted = client.post(GENERATE, json=BEAR, headers={"X-Webhook-URL": receiver.url})
        assert len(receiver.received) == 1
    assert accepted.json()["polling_url"].startswith("http://testserver/v2/")
    assert client.get(accepted.json()["polling_url"]).json()["status"] in ("COMPLETED", "FAILED")
    assert client.get("/_sim/world").status_code == 403  # it is no caller of this machine
    local = TestClient(simulator.app, base_url="http://localhost", client=("127.0.0.1", 1), headers={KEY_HEADER: KEY})
    assert local.get("/_sim/world").status_code == 200


def test_the_asgi_application_cuts_no_connection(simulator: Simulator) -> None:
    client = TestClient(simulator.app, headers={KEY_HEADER: KEY})
    cut = Rule(when="generate", faults=(TruncatedBody(0.5),))
    with world_of(simulator, cut), pytest.raises(ConnectionCutError, match=r"or use Simulator\.transport\(\)"):
        client.post(GENERATE, json=BEAR)


def test_the_asgi_application_does_nothing_for_a_caller_that_goes_away(simulator: Simulator) -> None:
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent, before = list[Any](), simulator.unmatched

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(simulator.app({"type": "http"}, receive, send))
    assert (sent, simulator.unmatched) == ([], before)


def test_the_asgi_application_of_a_simulator_that_does_not_run() -> None:
    with pytest.raises(SimulatorError, match="the simulator is not running"):
        TestClient(Simulator().app).get("/")
