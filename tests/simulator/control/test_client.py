"""The client of our own routes, over a socket and without one."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any

import pytest
from tests.caller import GENERATE, Caller, over_http
from tests.command import python
from tests.patience import PATIENCE
from tests.receiver import Receiver, http_response
from tests.servers import free_port

from pixazo_simulator import spec
from pixazo_simulator.control import ROUTES, to_json
from pixazo_simulator.control.client import KEY_HEADER, ControlClient, ControlError, JournalFilters
from pixazo_simulator.control.openapi import RESPONSES
from pixazo_simulator.control.route import ControlRoute
from pixazo_simulator.control.schema.requests import JournalFilter
from pixazo_simulator.control.schema.responses import ClockState, DeliveryPage, JournalPage, encode
from pixazo_simulator.script.matchers import contains
from pixazo_simulator.script.rule import End, Reply, Rule, Step
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.server.threaded import SimulatorError
from pixazo_simulator.webhooks import dispatcher
from pixazo_simulator.world.clock import Clock
from pixazo_simulator.world.registry import Settings

START = datetime(2026, 3, 31, 10, tzinfo=UTC)


@pytest.fixture(params=["http", "in process"])
def control(simulator: Simulator, request: pytest.FixtureRequest) -> Iterator[ControlClient]:
    """The holder of a fresh world, over either channel."""
    shared = ControlClient(simulator.url) if request.param == "http" else simulator.control()
    own = shared.create_world()
    yield own
    own.delete_world()


def caller(control: ControlClient) -> Caller:
    """Whoever tests an app in this world."""
    return Caller(over_http(control.url), control.api_key or "")


def test_a_world_from_its_beginning_to_its_end(control: ControlClient) -> None:
    """Every value is taken, and when it is deleted its key is unknown."""
    world = control.create_world(
        key="a-key-of-my-own", balance="0.50", profile="observed", policy={"job_times": "1+1"}, clock="x20", seed=7,
        images={"https://a.test/b.png": {"format": "png", "width": 1, "height": 2, "size": 3}},
        script=[Rule(when="generate", match={"prompt": contains("bear")}, reply=Reply(status=503))],
    )  # fmt: skip
    reported = world.world()
    assert (world.url, world.api_key) == (control.url, "a-key-of-my-own")
    assert (reported.balance, reported.clock, reported.seed) == (Decimal("0.50"), "x20", 7)
    assert reported.policy["job_times"] == "1+1"
    assert [rule.label for rule in world.script().rules] == ["rule 1: when generate, prompt contains 'bear'"]
    world.delete_world()
    with pytest.raises(ControlError, match="no world has this key") as raised:
        world.world()
    assert (raised.value.status, raised.value.body["error"]) == (404, "Control request refused")


def test_what_is_left_out_stays(control: ControlClient) -> None:
    assert control.change_world(balance="1.00", suspended=True).suspended is True
    assert control.change_world(suspended=False, policy={"timestamps": "mixed"}).balance == 1
    assert control.world().suspended is False


def test_time_money_and_work(control: ControlClient) -> None:
    """As a test sees them after one submit."""
    identity = caller(control).accepted()
    assert control.clock() == ClockState(START, "manual", None)
    assert [event.status for event in control.advance(15)] == ["PROCESSING", "COMPLETED"]
    (generation,) = control.generations().generations
    assert (generation.request_id, generation.status, generation.plan.processing) == (identity, "COMPLETED", 13)
    assert generation.since - generation.accepted_at == timedelta(seconds=15)
    assert [entry.amount for entry in control.ledger(limit=1).entries] == [Decimal("-0.35")]
    assert control.deliveries() == DeliveryPage(0, [])
    assert control.health().status == "ok"
    assert control.openapi()["openapi"] == "3.1.0"


def test_an_advance_that_ends_early_is_an_exception(control: ControlClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says at which instant the clock stands, and tells what fell due; the next advance goes on."""
    monkeypatch.setattr(dispatcher, "MOST_ATTEMPTS", 1)
    for _ in range(2):
        request = {"prompt": "A bear", "callback_url": "http://10.0.0.7/"}
        assert caller(control).call("POST", "/minimax-hailuo-ai/v1/generate", request).status == 202
    with pytest.raises(ControlError) as caught:
        control.advance(20)
    assert caught.value.status == 409
    assert str(caught.value) == (
        "the advance ended at 2026-03-31T10:00:15.000Z, 5 s early, with 1 webhooks attempted, the most for one"
        " advance; the rest are pending: advance again to continue"
    )
    assert caught.value.body["now"] == str(control.clock().now) == "2026-03-31T10:00:15.000Z"
    assert [event["kind"] for event in caught.value.body["events"]] == ["transition"] * 4 + ["webhook"]
    assert [event.kind for event in control.advance(5)] == ["webhook"]


