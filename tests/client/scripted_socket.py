"""A socket on loopback that sends scripted responses, one per connection, and keeps the requests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

PATIENCE = 10.0
"""Seconds after which a connection that is not made or not finished fails the test instead of blocking it."""

SILENCE = b"<silence>"
"""Send nothing until the client hangs up."""

RESET = b"<reset>"
"""Reset the connection after the request."""


@dataclass(frozen=True)
class EndlessResponse:
    """Sent instead of a response: a head, then the same bytes until the client hangs up."""

    head: bytes
    again: bytes
    every: float = 0
    """Seconds between two of them."""


class ScriptedSocket:
    """Serves inside its `serving` block; `requests` has the bytes of each connection's request."""

    def __init__(self, *responses: bytes | EndlessResponse) -> None:
        self.requests: list[bytes] = []
        self.hung_up = 0
        """How many endless answers the other side ended."""
        self._responses = responses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def serving(self) -> Generator[ScriptedSocket]:
        """Respond in a thread."""
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            # accept() may still wait for requests that do not come: empty connections end it.
            while thread.is_alive():
                with socket.socket() as waker:
                    waker.connect_ex(self._listener.getsockname())
                thread.join(0.05)
            self._listener.close()

    def _serve(self) -> None:
        for scripted in self._responses:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                request = _request(connection)
                if not request:
                    continue
                self.requests.append(request)
                if scripted == SILENCE:
                    connection.recv(1)
                elif isinstance(scripted, EndlessResponse):
                    self._repeat(connection, scripted)
                elif scripted == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                else:
                    connection.sendall(scripted.replace(b"ORIGIN", self.url.encode()))

    def _repeat(self, connection: socket.socket, scripted: EndlessResponse) -> None:
        try:
            connection.sendall(scripted.head)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                connection.sendall(scripted.again)
                time.sleep(scripted.every)
        except OSError:
            self.hung_up += 1


def _request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        if not (more := connection.recv(65536)):
            return b""
        request += more
    head, _, body = request.partition(b"\r\n\r\n")
    wanted = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < sum(wanted):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def response(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """A response after which the connection is closed; `length` is a wrong Content-Length."""
    lines = [
        f"HTTP/1.1 {status}",
        "Connection: close",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def unused_url() -> str:
    """A URL on loopback where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"
