"""The events that an open page is told: what has changed, as soon as it has, and nothing else; they end with the server and with the page."""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.caller import GENERATE, Caller, over_http
from tests.patience import until
from tests.servers import Redis
from tests.simulator.server.console.stream import Stream
from tests.simulator.server.console.visitor import Visitor
from tests.simulator.server.raw_socket import RawSocket, request

from pixazo_simulator.server.console import app
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.world.part import Notifier

CHANGED = "event: changed"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody is notified of is found a hundred times as soon."""
    monkeypatch.setattr(app, "TICK", app.TICK / 100)


def number_of(caller: Caller) -> int:
    """The number of the caller's world, which is the newest."""
    number: int = caller.sim("worlds")["worlds"][-1]["number"]
    return number


def seen(caller: Caller, number: int) -> str:
    """What the page of a world says that it has seen."""
    page = Visitor(caller.send).get(f"/worlds/{number}").body.decode()
    found = re.search(r"events\?shown=([0-9a-f]{8})", page)
    assert found, page
    return found[1]


RULE = {"when": "generate", "reply": {"status": 503}}
CHANGES: dict[str, Callable[[Caller], object]] = {
    "a submission": lambda caller: caller.accepted(),
    "a refused request": lambda caller: caller.generate(""),
    "a new rule": lambda caller: caller.call("POST", "/_sim/script/rules", RULE),
    "another rule": lambda caller: caller.call("PUT", "/_sim/script", {"rules": [RULE, RULE]}),
    "a policy": lambda caller: caller.change(policy={"submit_code": "200"}),
    "a balance": lambda caller: caller.change(balance="1.00"),
    "a switch": lambda caller: caller.change(suspended=True),
    "a step of the clock": lambda caller: caller.advance(1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told(simulator: Simulator, caller: Caller, change: str) -> None:
    """Once, and nothing before it but the time."""
    number = number_of(caller)
    with Stream(simulator.port, number, seen(caller, number)) as stream:
        assert stream.next() == ": the events of a world"
        assert stream.next() == "data: 2026-03-31 10:00:00.000"
        CHANGES[change](caller)
        if change == "a step of the clock":
            assert stream.next() == "data: 2026-03-31 10:00:01.000"
        assert stream.next() == CHANGED
        caller.advance(86_400)
        assert stream.next() == "data: 2026-04-01 10:00:0" + ("1" if "step" in change else "0") + ".000"


def test_an_attempt_of_a_webhook_is_told(simulator: Simulator, caller: Caller) -> None:
    """Whether it was taken or not."""
    caller.accepted(webhook="http://127.0.0.1:9/hook")
    caller.advance(15)
    number = number_of(caller)
    with Stream(simulator.port, number, seen(caller, number)) as stream:
        stream.until("data: 2026-03-31 10:00:15.000")
        assert caller.call("POST", "/_sim/deliveries/1/resend").status == 200
        stream.until(CHANGED)


def test_that_a_caller_has_left_is_told(simulator: Simulator, caller: Caller) -> None:
    """The page shows what of its response it did not get."""
    caller.call("POST", "/_sim/script/rules", {"when": "generate", "faults": [{"fault": "delay", "seconds": 3600}]})
    wire = RawSocket(simulator.port)
    wire.send(request("POST", GENERATE, b'{"prompt":"A bear"}', key=caller.key))
    until(lambda: caller.sim("journal")["exchanges"])
    number = number_of(caller)
    with Stream(simulator.port, number, seen(caller, number)) as stream:
        stream.until("data: 2026-03-31 10:00:00.000")
        wire.close()
        stream.until(CHANGED)


def test_what_the_page_has_not_seen_is_told_at_once(simulator: Simulator, caller: Caller) -> None:
    """Else what happened while it was loaded would be missing for good."""
    number = number_of(caller)
    before = seen(caller, number)
    caller.accepted()
    with Stream(simulator.port, number, before) as stream:
        stream.until(CHANGED)


def test_a_state_that_a_running_clock_brings_is_told(simulator: Simulator) -> None:
    """And the time, second by second."""
    created = Caller(over_http(simulator.url), "").call("POST", "/_sim/worlds", {"clock": "x50"}).json()
    caller = Caller(over_http(simulator.url), created["key"])
    caller.accepted()
    number = number_of(caller)
    with Stream(simulator.port, number, seen(caller, number)) as stream:
        stream.until(CHANGED)
    caller.call("DELETE", "/_sim/world")


def test_the_end_of_a_world_is_told_and_ends_the_stream(simulator: Simulator) -> None:
    """So is a stream of a world that was never made."""
    created = Caller(over_http(simulator.url), "").call("POST", "/_sim/worlds", {}).json()
    caller = Caller(over_http(simulator.url), created["key"])
    number = number_of(caller)
    with Stream(simulator.port, number, seen(caller, number)) as stream:
        stream.until("data: 2026-03-31 10:00:00.000")
        caller.call("DELETE", "/_sim/world")
        assert [stream.next(), stream.next(), stream.ended] == [CHANGED, "", True]
    with Stream(simulator.port, 10**14) as stream:
        assert [stream.next(), stream.next(), stream.ended] == [CHANGED, "", True]


@pytest.mark.slow
def test_nothing_is_told_when_nothing_happens(simulator: Simulator, caller: Caller) -> None:
    """Reading a page is nothing; the next line is of what comes long after it."""
    number = number_of(caller)
    with Stream(simulator.port, number, seen(caller, number)) as stream:
        stream.until("data: 2026-03-31 10:00:00.000")
        for path in ("", "/requests", "/script", "/policy", "/webhooks"):
            Visitor(caller.send).get(f"/worlds/{number}{path}")
        caller.call("POST", "/_sim/explain", {"method": "GET", "path": "/"})
        waited = threading.Timer(0.5, caller.advance, [60])
        waited.start()
        assert stream.next() == "data: 2026-03-31 10:01:00.000"
        assert stream.next() == CHANGED
        waited.join()


def listeners() -> int:
    """How many listen to a world of any server of this process."""
    return sum(len(each._listeners) for each in gc.get_objects() if isinstance(each, Notifier))  # pyright: ignore[reportPrivateUsage]  # a leak is seen nowhere else


@pytest.mark.exhaustive
def test_two_hundred_open_pages_leave_the_server_to_others_and_nothing_behind() -> None:
    """Each is told of a change; when they have gone, nobody listens any more."""
    with Simulator() as server:
        caller = Caller(over_http(server.url), server.api_key)
        until(lambda: not listeners())  # those of earlier tests may still be going
        now = seen(caller, 1)
        streams = [Stream(server.port, 1, now) for _ in range(200)]
        for each in streams:
            each.until("data: 2026-03-31 10:00:00.000")
        assert listeners() == 200
        caller.accepted()
        assert Visitor(over_http(server.url)).get("/worlds/1").status == 200
        for each in streams:
            each.until(CHANGED)
        for each in streams:
            each.close()
        until(lambda: caller.advance(0.001) and not listeners())  # time that passes wakes them


@pytest.mark.slow
def test_a_server_ends_though_pages_are_open() -> None:
    with Simulator() as server:
        caller = Caller(over_http(server.url), server.api_key)
        stream = Stream(server.port, 1, seen(caller, 1))
        stream.until("data: 2026-03-31 10:00:00.000")
    with stream:
        assert stream.next() == ""


def test_what_another_process_does_is_told(tmp_path: Path) -> None:
    """As soon as it has come out of the store."""
    with Redis(tmp_path / "redis") as redis, Simulator(state=redis.url) as first, Simulator(state=redis.url) as second:
        theirs, ours = (Caller(over_http(each.url), each.api_key) for each in (first, second))
        theirs.accepted()
        with Stream(second.port, 1, seen(ours, 1)) as stream:
            stream.until("data: 2026-03-31 10:00:00.000")
            theirs.accepted()
            stream.until(CHANGED)


def test_what_is_told_is_an_event_stream(simulator: Simulator, caller: Caller) -> None:
    """Which nobody keeps."""
    with Stream(simulator.port, number_of(caller)) as stream:
        assert stream.head.startswith("HTTP/1.1 200 OK\r\n")
        assert "content-type: text/event-stream" in stream.head
        assert "cache-control: no-store" in stream.head
