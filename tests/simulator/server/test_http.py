"""HTTP/1.1 over a socket: invalid requests, limits, pipelining, deadlines."""

from __future__ import annotations

import gc
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.caller import GENERATE
from tests.patience import PATIENCE
from tests.simulator.server.raw_socket import RawSocket, request
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from pixazo_simulator.mutants import find_mutant, find_variant
from pixazo_simulator.server import http as protocol
from pixazo_simulator.server import threaded
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.server.threaded import KEEP_ALIVE, Configuration

if TYPE_CHECKING:
    from pixazo_simulator.mutants import Mutant, Variant

HEALTH = request("GET", "/_sim/health")
BEAR = b'{"prompt":"A bear"}'
HEAD_LIMIT = 64 * 1024
MOST_READ = 8 * 1024 * 1024
"""Bytes; more than socket buffers hold and the server reads before it hangs up."""
FOR_EVER = 10_000_000
"""Pieces; more than can be sent within the deadlines of the tests."""


@pytest.fixture
def wire(simulator: Simulator) -> Iterator[RawSocket]:
    """A connection."""
    with RawSocket(simulator.port) as connected:
        yield connected


def refusal(wire: RawSocket, status: int, error: str, message: str) -> Mapping[str, str]:
    """The headers of the response, which is an error in JSON, and with which the connection is closed."""
    response = wire.response()
    assert (response.status, response.json()) == (status, {"error": error, "message": message})
    assert wire.closed()
    return response.headers


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
        b"CONNECT / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        request("POST", GENERATE, content_length="", transfer_encoding="chunked") + b"zz\r\n",
    ],
)
def test_what_is_no_request_is_answered_in_json(wire: RawSocket, garbage: bytes) -> None:
    """400, and the connection is closed: the start of the next request cannot be determined."""
    wire.send(garbage)
    headers = refusal(wire, 400, "Bad Request", "Invalid HTTP request received.")
    assert (headers["content-type"], headers["connection"]) == ("application/json", "close")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(garbage=st.binary(min_size=1) | st.binary().map(b"GET / HTTP/1.1\r\n".__add__))
def test_no_bytes_break_the_server(simulator: Simulator, garbage: bytes) -> None:
    """Whatever one client sends, the next one is served."""
    with RawSocket(simulator.port) as one:
        one.send(garbage)
        one.finish()
    with RawSocket(simulator.port) as other:
        other.send(HEALTH)
        assert other.response().status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * HEAD_LIMIT + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * HEAD_LIMIT + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: aaaaaaaaaaaaaa\r\n" * (HEAD_LIMIT // 16) + b"\r\n",
    ],
)
def test_a_head_is_bounded(wire: RawSocket, head: bytes) -> None:
    """64 KiB of request line and headers, however they are divided."""
    wire.send(head)
    message = "The request line and headers are longer than 65536 bytes."
    refusal(wire, 431, "Request Header Fields Too Large", message)


def test_a_head_that_fits_is_served(wire: RawSocket) -> None:
    """The limit applies to each request, not to the connection."""
    for _ in range(3):
        wire.send(request("GET", "/_sim/health", x="a" * (HEAD_LIMIT - 1000)))
        assert wire.response().status == 200