def test_the_journal_is_paged_and_filtered(control: ControlClient) -> None:
    """`after` is a number, `path` may hold anything that a URL must quote."""
    app = caller(control)
    for number in range(5):
        app.read(f"unknown {number}&method=DELETE".replace(" ", "%20"))
    app.accepted()

    def numbers(page: JournalPage) -> list[int]:
        return [each.number for each in page.exchanges]

    assert numbers(control.journal(after=2, limit=2)) == [3, 4]
    assert numbers(control.journal(limit=2)) == [5, 6]
    assert numbers(control.journal(method="POST")) == [6]
    assert numbers(control.journal(status=404, path="3&method=DELETE")) == [4]
    assert control.journal().total == 6


def test_every_filter_of_the_journal_is_typed() -> None:
    """A type checker knows what the route takes."""
    assert {*JournalFilters.__annotations__} == {*JournalFilter.__struct_fields__}


def test_a_balance_that_was_read_can_be_set(control: ControlClient) -> None:
    control.change_world(balance=Decimal("1E+1"))
    assert control.change_world(balance=control.world().balance).balance == 10


def test_a_number_that_is_not_finite_is_not_sent(control: ControlClient) -> None:
    """JSON has none."""
    with pytest.raises(
        ControlError, match=r"^POST /_sim/clock/advance was not sent .*: give finite numbers$"
    ) as caught:
        control.advance(float("nan"))
    assert caught.value.status is None


