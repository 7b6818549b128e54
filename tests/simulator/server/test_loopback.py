"""The HTTP server behind the inbox and the explorer's proxy: what it answers, its bound on bodies, and its end."""

from __future__ import annotations

import socket
import threading
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from pixazo_simulator.server import HttpRequest, HttpResponse, LoopbackServer, loopback

POST = "POST /a?b=c HTTP/1.1\r\nHost: x\r\n"
TOO_LARGE = b"HTTP/1.1 413 %b\r\ncontent-length: 32\r\nconnection: close\r\n\r\nthe body is larger than 10 bytes" % (
    HTTPStatus(413).phrase.encode()  # Python 3.13 says Content Too Large
)


def exchange(server: LoopbackServer, request: str) -> bytes:
    """All bytes that come back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", urlsplit(server.origin).port or 0), timeout=10) as peer:
        peer.sendall(request.encode())
        return b"".join(iter(lambda: peer.recv(65536), b""))


def echo(request: HttpRequest) -> HttpResponse:
    """A response with the target and the body; its Connection header is replaced."""
    if request.body == b"raise":
        raise LookupError
    return HttpResponse(200, request.target.encode() + request.body, {"X-Kept": "1", "Connection": "keep-alive"})


def test_responses_and_the_bound_on_bodies(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Every response ends its connection; a body beyond the bound is 413 by its length, and in chunks; an exception is a logged 500."""
    monkeypatch.setattr(loopback, "BODY_LIMIT", 10)
    head = b"HTTP/1.1 200 OK\r\nx-kept: 1\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    with LoopbackServer(echo) as server:
        assert exchange(server, POST + "Content-Length: 2\r\n\r\nhi") == head % 8 + b"/a?b=chi"
        assert exchange(server, POST.replace("POST", "HEAD") + "\r\n") == head % 6
        assert exchange(server, POST + "Content-Length: 11\r\n\r\n") == TOO_LARGE
        assert (
            exchange(server, POST + "Transfer-Encoding: chunked\r\n\r\nb\r\n" + "x" * 11 + "\r\n0\r\n\r\n") == TOO_LARGE
        )
        assert exchange(server, POST + "Content-Length: 5\r\n\r\nraise").startswith(b"HTTP/1.1 500 ")
    assert "LookupError" in caplog.text


@pytest.mark.slow
def test_its_end_does_not_wait_for_a_response(caplog: pytest.LogCaptureFixture) -> None:
    """A request that is still being answered is named in a warning, and its connection closed."""
    asked, released = threading.Event(), threading.Event()

    def respond(_: HttpRequest) -> HttpResponse:
        asked.set()
        released.wait(30)
        return HttpResponse()

    server = LoopbackServer(respond)
    received: list[bytes] = []
    calling = threading.Thread(
        target=lambda: received.append(exchange(server, POST + "Content-Length: 0\r\n\r\n")), daemon=True
    )
    calling.start()
    assert asked.wait(10)
    server.close()
    calling.join(10)
    released.set()
    assert received == [b""]
    assert f"{server.origin} was closed while POST /a?b=c was being answered" in caplog.text