CHUNKED = request("POST", GENERATE, content_length="", transfer_encoding="chunked")


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"GET / HTTP/1.1\r\nx: ", id="value"),
        pytest.param(b"GET /", id="target"),
        pytest.param(b"GET / HTTP/1.1\r\nx", id="name"),
        pytest.param(CHUNKED + b"0\r\nx: ", id="trailer"),
        pytest.param(CHUNKED + b"1; x=", id="extension of a chunk"),
    ],
)
def test_a_head_or_trailer_that_never_ends_is_given_up(wire: RawSocket, start: bytes) -> None:
    """Even if no line of it ever ends."""
    wire.send(start)
    assert wire.send_all_it_takes(b"a" * HEAD_LIMIT, 2 * MOST_READ // HEAD_LIMIT) < MOST_READ


def test_requests_may_be_sent_ahead(wire: RawSocket) -> None:
    """Pipelined requests are answered in order; one that is refused does not end the connection."""
    wire.send(
        request("POST", GENERATE, BEAR)
        + HEALTH
        + request("POST", GENERATE, b"{")
        + request("GET", "/nowhere")
        + request("GET", "/_sim/health", connection="close")
    )
    assert [wire.response().status for _ in range(5)] == [202, 200, 400, 404, 200]
    assert wire.closed()


@pytest.mark.parametrize("fields", [{}, {"connection": "upgrade", "upgrade": "h2c"}])
def test_a_request_may_come_byte_by_byte(wire: RawSocket, fields: dict[str, Any]) -> None:
    """Head and body, also of a request for an upgrade."""
    for byte in request("POST", GENERATE, BEAR, **fields):
        wire.send(bytes([byte]))
    assert wire.response().status == 202


def test_a_body_may_be_chunked(wire: RawSocket) -> None:
    """Without a length; the connection goes on."""
    wire.send(CHUNKED + b'6\r\n{"prom\r\nd;x=y\r\npt":"A bear"}\r\n0\r\ntrailer: x\r\n\r\n' + HEALTH)
    assert [wire.response().status, wire.response().status] == [202, 200]


@pytest.mark.parametrize("fields", [{}, {"expect": "100-continue"}], ids=["plain", "asked first"])
def test_a_body_that_is_announced_too_long_is_refused_unread(wire: RawSocket, fields: dict[str, Any]) -> None:
    """The response is sent before any byte of the body arrives, also where the caller asks first (RFC 9110, 10.1.1)."""
    wire.send(request("POST", GENERATE, content_length=str(28 * 1024 * 1024 + 1), **fields))
    headers = refusal(wire, 413, "Payload Too Large", "The request body is larger than 29360128 bytes.")
    assert headers["connection"] == "close"


def test_chunks_are_taken_only_up_to_the_limit(wire: RawSocket) -> None:
    """The server reads far less than the client sends, if the limit is low."""
    wire.send(request("POST", "/_sim/worlds", b'{"key":"small-bodies","policy":{"body_limit":1000}}'))
    assert wire.response().status == 201
    head = request("POST", GENERATE, key="small-bodies", content_length="", transfer_encoding="chunked")
    wire.send(head)
    assert wire.send_all_it_takes(b"8000\r\n" + b"a" * 0x8000 + b"\r\n", 2 * MOST_READ // 0x8000) < MOST_READ


@pytest.mark.parametrize("body", [BEAR, b'{"prompt":"A bear","x":"%s"}' % (b"x" * 70_000)], ids=["small", "large"])
@pytest.mark.parametrize("rest", [b"", HEALTH[:9], request("POST", GENERATE, BEAR)[:-1]], ids=["", "head", "body"])
def test_half_a_connection_is_answered(wire: RawSocket, body: bytes, rest: bytes) -> None:
    """A client that has closed its side still gets the responses to all its whole requests; then the connection is closed."""
    wire.send(request("POST", GENERATE, body) + request("POST", GENERATE, body) + HEALTH + rest)
    wire.finish()
    assert [wire.response().status for _ in range(3)] == [202, 202, 200]
    assert wire.closed()


@pytest.mark.parametrize("part", [10, 100, -1])
def test_half_a_request_is_no_request(simulator: Simulator, part: int) -> None:
    """A client that disconnects in the middle has submitted nothing."""
    with RawSocket(simulator.port) as wire:
        wire.send(request("POST", "/_sim/worlds", b'{"key":"half-requests-%d"}' % part))
        assert wire.response().status == 201
    whole = request("POST", GENERATE, BEAR, key=f"half-requests-{part}")
    with RawSocket(simulator.port) as wire:
        wire.send(whole[:part])
    with RawSocket(simulator.port) as wire:
        wire.send(request("GET", "/_sim/generations", key=f"half-requests-{part}"))
        assert wire.response().json()["total"] == 0


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.0"])
def test_a_request_for_an_upgrade_is_ignored(wire: RawSocket, upgrade: str) -> None:
    """Java's client sends such headers with its first request: the body counts, and the connection stays open."""
    content: dict[str, Any] = {
        "connection": "Upgrade, HTTP2-Settings",
        "upgrade": upgrade,
        "http2_settings": "AAMAAABkAAQAoAAAAAIAAAAA",
    }
    for _ in range(2):
        wire.send(request("POST", GENERATE, BEAR, **content) + request("GET", "/_sim/health", **content) + HEALTH)
        assert [wire.response().status for _ in range(3)] == [202, 200, 200]


METHODS = (
    b"DELETE GET HEAD POST PUT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND REBIND UNBIND ACL REPORT "
    b"MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK UNLINK SOURCE QUERY"
).split()
"""Those that llhttp takes with HTTP."""
NO_METHODS = (
    b"PRI DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER SET_PARAMETER REDIRECT RECORD FLUSH BREW get X"
).split()
"""Those that it takes with other protocols only, and some that nobody knows."""
UPGRADES = {
    "none": b"",
    "websocket": b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: eA==\r\nsec-websocket-version: 13\r\n",
    "h2c": b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
    "several": b"upgrade: h2c\r\nconnection: keep-alive, upgrade\r\nupgrade: websocket\r\nUPGRADE: \r\n",
    "twice": b"connection: upgrade\r\nconnection: upgrade\r\nupgrade: h2c, websocket\r\n",
    "only Connection": b"connection: upgrade\r\n",
    "only Upgrade": b"upgrade: h2c\r\n",
    "only HTTP2-Settings": b"http2-settings: AAMAAABk\r\n",
}
BODIES = {
    "no body": b"\r\n",
    "length": b"content-length: 19\r\n\r\n" + BEAR,
    "chunks": b"transfer-encoding: chunked\r\n\r\n5\r\n" + BEAR[:5] + b"\r\ne\r\n" + BEAR[5:] + b"\r\n0\r\n\r\n",
    "the preface of HTTP/2": b"\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


def conversation(port: int, method: bytes, version: bytes, fields: bytes, body: bytes) -> list[int]:
    """The status codes of a request and of the one pipelined behind it, until the server closes the connection."""
    statuses: list[int] = []
    with RawSocket(port) as wire:
        wire.send(b"%s /_sim/health HTTP/%s\r\nhost: localhost\r\n%s%s" % (method, version, fields, body) + LAST)
        while len(statuses) < 2 and not wire.hung_up():
            statuses.append(wire.response(head=method == b"HEAD" and not statuses).status)
        assert wire.closed()
    return statuses


LAST = request("GET", "/_sim/health", connection="close")


@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("body", BODIES)
def test_every_method_with_every_upgrade_header(simulator: Simulator, upgrade: str, body: str) -> None:
    """The request and the next one are answered, or the connection is closed; CONNECT is answered 405, an invalid method 400."""
    fields, sent = UPGRADES[upgrade], BODIES[body]
    after = 400 if body == "the preface of HTTP/2" else 200
    for method in METHODS:
        first, *rest = conversation(simulator.port, method, b"1.1", fields, sent)
        assert (first, rest) == (200 if method in (b"GET", b"HEAD") else 404, [after]), method
        assert conversation(simulator.port, method, b"1.0", fields, sent)[0] == first, method
    for method in NO_METHODS:
        assert conversation(simulator.port, method, b"1.1", fields, sent) == [400], method
    for version in (b"1.1", b"1.0"):
        assert conversation(simulator.port, b"CONNECT", version, fields, sent) == [405]


@pytest.mark.parametrize("target", [b"/", b"a.test:80", b"*", b"http://a.test/"])
def test_connect_is_for_proxies(wire: RawSocket, target: bytes) -> None:
    """The response says what to use instead, and the connection is closed."""
    wire.send(b"CONNECT %s HTTP/1.1\r\n\r\n" % target)
    message = "CONNECT is for proxies, and this is the gateway: run clients that need a proxy under pixazo-sim exec."
    headers = refusal(wire, 405, "Method Not Allowed", message)
    assert (headers["allow"], headers["connection"]) == ("GET, POST", "close")


@pytest.mark.parametrize(
    "change", [None, find_mutant("key-header-in-exact-case"), find_variant("headers-in-title-case")]
)
def test_connect_at_every_port(change: Mutant | Variant | None) -> None:
    """Gateways that depend on the letter case of header names refuse it, too, and so do their TLS listeners."""
    with Simulator(change=change) as gateway:
        listener = gateway.open_tls_listener(["a.test"])
        trust = ssl.create_default_context(cadata=listener.ca_pem)
        with (
            socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as plain,
            socket.create_connection(("127.0.0.1", listener.port), PATIENCE) as raw,
            trust.wrap_socket(raw, server_hostname="a.test") as secure,
        ):
            for caller in (plain, secure):
                caller.sendall(b"CONNECT / HTTP/1.1\r\nHost: a.test\r\n\r\n")
                assert caller.recv(65536).startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
                assert caller.recv(1) == b""


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [
        (b"1.1", b"", 400),
        (b"1.1", b"connection: upgrade\r\nupgrade: h2c\r\n", 400),
        (b"1.1", b"host: a\r\nHOST: a\r\n", 400),
        (b"1.0", b"host: a\r\nhost: b\r\n", 400),
        (b"1.1", b"host: a\r\n", 401),
        (b"1.1", b"host:\r\n", 401),
        (b"1.0", b"", 401),
        (b"1.0", b"host: a\r\n", 401),
    ],
)
def test_one_host(wire: RawSocket, version: bytes, hosts: bytes, status: int) -> None:
    """HTTP/1.1 requires one Host header, HTTP/1.0 allows none or one (RFC 9112, 3.2)."""
    wire.send(b"GET /v2/requests/status/x HTTP/%s\r\n%s\r\n" % (version, hosts))
    response = wire.response()
    assert response.status == status
    if status == 400:
        found = "2 Host headers" if b"host" in hosts else "no Host header"
        assert response.json()["message"] == f"The request has {found}."
        assert wire.closed()


def test_the_host_of_an_absolute_target_counts(wire: RawSocket) -> None:
    """Not that of the header (RFC 9112, 3.2.2)."""
    for user in (b"", b"user:password@"):
        wire.send(b"GET http://%sb.test:8/v2/requests/status/x HTTP/1.1\r\nhost: a.test\r\n\r\n" % user)
        assert 'realm="http://b.test:8/' in wire.response().headers["www-authenticate"]


def test_what_is_sent_after_a_body_is_no_header(wire: RawSocket) -> None:
    """A trailer adds neither a second host nor a key."""
    head = request("POST", GENERATE, key="", content_length="", transfer_encoding="chunked")
    wire.send(head + b"13\r\n" + BEAR + b"\r\n0\r\nhost: b\r\nocp-apim-subscription-key: sim-key\r\n\r\n" + HEALTH)
    assert [wire.response().status, wire.response().status] == [401, 200]


@pytest.mark.parametrize("garbage", [b"nonsense\r\n\r\n" + HEALTH, CHUNKED + b"zz\r\n"], ids=["request", "body"])
def test_an_accepted_request_is_answered_before_garbage_is_refused(wire: RawSocket, garbage: bytes) -> None:
    """The responses come in the order of the requests, the refusal last; the garbage is not taken for a body."""
    wire.send(request("POST", GENERATE, BEAR) + HEALTH + garbage)
    assert [wire.response().status for _ in range(3)] == [202, 200, 400]
    assert wire.closed()


# Deadlines


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawSocket]:
    """A connection to a server with very short time-outs."""
    for module, name in ((protocol, "HEAD_TIMEOUT"), (protocol, "BODY_TIMEOUT"), (threaded, "KEEP_ALIVE")):
        monkeypatch.setattr(module, name, 0.05)
    with Simulator() as simulator, RawSocket(simulator.port) as connected:
        yield connected


def test_a_connection_on_which_nothing_comes_is_closed(hasty: RawSocket) -> None:
    """Without a response, like one that becomes idle."""
    assert hasty.closed()


NO_HEAD, NO_BODY = (
    "The request head was not complete within 0.05 s.",
    "No more of the request body arrived within 0.05 s.",
)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        pytest.param(b"G", NO_HEAD, id="method"),
        pytest.param(b"GET / HTTP/1.1\r\nx: ", NO_HEAD, id="header"),
        pytest.param(HEALTH[:-2], NO_HEAD, id="end of the head"),
        pytest.param(request("POST", GENERATE, BEAR)[:-1], NO_BODY, id="body"),
    ],
)
def test_a_request_that_does_not_go_on_is_refused(hasty: RawSocket, start: bytes, message: str) -> None:
    hasty.send(start)
    assert refusal(hasty, 408, "Request Timeout", message)["connection"] == "close"