def test_a_forked_process_has_a_connection_of_its_own(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one connection would read each other's responses."""
    connected: list[HTTPConnection] = []
    connect = HTTPConnection.connect

    def noted(connection: HTTPConnection) -> None:
        connected.append(connection)
        connect(connection)

    monkeypatch.setattr(HTTPConnection, "connect", noted)
    control = ControlClient(simulator.url)
    for process in (os.getpid(), os.getpid(), -1):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        control.health()
    assert len(connected) == 2


def test_requests_that_reached_no_world_are_listed(control: ControlClient) -> None:
    """It is the server's, so only what came after a number is one's own."""
    before = control.unmatched().total
    Caller(over_http(control.url), "a-key-of-nobody").generate()
    (seen,) = control.unmatched(after=before).exchanges
    assert (seen.target, seen.status) == (GENERATE, 401)


def test_a_record_has_all_that_happened(control: ControlClient) -> None:
    """It is what the lists say; requests that reached no world are left out unless they are asked for."""
    before = control.unmatched().total
    caller(control).accepted()
    Caller(over_http(control.url), "a-key-of-nobody").generate()
    record = control.record(unmatched_after=before)
    assert (record.journal, record.generations) == (control.journal(), control.generations())
    assert (record.deliveries, record.script, record.clock) == (control.deliveries(), control.script(), control.clock())
    assert (len(record.journal.exchanges), len(record.unmatched.exchanges)) == (1, 1)
    assert (control.record().unmatched.exchanges, control.record().unmatched.total) == ([], before + 1)


def test_a_script_is_written_read_and_cleared(control: ControlClient) -> None:
    """Rules as values and as JSON, by number."""
    rule = Rule(
        when="generate", match={"prompt": ~contains("cat")}, end=End(status="FAILED"), then=(Step(reply=Reply(status=500)),)
    )  # fmt: skip
    assert control.add_rule(rule) == 1
    assert control.add_rule({"when": "status", "reply": {"status": 429, "retry_after": 2}, "times": 2}) == 2
    control.replace_rule(1, {"when": "media", "faults": [{"fault": "media_gone"}]})
    assert to_json(control.script().rules) == [
        {"number": 1, "label": "rule 1: when media", "rule": {"when": "media", "faults": [{"fault": "media_gone"}]}, "used": [0], "matched": 0, "missed": None},
        {
            "number": 2, "label": "rule 2: when status",
            "rule": {"when": "status", "reply": {"status": 429, "retry_after": 2}, "times": 2}, "used": [0], "matched": 0, "missed": None,
        },
    ]  # fmt: skip
    control.remove_rule(1)
    assert [each.number for each in control.script().rules] == [2]
    assert [each.number for each in control.set_script([rule, rule]).rules] == [3, 4]
    assert control.script().rules[0].rule == {
        "when": "generate", "match": {"prompt": {"not": {"contains": "cat"}}}, "end": {"status": "FAILED"},
        "then": [{"reply": {"status": 500}}],
    }  # fmt: skip
    control.clear_script()
    assert control.script().rules == []


REFUSED: list[tuple[Callable[[ControlClient], object], int, str]] = [
    (lambda control: control.add_rule({"whn": "status"}), 400, "(did you mean when?)"),
    (lambda control: control.remove_rule(9), 404, "no rule has the number 9: GET /_sim/script lists them"),
    (lambda control: control.journal(limit=0), 400, "limit '0': give an integer of at least 1"),
    (lambda control: control.add_rule({"when": "\ud800"}), 400, "a string contains an unpaired surrogate"),
]  # fmt: skip


@pytest.mark.parametrize(("do", "status", "complaint"), REFUSED)
def test_a_refusal_is_an_exception(
    control: ControlClient, do: Callable[[ControlClient], object], status: int, complaint: str
) -> None:
    """With the status, and the message that names the thing, the value and the remedy."""
    with pytest.raises(ControlError) as raised:
        do(control)
    assert raised.value.status == status
    assert complaint in str(raised.value) == raised.value.message


def test_a_text_that_is_not_unicode(control: ControlClient) -> None:
    """A filter finds nothing by it, a rule or key with it is not sent."""
    assert control.journal(path="\ud800").exchanges == []
    with pytest.raises(ValueError, match=r"'\\ud800' is not Unicode text: remove the lone surrogate"):
        control.add_rule(Rule(when="generate", end=End("FAILED", error="\ud800")))
    with pytest.raises(ControlError, match="the key or control token cannot be sent as a header: use printable ASCII"):
        ControlClient(control.url, "\ud800").world()


def test_it_can_be_used_from_many_threads(control: ControlClient) -> None:
    """At the same time; nobody gets an answer of somebody else's."""
    wrong: list[object] = []

    def use(number: int) -> None:
        own = control.create_world(seed=number)
        seen = {own.world().seed for _ in range(20)}
        wrong.extend(seen - {number})
        own.delete_world()

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_can_be_used_inside_a_running_loop(control: ControlClient) -> None:
    """It is blocking, and needs no loop of its own."""

    async def inside() -> object:
        return control.clock()

    assert asyncio.run(inside()) == ClockState(START, "manual", None)


def test_a_connection_that_has_been_idle_is_not_trusted(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server may close it at any moment: then nobody can tell whether the request was carried out."""
    opened: list[object] = []
    connect = socket.create_connection

    def counting(*given: Any, **named: Any) -> socket.socket:
        opened.append(given)
        return connect(*given, **named)

    monkeypatch.setattr(socket, "create_connection", counting)
    control = ControlClient(simulator.url)
    for _ in range(3):
        control.health()
    assert len(opened) == 1
    monkeypatch.setattr("pixazo_simulator.control.client.LONGEST_IDLE", 0.0)
    for _ in range(3):
        control.health()
    assert len(opened) == 3


def test_nobody_listens() -> None:
    port = free_port()
    with pytest.raises(ControlError, match=f"got no response from http://127.0.0.1:{port} ") as raised:
        ControlClient(f"http://127.0.0.1:{port}").health()
    assert raised.value.status is None
    assert "is `pixazo-sim serve` running there?" in raised.value.message


@pytest.mark.parametrize("response", [b"<html>", b'{"detail":"Not Found"}', b"[]"])
def test_somebody_else_listens(response: bytes) -> None:
    with Receiver(http_response(404, response)) as other, pytest.raises(ControlError, match="is this a pixazo-sim"):
        ControlClient(f"http://{other.authority}").health()


@pytest.mark.parametrize("url", ["127.0.0.1:8900", "ftp://127.0.0.1:8900", "", "http://", "http://host:8000/prefix"])
def test_a_url_that_is_no_simulator_is_refused(url: str) -> None:
    """The routes are at the root of a server."""
    with pytest.raises(ValueError, match=r"url '.*' is not the origin of a simulator, such as http://127"):
        ControlClient(url)


def test_a_simulator_that_does_not_run_carries_out_nothing() -> None:
    """Neither before it starts nor after it was stopped."""
    simulator = Simulator()
    with simulator:
        control = simulator.control()
        assert control.health().status == "ok"
    for idle in (control, ControlClient("http://127.0.0.1:1", channel=Simulator().ask)):
        with pytest.raises(SimulatorError, match="is not running"):
            idle.health()


def test_a_wait_on_a_simulator_that_is_stopped_raises() -> None:
    """It is not left waiting, wherever on its way the request is."""
    outcome: list[str] = []
    began = threading.Event()
    with Simulator() as simulator:
        control = simulator.control()

        def wait() -> None:
            began.set()
            try:
                control.wait_for({"exchanges": {}}, timeout=60)
            except SimulatorError as error:
                outcome.append(str(error))

        waiting = threading.Thread(target=wait)
        waiting.start()
        began.wait()
        control.health()
    waiting.join(timeout=PATIENCE)
    assert outcome[0].startswith(("the simulator was stopped before it could answer", "the simulator is not running"))


def test_the_thread_of_the_server_cannot_wait_for_itself() -> None:
    """It gets an error, rather than waiting for ever: here what makes a clock asks the server on whose behalf it is made."""
    refused: list[str] = []
    running: list[Simulator] = []

    def clock() -> Clock:
        if threading.current_thread().name.startswith("pixazo-sim"):
            with pytest.raises(SimulatorError) as raised:
                running[0].control().health()
            refused.append(str(raised.value))
        return Clock.manual()

    with Simulator(Settings(clock=clock)) as own:
        running.append(own)
        ControlClient(own.url).create_world()
    assert refused == ["the server's own thread cannot wait for it"]


def test_every_route_has_a_method_of_its_name() -> None:
    """And every method a route: `createWorld` is `create_world`; each asks for exactly that route."""
    asked: list[tuple[str, str]] = []

    def channel(method: str, target: str, key: str | None, body: bytes) -> tuple[int, bytes]:
        asked.append((method, target))
        path = target.partition("?")[0]
        return 200, encode(
            next(RESPONSES[each.response_type] for each in ROUTES if (each.method, filled(each)) == (method, path))
        )

    def filled(route: ControlRoute) -> str:
        return route.path.replace("{number}", "1")

    control = ControlClient("http://127.0.0.1:1", channel=channel)
    samples: dict[str, Any] = {"number": 1, "timeout": 1, "request_id": "any", "method": "GET", "path": "/"}
    samples |= {"rule": {}, "rules": [], "hosts": ["gateway.pixazo.ai"], "condition": {}, "expected": {}}
    methods = {name: getattr(control, name) for name in dir(control) if not name.startswith("_")}
    methods = {name: method for name, method in methods.items() if callable(method)}
    for name, method in methods.items():
        required = [
            each.name
            for each in inspect.signature(method).parameters.values()
            if each.default is each.empty and each.kind is not each.VAR_KEYWORD
        ]
        method(**{each: samples[each] for each in required})
        first, *rest = name.split("_")
        route = next(each for each in ROUTES if each.name == first + "".join(map(str.capitalize, rest)))
        asked_method, target = asked.pop()
        assert (asked_method, target.partition("?")[0]) == (route.method, filled(route))
    assert len(methods) == len(ROUTES)


def test_it_is_light_to_import() -> None:
    """Neither a server nor an HTTP library is loaded, nor an event loop, nor TLS; the name of the key header stands there again."""
    assert KEY_HEADER == spec.KEY_HEADER
    code = "import sys, pixazo_simulator.control.client; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = set(python(code).split())
    assert loaded >= {"pixazo_simulator", "threading"}
    assert not loaded & {"uvicorn", "starlette", "httpx2", "anyio", "asyncio", "http", "ssl"}


def test_a_server_that_is_gone_keeps_nobody_waiting() -> None:
    """A client that still has its URL gets an error that it was stopped."""
    with Simulator() as own:
        server = own._server  # pyright: ignore[reportPrivateUsage]  # as a thread that asked just before
    assert server is not None
    with pytest.raises(SimulatorError, match="the simulator was stopped before it could answer"):
        server.call(asyncio.sleep(0))


def test_the_real_time_of_an_exchange_is_shown_on_request() -> None:
    """Whatever the world's clock does; by default two runs have the same journal."""
    real = iter(range(100))
    clock = Clock(0, 0, lambda: next(real))
    with Simulator(Settings(clock=lambda: clock)) as simulator:
        control, app = simulator.control(), Caller(over_http(simulator.url), simulator.api_key)
        app.generate()
        app.generate()
        shown = [each.elapsed for each in control.journal(elapsed=True).exchanges]
        assert shown[0] < shown[1]
        assert {each.elapsed for each in control.journal().exchanges} == {0.0}
