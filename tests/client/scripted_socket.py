"""A socket on loopback that says scripted bytes, one connection each, and keeps what it heard."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.patience import PATIENCE

SILENCE = b"<silence>"
"""Said instead of an answer: nothing, until the other side hangs up."""

RESET = b"<reset>"
"""Said instead of an answer: the connection is reset once the request was heard."""


@dataclass(frozen=True)
class Endless:
    """Said instead of an answer: the head, then these bytes again and again, until the other side hangs up."""

    head: bytes
    again: bytes
    every: float = 0
    """Seconds between two of them."""


class ScriptedSocket:
    """Serves while its `serving` block lasts; `heard` holds each connection's request bytes."""

    def __init__(self, *says: bytes | Endless) -> None:
        self.heard: list[bytes] = []
        self.hung_up = 0
        """How many endless answers the other side ended."""
        self._says = says
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def serving(self) -> Generator[ScriptedSocket]:
        """Answer in a thread."""
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            # Whether all was asked for or not, accept() returns: wake it with empty connections.
            while thread.is_alive():
                with socket.socket() as waker:
                    waker.connect_ex(self._listener.getsockname())
                thread.join(0.05)
            self._listener.close()

    def _serve(self) -> None:
        for said in self._says:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                request = _request(connection)
                if not request:
                    continue
                self.heard.append(request)
                if said == SILENCE:
                    connection.recv(1)
                elif isinstance(said, Endless):
                    self._repeat(connection, said)
                elif said == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                else:
                    connection.sendall(said.replace(b"ORIGIN", self.url.encode()))

    def _repeat(self, connection: socket.socket, said: Endless) -> None:
        try:
            connection.sendall(said.head)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                connection.sendall(said.again)
                time.sleep(said.every)
        except OSError:
            self.hung_up += 1


def _request(connection: socket.socket) -> bytes:
    heard = b""
    while b"\r\n\r\n" not in heard:
        if not (more := connection.recv(65536)):
            return b""
        heard += more
    head, _, body = heard.partition(b"\r\n\r\n")
    wanted = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < sum(wanted):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def says(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """An answer after which the connection is closed; length lies if given."""
    lines = [
        f"HTTP/1.1 {status}",
        "Connection: close",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def nowhere() -> str:
    """An address on loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"