@pytest.mark.parametrize(("start", "more"), [(b"GET / HTTP/1.1\r\nx: ", b"a"), (b"", b"\r\n")])
def test_a_head_that_drips_is_refused(hasty: RawSocket, start: bytes, more: bytes) -> None:
    """The deadline counts from the first byte: later bytes do not extend it; blank lines are nothing, however many there are."""
    hasty.send(start)
    assert hasty.send_all_it_takes(more, FOR_EVER) < FOR_EVER


def test_a_body_that_was_answered_before_its_end_is_not_answered_twice(hasty: RawSocket) -> None:
    """The server waits for the rest of it no longer than for that of any other body."""
    hasty.send(request("GET", "/v2/requests/status/x", content_length="10"))
    assert hasty.response().status == 404
    assert hasty.closed()


@pytest.mark.slow
def test_a_late_response_is_no_late_request(hasty: RawSocket) -> None:
    """The deadlines of a request do not run while the response before it is delayed."""
    script = b'{"rules":[{"when":"generate","faults":[{"fault":"delay","seconds":0.3}]}]}'
    hasty.send(request("PUT", "/_sim/script", script) + request("POST", GENERATE, BEAR) + HEALTH[:-2])
    assert [hasty.response().status for _ in range(3)] == [200, 202, 408]
    assert hasty.closed()


