"""HTTP/1.1 over a socket: garbage, limits, pipelining, halves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.simulator.wire import Wire, request

from pixazo_simulator.protocol import KEEP_ALIVE, GatewayProtocol, configuration
from pixazo_simulator.server import Simulator

GENERATE = "/minimax-hailuo-ai/v1/generate"
HEALTH = request("GET", "/_sim/health")
BEAR = b'{"prompt":"A bear"}'
HEAD_LIMIT = 64 * 1024
MOST_READ = 8 * 1024 * 1024
"""Bytes; more than socket buffers hold and the server reads before it hangs up."""


@pytest.fixture
def wire(simulator: Simulator) -> Iterator[Wire]:
    """A connection."""
    with Wire(simulator.port) as connected:
        yield connected


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\nnonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"GET\r\n\r\n",
        b"GET nowhere HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: \x00\r\n\r\n",
        b"CONNECT a.test:80 HTTP/1.1\r\nhost: a.test\r\n\r\n",
        b"CONNECT a.test:80 HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_in_json(wire: Wire, garbage: bytes) -> None:
    """400, and the connection is closed: nobody knows where the next request would begin."""
    wire.send(garbage)
    answer = wire.answer()
    assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
    assert answer.json() == {"error": "Bad Request", "message": "Invalid HTTP request received."}
    assert answer.headers["connection"] == "close"
    assert wire.closed()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(garbage=st.binary(min_size=1) | st.binary().map(b"GET / HTTP/1.1\r\n".__add__))
def test_no_bytes_break_the_server(simulator: Simulator, garbage: bytes) -> None:
    """Whatever one caller sends, the next is served."""
    with Wire(simulator.port) as one:
        one.send(garbage)
        one.finish()
    with Wire(simulator.port) as other:
        other.send(HEALTH)
        assert other.answer().status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * HEAD_LIMIT + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * HEAD_LIMIT + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: aaaaaaaaaaaaaa\r\n" * (HEAD_LIMIT // 16) + b"\r\n",
    ],
)
def test_a_head_is_bounded(wire: Wire, head: bytes) -> None:
    """64 KiB of request line and headers, however they are divided."""
    wire.send(head)
    answer = wire.answer()
    assert answer.status == 431
    assert answer.json() == {
        "error": "Request Header Fields Too Large",
        "message": "The request line and headers are longer than 65536 bytes.",
    }
    assert wire.closed()


def test_a_head_that_fits_is_served(wire: Wire) -> None:
    """Each request of a connection may have as long a one."""
    for _ in range(3):
        wire.send(request("GET", "/_sim/health", x="a" * (HEAD_LIMIT - 1000)))
        assert wire.answer().status == 200


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nx: ", b"GET /", b"GET / HTTP/1.1\r\nx"])
def test_a_head_that_never_ends_is_given_up(wire: Wire, start: bytes) -> None:
    """Though no line of it ever ends."""
    wire.send(start)
    assert wire.send_all_it_takes(b"a" * HEAD_LIMIT, 2 * MOST_READ // HEAD_LIMIT) < MOST_READ


def test_requests_may_be_sent_ahead(wire: Wire) -> None:
    """Each is answered, in order; a wrong one among them ends nothing."""
    wire.send(
        request("POST", GENERATE, BEAR)
        + HEALTH
        + request("POST", GENERATE, b"{")
        + request("GET", "/nowhere")
        + request("GET", "/_sim/health", connection="close")
    )
    assert [wire.answer().status for _ in range(5)] == [202, 200, 400, 404, 200]
    assert wire.closed()


def test_a_request_may_come_byte_by_byte(wire: Wire) -> None:
    """Head and body."""
    for byte in request("POST", GENERATE, BEAR):
        wire.send(bytes([byte]))
    assert wire.answer().status == 202


def test_a_body_may_be_chunked(wire: Wire) -> None:
    """Without a length; the connection goes on."""
    head = request("POST", GENERATE, content_length="", transfer_encoding="chunked")
    wire.send(head + b'6\r\n{"prom\r\nd;x=y\r\npt":"A bear"}\r\n0\r\ntrailer: x\r\n\r\n' + HEALTH)
    assert [wire.answer().status, wire.answer().status] == [202, 200]


def test_a_chunk_that_is_none_ends_the_connection(wire: Wire) -> None:
    """And nothing is accepted."""
    wire.send(request("POST", GENERATE, content_length="", transfer_encoding="chunked") + b"zz\r\n")
    assert wire.answer().status == 400
    assert wire.closed()


def test_a_body_that_is_announced_too_long_is_refused_unread(wire: Wire) -> None:
    """The answer comes before any byte of it, and the connection ends."""
    wire.send(request("POST", GENERATE, content_length=str(28 * 1024 * 1024 + 1)))
    answer = wire.answer()
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert answer.json() == {
        "error": "Payload Too Large",
        "message": "The request body is larger than 29360128 bytes.",
    }
    assert wire.closed()


def test_a_caller_that_asks_first_need_not_send_it(wire: Wire) -> None:
    """Expect: 100-continue."""
    wire.send(request("POST", GENERATE, content_length=str(10**9), expect="100-continue"))
    assert wire.answer().status == 413
    assert wire.closed()


def test_chunks_are_taken_only_up_to_the_limit(wire: Wire) -> None:
    """Far less than is sent, where the limit is low."""
    wire.send(request("POST", "/_sim/worlds", b'{"key":"small-bodies","policy":{"body_limit":1000}}'))
    assert wire.answer().status == 201
    head = request("POST", GENERATE, key="small-bodies", content_length="", transfer_encoding="chunked")
    wire.send(head)
    assert wire.send_all_it_takes(b"8000\r\n" + b"a" * 0x8000 + b"\r\n", 2 * MOST_READ // 0x8000) < MOST_READ


def test_half_a_connection_is_answered(wire: Wire) -> None:
    """A caller that sends no more still listens."""
    wire.send(request("POST", GENERATE, BEAR))
    wire.finish()
    assert wire.answer().status == 202


@pytest.mark.parametrize("part", [10, 100, -1])
def test_half_a_request_is_no_request(simulator: Simulator, part: int) -> None:
    """Whoever leaves in the middle has submitted nothing."""
    with Wire(simulator.port) as wire:
        wire.send(request("POST", "/_sim/worlds", b'{"key":"half-requests-%d"}' % part))
        assert wire.answer().status == 201
    whole = request("POST", GENERATE, BEAR, key=f"half-requests-{part}")
    with Wire(simulator.port) as wire:
        wire.send(whole[:part])
    with Wire(simulator.port) as wire:
        wire.send(request("GET", "/_sim/generations", key=f"half-requests-{part}"))
        assert wire.answer().json()["total"] == 0


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.0"])
def test_a_wish_for_an_upgrade_is_ignored(wire: Wire, upgrade: str) -> None:
    """As Java's client sends it with every first request: the body counts, and the connection goes on."""
    wish: dict[str, Any] = {
        "connection": "Upgrade, HTTP2-Settings",
        "upgrade": upgrade,
        "http2_settings": "AAMAAABkAAQAoAAAAAIAAAAA",
    }
    for _ in range(2):
        wire.send(request("POST", GENERATE, BEAR, **wish) + request("GET", "/_sim/health", **wish) + HEALTH)
        assert [wire.answer().status for _ in range(3)] == [202, 200, 200]


