"""A forward proxy on loopback that asks a function where each connection may go."""

from __future__ import annotations

import errno
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import trustme
from tests.patience import PATIENCE
from tests.receiver import Receiver, http_response

from pixazo_simulator import Simulator
from pixazo_simulator.control import TlsListener
from pixazo_simulator.redirect import proxy as proxies
from pixazo_simulator.redirect.proxy import HEAD_LIMIT, Forward, Proxy, ProxyRequest, Tunnel


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A listening socket; the test accepts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener


def asked(proxy: Proxy, request: bytes) -> socket.socket:
    """A connection to the proxy on which this request was sent."""
    caller = socket.create_connection(proxy.address, PATIENCE)
    caller.sendall(request)
    return caller


def response_to(caller: socket.socket) -> bytes:
    """Everything that is received until the other side closes."""
    with caller:
        return b"".join(iter(lambda: caller.recv(65536), b""))


@pytest.mark.parametrize(
    ("head", "asked_for"),
    [
        (b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", ProxyRequest("CONNECT", "a.example", 443)),
        (b"CONNECT [::1]:8443 HTTP/1.0\r\n\r\n", ProxyRequest("CONNECT", "::1", 8443)),
        (b"GET http://a.example/x?y=z HTTP/1.1\r\n\r\n", ProxyRequest("GET", "a.example", 80, "/x?y=z")),
        (b"POST http://A.example:81 HTTP/1.1\r\n\r\n", ProxyRequest("POST", "a.example", 81, "/")),
    ],
)
def test_what_is_asked_for(head: bytes, asked_for: ProxyRequest) -> None:
    """Method, host, port and path; a refusal is 403 with its sentence."""
    seen: list[ProxyRequest] = []

    def decide(request: ProxyRequest) -> str:
        seen.append(request)
        return "not today"

    with Proxy(decide) as proxy:
        received = response_to(asked(proxy, head))
    assert seen == [asked_for]
    assert received == (
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: 10\r\nconnection: close\r\n\r\nnot today\n"
    )


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET https://a.example/ HTTP/1.1\r\n\r\n",
        b"CONNECT a.example HTTP/1.1\r\n\r\n",
        b"CONNECT a.example:65536 HTTP/1.1\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET http://a:b/ HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_what_no_proxy_can_do(head: bytes) -> None:
    with Proxy(lambda request: pytest.fail(f"asked about {request}")) as proxy:
        assert response_to(asked(proxy, head)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize("start", [b"x", b"CONNECT a.example:443 HTTP/1.1\r\nx: "])
def test_a_head_without_an_end(start: bytes) -> None:
    """The response is 431 once it is too long, without a decision."""
    with Proxy(lambda request: pytest.fail(f"asked about {request}")) as proxy:
        assert response_to(asked(proxy, start + b"x" * (HEAD_LIMIT - len(start)))).startswith(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
        )


def test_a_head_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline counts from the beginning: later bytes do not extend it."""
    monkeypatch.setattr(proxies, "HEAD_TIMEOUT", 0.1)
    with Proxy(lambda request: pytest.fail(f"asked about {request}")) as proxy, asked(proxy, b"CONNECT a") as caller:
        ended = threading.Event()
        dripping = threading.Thread(target=drip, args=(caller, ended))
        dripping.start()
        try:
            received = caller.recv(65536)
        finally:
            ended.set()
            dripping.join()
    assert received.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert received.endswith(b"the head of the request was not complete within 0.1 s\n")


def drip(caller: socket.socket, ended: threading.Event) -> None:
    """Send a byte every now and then."""
    with suppress(OSError):
        while not ended.wait(0.01):
            caller.sendall(b"a")


def test_a_tunnel_carries_bytes_both_ways(server: socket.socket) -> None:
    """Including those after the head; one side may close while the other still sends."""
    with Proxy(lambda _: Tunnel(server.getsockname())) as proxy:
        caller = asked(proxy, b"CONNECT a.example:443 HTTP/1.1\r\n\r\nearly ")
        with server.accept()[0] as callee:
            caller.sendall(b"late")
            caller.shutdown(socket.SHUT_WR)
            assert client_response(callee) == b"early late"
            callee.sendall(b"answer")
        assert response_to(caller) == b"HTTP/1.1 200 Connection established\r\n\r\nanswer"


def client_response(callee: socket.socket) -> bytes:
    """Everything that a server receives."""
    return b"".join(iter(lambda: callee.recv(65536), b""))


def test_a_reset_goes_through(server: socket.socket) -> None:
    with Proxy(lambda _: Tunnel(server.getsockname())) as proxy:
        caller = asked(proxy, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n")
        callee, _ = server.accept()
        assert caller.recv(100) == b"HTTP/1.1 200 Connection established\r\n\r\n"
        callee.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        callee.close()
        with caller, pytest.raises(ConnectionResetError):
            caller.recv(1)


def test_a_plain_request_is_passed_on_alone() -> None:
    """To its server, in origin form; the connection ends with the response."""
    with Receiver(http_response(200, b"hello")) as server:
        with Proxy(lambda request: Forward(("127.0.0.1", request.port))) as proxy:
            head = f"POST http://localhost:{server.port}/a?b HTTP/1.1\r\nHost: me\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive\r\n"
            response = response_to(asked(proxy, f"{head}Content-Length: 2\r\n\r\nok".encode()))
        assert response.endswith(b"\r\n\r\nhello")
        (received,) = server.received
        assert (received.line, received.body) == ("POST /a?b HTTP/1.1", b"ok")
        assert received.headers == {"host": "me", "content-length": "2", "connection": "close"}


@pytest.fixture(scope="module")
def listener() -> Iterator[TlsListener]:
    """A TLS listener for secure.invalid."""
    with Simulator() as simulator:
        yield simulator.open_tls_listener(["secure.invalid"])


def test_tls_may_be_left_to_the_proxy(listener: TlsListener) -> None:
    """The request of an https URI is forwarded over TLS, in origin form, with what is sent after its head."""
    seen: list[ProxyRequest] = []

    def decide(request: ProxyRequest) -> Forward:
        seen.append(request)
        return Forward(("127.0.0.1", listener.port))

    body = b'{"prompt":"A bear%s"}' % (b" and a bear" * 100)
    head = b"POST https://Secure.invalid/minimax-hailuo-ai/v1/generate HTTP/1.1\r\nhost: secure.invalid\r\nocp-apim-subscription-key: x\r\n"
    head += b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    with Proxy(decide, ca_pem=listener.ca_pem) as proxy:
        caller = asked(proxy, head)
        caller.sendall(body)
        received = response_to(caller)
    assert received.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert b'"status":"QUEUED"' in received
    assert seen == [ProxyRequest("POST", "secure.invalid", 443, "/minimax-hailuo-ai/v1/generate", secure=True)]


def test_a_caller_that_left_tls_to_the_proxy_may_leave(server: socket.socket) -> None:
    """The server notices it, although it has not responded yet."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate: Any = authority.issue_cert("secure.invalid")  # half of its types are unknown
    certificate.configure_cert(context)
    with Proxy(lambda _: Forward(server.getsockname()), ca_pem=authority.cert_pem.bytes().decode()) as proxy:
        caller = asked(proxy, b"GET https://secure.invalid/x HTTP/1.1\r\n\r\n")
        callee, _ = server.accept()
        callee.settimeout(PATIENCE)
        with context.wrap_socket(callee, server_side=True) as secured:
            assert secured.recv(65536).startswith(b"GET /x HTTP/1.1\r\n")
            caller.close()
            with suppress(
                ConnectionResetError, BrokenPipeError
            ):  # where the proxy has not read yet what follows a handshake
                assert secured.recv(1) == b""


@pytest.mark.parametrize("host", [b"another.invalid", b"127.0.0.1"])
def test_tls_of_the_proxy_is_verified(listener: TlsListener, host: bytes) -> None:
    """A certificate for another host is answered 502."""
    with Proxy(lambda _: Forward(("127.0.0.1", listener.port)), ca_pem=listener.ca_pem) as proxy:
        received = response_to(asked(proxy, b"GET https://%s/ HTTP/1.1\r\n\r\n" % host))
    assert received.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert b"certificate verify failed" in received


def test_an_address_that_cannot_be_reached(server: socket.socket) -> None:
    port = server.getsockname()[1]
    server.close()
    with Proxy(lambda _: Tunnel(("127.0.0.1", port))) as proxy:
        received = response_to(asked(proxy, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"))
    assert received.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert f"127.0.0.1 port {port} cannot be reached: [Errno 111] Connection refused\n".encode() in received


@pytest.mark.parametrize("host", [".", "a..b", "a\0b", "a" * 64])
def test_a_name_that_cannot_be_looked_up(host: str) -> None:
    """The response is 502, too: no traceback, and no connection that stays open."""
    with Proxy(lambda _: Tunnel((host, 443))) as proxy:
        received = response_to(asked(proxy, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"))
    assert received.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")


def test_closing_ends_everything(server: socket.socket) -> None:
    """The port, idle connections before and after their request, and the threads."""
    before = threading.enumerate()
    with Proxy(lambda _: Tunnel(server.getsockname())) as proxy:
        idle = asked(proxy, b"CONNECT a.example:")
        led = asked(proxy, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n")
        assert led.recv(100).startswith(b"HTTP/1.1 200")
    with idle, led, socket.socket() as probe:
        assert (led.recv(1), probe.connect_ex(proxy.address) != 0) == (b"", True)
    assert threading.enumerate() == before


def test_closing_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The log says how many connections did not end."""
    monkeypatch.setattr(proxies, "STOP_DEADLINE", 0.1)
    asked_for, released = threading.Event(), threading.Event()

    def decide(_: ProxyRequest) -> str:
        asked_for.set()
        released.wait(PATIENCE)
        return "late"

    with Proxy(decide) as proxy:
        caller = asked(proxy, b"CONNECT a.example:443 HTTP/1.1\r\n\r\n")
        assert asked_for.wait(PATIENCE)
    assert caplog.messages == [f"the proxy on port {proxy.address[1]} was stopped while 1 connections were still open"]
    released.set()
    assert response_to(caller) == b""


def test_who_could_not_be_accepted_is_accepted_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In a process that had too many open files for a moment."""
    create = socket.create_server

    def reluctantly(address: tuple[str, int]) -> Reluctant:
        return Reluctant(create(address))

    with monkeypatch.context() as patch:
        patch.setattr(socket, "create_server", reluctantly)
        proxy = Proxy(lambda _: "not today")
    with proxy:
        assert response_to(asked(proxy, b"GET http://a.example/ HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 403 ")
    assert caplog.messages == [f"the proxy on port {proxy.address[1]} cannot accept connections: Too many open files"]


class Reluctant:
    """A listener whose first accept fails."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._refusals = [OSError(errno.EMFILE, "Too many open files")]

    def accept(self) -> tuple[socket.socket, Any]:
        """Fail once."""
        if self._refusals:
            raise self._refusals.pop()
        return self._listener.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)