def test_a_response_to_head_has_no_body(wire: RawSocket) -> None:
    """The next response follows at once."""
    wire.send(request("HEAD", "/_sim/health") + HEALTH)
    assert wire.response(head=True).headers["content-length"] == "26"
    assert wire.response().json()["status"] == "ok"


def test_http_1_0_closes(wire: RawSocket) -> None:
    """Without Connection: keep-alive."""
    wire.send(b"GET /_sim/health HTTP/1.0\r\nhost: localhost\r\n\r\n")
    assert wire.response().status == 200
    assert wire.closed()


def test_an_idle_connection_outlives_the_pause_between_two_polls() -> None:
    """The page polls every 5 to 10 s: if the server closed the connection in between, it would reset the next request."""

    async def app(*_: Any) -> None:
        pytest.fail("nobody calls")

    assert Configuration(app).timeout_keep_alive == KEEP_ALIVE == 75


def test_a_server_stops_at_once_while_connections_are_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are closed, including those on which nothing was ever sent."""
    monkeypatch.setattr("pixazo_simulator.server.threaded.STOP_TIMEOUT", 3600)
    with Simulator() as simulator:
        idle, silent = RawSocket(simulator.port), RawSocket(simulator.port)
        idle.send(HEALTH)
        assert idle.response().status == 200
    assert idle.closed()
    assert silent.closed()
    idle.close()
    silent.close()


@pytest.mark.slow
def test_few_of_many_pipelined_requests_are_parsed_ahead() -> None:
    """A parsed request takes some 2 KiB, a hundred times its bytes; all are answered in turn."""

    def parsed() -> int:
        return sum(type(each) is RequestResponseCycle for each in gc.get_objects())

    content = b'{"exchanges": {"path": "/now"}, "timeout": 60}'
    waits = request("POST", "/_sim/wait", content)
    with Simulator() as simulator, RawSocket(simulator.port) as wire:
        before = parsed()
        wire.send(waits + b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n" * 1_000)
        with RawSocket(simulator.port) as other:
            other.send(request("GET", "/_sim/health"))
            assert other.response().status == 200
            assert parsed() - before < 200
            other.send(request("GET", "/now"))
            assert other.response().status == 404
        assert wire.response().status == 200
        assert {wire.response().status for _ in range(1_000)} == {404}