def test_a_wish_for_an_upgrade_may_come_in_pieces(wire: Wire) -> None:
    """Head and body, byte by byte."""
    for byte in request("POST", GENERATE, BEAR, connection="upgrade", upgrade="h2c"):
        wire.send(bytes([byte]))
    assert wire.answer().status == 202


def test_an_answer_to_head_has_no_body(wire: Wire) -> None:
    """The next answer follows at once."""
    wire.send(request("HEAD", "/_sim/health") + HEALTH)
    assert wire.answer(head=True).headers["content-length"] == "26"
    assert wire.answer().json()["status"] == "ok"


def test_http_1_0_closes(wire: Wire) -> None:
    """Unless asked to stay."""
    wire.send(b"GET /_sim/health HTTP/1.0\r\nhost: localhost\r\n\r\n")
    assert wire.answer().status == 200
    assert wire.closed()


def test_an_idle_connection_outlives_the_pause_between_two_polls() -> None:
    """The page polls every 5 to 10 s: a connection that is closed meanwhile resets the request that is on its way."""

    async def app(*_: Any) -> None:
        pytest.fail("nobody calls")

    assert configuration(app, GatewayProtocol, "off").timeout_keep_alive == KEEP_ALIVE == 75


def test_a_server_stops_at_once_while_connections_are_idle() -> None:
    """They are closed, those that never spoke as well."""
    with Simulator() as simulator:
        idle, silent = Wire(simulator.port), Wire(simulator.port)
        idle.send(HEALTH)
        assert idle.answer().status == 200
        began = time.monotonic()
    assert time.monotonic() - began < KEEP_ALIVE / 15
    assert idle.closed()
    assert silent.closed()
    idle.close()
    silent.close()
