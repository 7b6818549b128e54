"""The servers that tests start do what the tests of stores and of several processes rely on."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.caller import Caller, over_http
from tests.patience import PATIENCE
from tests.servers import Nginx, Redis, free_port
from tests.serving import ServeProcess


@pytest.fixture(params=["redis-server", "valkey-server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Redis]:
    """A running Redis, and a running Valkey."""
    with Redis(tmp_path / "store", program=request.param) as running:
        yield running


def test_a_store_that_is_killed_has_kept_what_it_acknowledged(store: Redis) -> None:
    """Restarted on its port it has every entry; restarted empty it has none."""
    client: Any = redis.Redis(port=store.port)
    with client:
        written = [client.xadd("log", {"n": number}) for number in range(100)]
        store.restart()
        kept = client.xrange("log")
        store.restart_empty()
        assert ([identity for identity, _ in kept], client.dbsize()) == (written, 0)


@pytest.mark.exhaustive
def test_a_store_that_is_paused_does_not_answer(store: Redis) -> None:
    """Until it goes on: then what was sent meanwhile is answered."""
    with socket.create_connection(("127.0.0.1", store.port), PATIENCE) as connection:
        with store.paused():
            connection.sendall(b"PING\r\n")
            connection.settimeout(0.05)
            with pytest.raises(TimeoutError):
                connection.recv(7)
        connection.settimeout(PATIENCE)
        assert connection.recv(7) == b"+PONG\r\n"


def test_a_program_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The failure has the program's own words."""
    with pytest.raises(AssertionError, match="no-such-option"):
        Redis(tmp_path / "store", "--no-such-option", "1").start()


@pytest.mark.exhaustive
def test_nginx_asks_each_port_in_turn(tmp_path: Path) -> None:
    """Over one connection of the caller; a port whose server is down is left out, and asked again when it is back."""
    one, two = (ServeProcess(tmp_path / name, "--api-key", "a-key") for name in ("one", "two"))
    with one, two, Nginx(tmp_path / "nginx", one.port, two.port) as nginx:
        connection = HTTPConnection("127.0.0.1", nginx.port, timeout=PATIENCE)
        answered: list[tuple[int, ...]] = []
        changes: list[Callable[[], None]] = [lambda: None, two.kill, two.start]
        for change in changes:
            change()
            assert {_code(connection) for _ in range(6)} == {404}
            answered.append(tuple(_seen(each) for each in (one, two) if each.runs))
        connection.close()
    assert answered == [(3, 3), (9,), (12, 3)]


def _seen(serving: ServeProcess) -> int:
    total: int = Caller(over_http(serving.url), "a-key").sim("journal")["total"]
    return total


def _code(connection: HTTPConnection) -> int:
    connection.request("GET", "/v2/requests/status/none", headers={"Ocp-Apim-Subscription-Key": "a-key"})
    response = connection.getresponse()
    response.read()
    return response.status


@pytest.mark.slow
def test_a_server_is_killed_and_started_again_on_its_port(tmp_path: Path) -> None:
    """With the same options, and without what it had in memory."""
    with ServeProcess(tmp_path, "--api-key", "a-key", "--log-requests") as serving:
        caller = Caller(over_http(serving.url), serving.key)
        first = caller.accepted()
        serving.kill()
        with pytest.raises(ConnectionRefusedError):
            caller.read(first)
        serving.start()
        assert caller.read(first).status == 404
        assert serving.terminate() == 0
        assert serving.log.count("GET /v2/requests/status/") == 1


@pytest.mark.exhaustive
def test_what_a_server_uses(tmp_path: Path) -> None:
    """Its memory, and a descriptor for each connection that is open."""
    with ServeProcess(tmp_path) as serving:
        before = serving.usage()
        connections = [HTTPConnection("127.0.0.1", serving.port, timeout=PATIENCE) for _ in range(10)]
        for connection in connections:
            assert _code(connection) == 401
        after = serving.usage()
        for connection in connections:
            connection.close()
        assert after["descriptors"] - before["descriptors"] == 10
        assert before["bytes"] > 10_000_000
        assert before["threads"] >= 1


def test_a_port_is_none_that_callers_are_given() -> None:
    """The system takes those of callers from a range of its own."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < first for _ in range(20))
