"""`pixazo-sim exec --upstream`: what a program sends reaches the upstream byte for byte, and what it answers reaches the program."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from tests.patience import PATIENCE
from tests.servers import free_port

from pixazo_simulator.redirect import Relay, Upstream
from pixazo_simulator.server import tls_context

HOST = "gateway.pixazo.ai"
REQUEST = b"POST /v1/generate?a=%20b HTTP/1.1\r\nhOsT: gateway.pixazo.ai\r\nX-Two: 1\r\nx-two: 2\r\nContent-Length: 3\r\n\r\nabc"
ANSWER = b"HTTP/1.1 202 Fine\r\nx-ODD: Yes\r\nContent-Length: 5\r\n\r\n"


@contextmanager
def upstream(answer: Callable[[socket.socket, bytes], None]) -> Generator[tuple[str, list[bytes]]]:
    """A server for one connection, with what it received first."""
    received = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                received.append(connection.recv(65536))
                answer(connection, received[0])

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        thread.join(PATIENCE)


@contextmanager
def called(url: str) -> Generator[ssl.SSLSocket]:
    """A connection with TLS to the hard-coded host, which a relay leads to the upstream."""
    context, ca_pem = tls_context([HOST])
    with Relay(Upstream(url), context) as relay:
        plain = socket.create_connection(relay.address, timeout=PATIENCE)
        trust = ssl.create_default_context(cadata=ca_pem)
        with plain, trust.wrap_socket(plain, server_hostname=HOST, suppress_ragged_eofs=False) as connection:
            yield connection


def test_request_and_response_pass_byte_for_byte_and_as_a_stream() -> None:
    """The caller has the first bytes of a body before the upstream has sent the last; the end of the connection ends the body."""
    first_seen = threading.Event()

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(ANSWER + b"he")
        assert first_seen.wait(PATIENCE)
        connection.sendall(b"llo" + bytes(200_000))

    with upstream(answer) as (url, received), called(url) as connection:
        connection.sendall(REQUEST)
        seen = b""
        while not seen.endswith(b"he"):
            seen += connection.recv(65536)
        first_seen.set()
        while data := connection.recv(65536):
            seen += data
    assert received == [REQUEST]
    assert seen == ANSWER + b"hello" + bytes(200_000)


def test_a_reset_of_the_upstream_is_a_reset_for_the_program() -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with upstream(answer) as (url, _), called(url) as connection:
        connection.sendall(REQUEST)
        with pytest.raises(OSError, match=r"reset|EOF"):
            connection.recv(100)


def test_an_upstream_elsewhere_gets_its_own_host_and_one_request_on_a_connection() -> None:
    """RFC 9110, 7.2; all other fields keep their order and letter case."""
    head = b"GET / HTTP/1.1\r\nA: 1\r\nHost: gateway.pixazo.ai\r\nConnection: keep-alive\r\nb: 2\r\n\r\n"
    elsewhere = Upstream("https://example.test")
    assert (
        elsewhere.headed(head) == b"GET / HTTP/1.1\r\nHost: example.test\r\nA: 1\r\nb: 2\r\nConnection: close\r\n\r\n"
    )
    assert Upstream("http://[::1]:8901").headed(head) == head


@pytest.mark.parametrize(
    "text", ["127.0.0.1:8901", "http://", "http://h/path", "ftp://h", "http://h:port", "http://h:", "http://u:p@h"]
)
def test_only_an_origin_is_an_upstream(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an origin: write http\(s\)://HOST"):
        Upstream(text)


def test_an_upstream_that_cannot_be_reached_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with called(url) as connection:
        connection.sendall(REQUEST)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 502 Bad Gateway")
    assert url.encode() in answer
