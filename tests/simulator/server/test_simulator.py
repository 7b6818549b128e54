"""A server in a thread: how it starts and stops, and what it reports if it cannot."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import re
import socket
import sys
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from types import FunctionType
from unittest.mock import Mock

import pytest
from tests.caller import Caller, over_http
from tests.patience import PATIENCE
from tests.receiver import Behaviour, Receiver
from tests.simulator.server.raw_socket import RawSocket, accepts, request

from pixazo_simulator.server import threaded
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.server.threaded import SimulatorError
from pixazo_simulator.webhooks import dispatcher
from pixazo_simulator.webhooks.dispatcher import AdvanceError, Dispatcher
from pixazo_simulator.world.clock import Clock
from pixazo_simulator.world.registry import Settings

HEALTH = request("GET", "/_sim/health")


def threads() -> list[str]:
    """Names of the threads of simulators."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pixazo-sim:")]


def descriptors() -> int:
    """How many files this process has open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def test_it_serves_while_it_runs() -> None:
    """On a free port, which is closed afterwards; no thread is left."""
    before = threads()
    with Simulator() as simulator:
        assert simulator.url == f"http://127.0.0.1:{simulator.port}"
        assert Caller(over_http(simulator.url), simulator.api_key).accepted()
        assert set(threads()) - set(before) == {f"pixazo-sim:{simulator.port}"}
    assert threads() == before
    assert not accepts(simulator.port)


def test_a_simulator_that_runs_is_not_started_again() -> None:
    with Simulator() as simulator:
        with pytest.raises(SimulatorError, match=f"already running on port {simulator.port}: stop it first"):
            simulator.start()
        simulator.control().create_world(key="another")
        assert Caller(over_http(simulator.url), "another").accepted()


def test_the_thread_of_a_simulator_does_not_stop_it() -> None:
    """It would wait for itself; another thread still can."""

    async def stop() -> None:
        simulator.stop()

    with Simulator() as simulator:
        running = simulator._server  # pyright: ignore[reportPrivateUsage]  # nobody else gets into that thread
        assert running is not None
        with pytest.raises(SimulatorError, match="cannot be stopped in its own thread"):
            running.call(stop())
        assert accepts(simulator.port)
    assert not accepts(simulator.port)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_does_not_wait_for_its_parents_simulator() -> None:
    """The child process does not have its thread."""
    read_end, write_end = os.pipe()
    with Simulator() as simulator:
        child = os.fork()
        if not child:
            try:
                simulator.advance(1)
            except SimulatorError as error:
                os.write(write_end, str(error).encode())
            finally:
                os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as reported:
            assert (
                reported.read()
                == b"the simulator runs in the process that this one was forked from: call its URL instead"
            )
        os.waitpid(child, 0)


def test_headers_of_proxies_change_neither_the_peer_nor_the_scheme() -> None:
    """Not even from loopback, where uvicorn evaluates some of them by default: the connection decides who may use /_sim."""
    sent = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n"
    with Simulator() as simulator, socket.create_connection((simulator.host, simulator.port), PATIENCE) as connection:
        connection.sendall(
            f"GET /_sim/health HTTP/1.1\r\nHost: localhost\r\n{sent}\r\n"
            "POST /minimax-hailuo-ai/v1/generate HTTP/1.1\r\nHost: localhost\r\nOcp-Apim-Subscription-Key: sim-key\r\n"
            f'Content-Type: application/json\r\n{sent}Content-Length: 14\r\nConnection: close\r\n\r\n{{"prompt":"a"}}'.encode()
        )
        response_bytes = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert re.findall(r"HTTP/1\.1 (\d+)", response_bytes) == ["200", "202"]
    assert '"polling_url":"http://localhost/v2/requests/status/' in response_bytes


@pytest.mark.slow
def test_many_starts_leave_nothing_behind() -> None:
    """Neither threads nor descriptors, with connections open at the end."""
    with Simulator():
        pass
    before = descriptors()
    for _ in range(3):
        with Simulator() as simulator, RawSocket(simulator.port) as wire:
            wire.send(HEALTH)
            assert wire.response().status == 200
    assert descriptors() == before


def test_it_can_start_again() -> None:
    simulator = Simulator()
    ports: set[int] = set()
    for _ in range(2):
        with simulator:
            ports.add(simulator.port)
            caller = Caller(over_http(simulator.url), "sim-key")
            caller.accepted()
            assert caller.sim("generations")["total"] == 1
    assert len(ports) == 1


def test_stopping_twice_is_stopping_once() -> None:
    """Stopping a simulator that never ran does nothing."""
    simulator = Simulator()
    simulator.stop()
    simulator.start()
    simulator.stop()
    simulator.stop()


@pytest.mark.slow
def test_where_it_cannot_listen() -> None:
    """One line with host, port, reason and remedy; no thread, no socket."""
    before = descriptors()
    for host, port, reported in (
        ("127.0.0.1", 65536, "port 65536 is not a number from 0 to 65535"),
        ("127.0.0.1", -1, "port -1 is not a number from 0 to 65535"),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1 port 0: Cannot assign requested address; choose another"),
        ("a..b", 0, "cannot listen on a..b port 0: that is not a host name; choose another"),
    ):
        with pytest.raises(SimulatorError, match=f"^{re.escape(reported)}"):
            Simulator(host=host, port=port).start()
    assert descriptors() == before


def test_a_port_in_use() -> None:
    with Simulator() as running, pytest.raises(SimulatorError, match="Address already in use; choose another"):
        Simulator(port=running.port).start()
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(SimulatorError, match="already in use"):
        Simulator(port=other.getsockname()[1]).start()


def test_a_port_in_use_is_told_within_an_event_loop_too(tmp_path: Path) -> None:
    """The store is released: the next simulator has it."""
    state = f"sqlite:{tmp_path / 'state.db'}"

    async def start() -> None:
        with Simulator() as running, pytest.raises(SimulatorError, match="Address already in use"):
            Simulator(port=running.port, state=state).start()

    asyncio.run(start())
    Simulator(state=state).start().stop()


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_request_under_way_is_answered_before_it_stops(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of its body arrives while the server stops; no connection that it accepts meanwhile stays open, where there is no uvloop either."""
    if loop == "asyncio":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    for seconds in ("STOP_TIMEOUT", "STOP_DEADLINE"):  # on a busy machine this test may take longer than it has
        monkeypatch.setattr(f"pixazo_simulator.server.threaded.{seconds}", PATIENCE)
    simulator = Simulator().start()
    whole = request("POST", "/minimax-hailuo-ai/v1/generate", b'{"prompt":"A bear"}')
    with RawSocket(simulator.port) as wire:
        wire.send(HEALTH + whole[:-1])
        assert wire.response().status == 200
        stopping = threading.Thread(target=simulator.stop)
        stopping.start()
        while accepts(simulator.port):
            pass
        wire.send(whole[-1:])
        assert wire.response().status == 202
        assert wire.closed()
        stopping.join()
    gc.collect()  # a socket that was left open is a warning, and so an error


def test_a_request_that_never_ends_does_not_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do incomplete headers, nor a webhook whose receiver does not respond."""
    monkeypatch.setattr(threaded, "STOP_TIMEOUT", 0.05)
    before = threads()
    with Receiver(Behaviour.SILENT) as silent:
        simulator = Simulator(Settings(clock=lambda: Clock.scaled(1))).start()
        caller = Caller(over_http(simulator.url), "sim-key")
        caller.accepted("[[sim:after 0]]", webhook=silent.url)
        with RawSocket(simulator.port) as body, RawSocket(simulator.port) as head:
            body.send(HEALTH + request("POST", "/minimax-hailuo-ai/v1/generate", content_length="10"))
            head.send(HEALTH + HEALTH[:-2])
            assert [body.response().status, head.response().status] == [200, 200]
            simulator.stop()
            assert body.closed()
            assert head.closed()
    assert threads() == before


def test_time_can_be_advanced_from_any_thread() -> None:
    """In the world of the key, by default the first one; monotonic() returns it in seconds."""
    with Simulator(Settings(keys=("first-key", "second-key"))) as simulator:
        identity = Caller(over_http(simulator.url), "first-key").accepted()
        before = simulator.monotonic()
        events = simulator.advance(15)
        assert [each.request_id for each in events if not isinstance(each, tuple)] == [identity] * 2
        assert simulator.monotonic() - before == 15
        assert simulator.monotonic(api_key="second-key") == before
        assert simulator.advance(1, api_key="second-key") == []
        assert simulator.monotonic(api_key="second-key") == before + 1


def test_what_changes_nothing_but_the_clock_waits_for_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world is made and time passes quietly in the thread of the caller, until something may fall due."""
    with Simulator() as simulator:
        Caller(over_http(simulator.url), simulator.api_key).accepted()
        began = simulator.monotonic()
        with monkeypatch.context() as patch:
            patch.delattr(threaded.ThreadedServer, "call")
            assert simulator.control().create_world().api_key
            assert [simulator.advance_quietly(seconds) for seconds in (0.2, 0, -1, 600)] == [True, False, False, False]
            assert simulator.advance(0.3) == []
        assert simulator.monotonic() - began == 0.5
        assert not simulator.advance_quietly(1, api_key="nobody")
        assert len(simulator.advance(600)) == 2
        assert not simulator.advance_quietly(1)


def test_an_advance_that_ends_early_is_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code under test that sleeps on this clock must not continue at another instant; the error has the events."""
    monkeypatch.setattr(dispatcher, "MOST_ATTEMPTS", 1)
    with Simulator() as simulator:
        caller = Caller(over_http(simulator.url), simulator.api_key)
        for _ in range(2):
            caller.accepted(webhook="http://10.0.0.7/")
        with pytest.raises(AdvanceError, match=r"the advance ended at 2026-03-31T10:00:15\.000Z, 45 s early") as caught:
            simulator.advance(60)
        assert len(caught.value.events) == 5
        assert len(simulator.advance(45)) == 1


def test_what_cannot_be_advanced() -> None:
    """A server that does not run, a world that does not exist, a clock that would be turned back."""
    with Simulator() as simulator:
        with pytest.raises(
            SimulatorError, match="no world has the api_key that was given: create one with POST /_sim/worlds"
        ):
            simulator.advance(1, api_key="nobody")
        for seconds, named in (
            (-1.0, "-1"),
            (math.inf, "inf"),
            (math.nan, "nan"),
            (1e200, "1e+200"),
            (1e308, "1e+308"),
        ):
            why = "is never turned back" if seconds < 0 else "goes no further than the year 9999"
            expected = f"seconds {named} is not a number from 0 to 251627349600: a clock {why}"
            with pytest.raises(ValueError, match=re.escape(expected)):
                simulator.advance(seconds)
        assert simulator.monotonic() == 1_774_951_200
    for use in (lambda: simulator.advance(1), simulator.monotonic):
        with pytest.raises(SimulatorError, match="the simulator is not running"):
            use()


# The end, whatever still runs


def stopped(simulator: Simulator) -> None:
    """Stop a server; fails if that does not return."""
    stopping = threading.Thread(target=simulator.stop, daemon=True)
    stopping.start()
    stopping.join(PATIENCE)
    assert not stopping.is_alive()


async def stubborn(_: Dispatcher) -> None:
    """Send nothing, and ignore every cancellation."""
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


async def startled(_: Dispatcher) -> None:
    """Send nothing, and ignore one cancellation, as Python 3.11's `asyncio.wait_for` may."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(3600)
    await asyncio.sleep(3600)


async def hanging(_: Dispatcher) -> None:
    """Never end."""
    await asyncio.sleep(3600)


@pytest.mark.parametrize(("method", "doing"), [("run", stubborn), ("close", hanging)])
def test_a_stop_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, method: str, doing: FunctionType
) -> None:
    """It ends, and logs in one line what was still running; no thread is left."""
    monkeypatch.setattr(Dispatcher, method, doing)
    monkeypatch.setattr(threaded, "STOP_TIMEOUT", 0.05)
    before = threads()
    simulator = Simulator().start()
    stopped(simulator)
    assert caplog.messages == [
        f"the simulator on port {simulator.port} was stopped while this still ran: {doing.__name__}"
    ]
    assert threads() == before
    assert not accepts(simulator.port)
    gc.collect()


def test_a_cancellation_that_is_swallowed_is_repeated(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is left running, and nothing is logged."""
    monkeypatch.setattr(Dispatcher, "run", startled)
    stopped(Simulator().start())
    assert caplog.messages == []


def test_a_stop_does_not_wait_for_a_blocked_loop(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what the thread is executing; a thread that waits for the server learns that it was stopped."""
    entered, released = threading.Event(), threading.Event()

    async def block(*_: object) -> list[str]:
        entered.set()
        released.wait(PATIENCE)
        return []

    simulator = Simulator().start()
    raised: list[Exception] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threaded, "STOP_DEADLINE", 0.1)
        patch.setattr(threaded, "LOOK_AGAIN", 0.1)
        patch.setattr(Dispatcher, "advance_at_once", Mock(return_value=None))
        patch.setattr(Dispatcher, "advance", block)
        waiting = threading.Thread(target=lambda: raised.append(refused(simulator)), daemon=True)
        waiting.start()
        assert entered.wait(PATIENCE)
        stopped(simulator)
        waiting.join(PATIENCE)
        (line,) = caplog.messages
        assert line.startswith(
            f"the simulator on port {simulator.port} was stopped while this still ran: Condition.wait, "
        )
        assert [str(error) for error in raised] == ["the simulator was stopped before it could answer"]
        released.set()
    for thread in threading.enumerate():
        if thread.name == f"pixazo-sim:{simulator.port}":
            thread.join(PATIENCE)


def refused(simulator: Simulator) -> Exception:
    """The exception in a thread that advances the clock of a server which is stopped meanwhile."""
    with pytest.raises(SimulatorError) as caught:
        simulator.advance(1)
    return caught.value


def test_stops_under_load(caplog: pytest.LogCaptureFixture) -> None:
    """With clients that never pause and webhooks under way to a receiver that does not respond; nothing is left running."""
    caplog.set_level(logging.WARNING)
    with Receiver(Behaviour.SILENT) as silent:
        for _ in range(5):
            simulator = Simulator(Settings(clock=lambda: Clock.scaled(1000), balance=10**12)).start()
            busy = threading.Semaphore(0)
            callers = [threading.Thread(target=submit_for_ever, args=(simulator, silent.url, busy)) for _ in range(2)]
            for thread in callers:
                thread.start()
            for _ in range(30):
                assert busy.acquire(timeout=PATIENCE)
            stopped(simulator)
            for thread in callers:
                thread.join(PATIENCE)
    assert caplog.messages == []


def submit_for_ever(simulator: Simulator, hook: str, busy: threading.Semaphore) -> None:
    """Submit and read without a pause until the server is gone, and count."""
    caller = Caller(over_http(simulator.url), simulator.api_key)
    with suppress(OSError, HTTPException):
        while True:
            caller.read(caller.accepted(webhook=hook))
            busy.release()
