"""A receiver on loopback that keeps every byte, and answers as a test wants it: with a status code, with raw bytes, or badly."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

from tests.patience import PATIENCE

__all__ = ["Behaviour", "Callback", "Receiver", "http_response"]


class Behaviour(Enum):
    """What a receiver may do instead of giving a ready answer."""

    ECHOING = auto()
    SILENT = auto()
    DRIPPING = auto()
    ENDLESS_HEAD = auto()
    ENDLESS_BODY = auto()
    HANGING_UP = auto()


@dataclass(frozen=True)
class Callback:
    """One request as it arrived: its first line, its headers as they were written, its body."""

    line: str
    written: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        """The target of the first line."""
        return self.line.split()[1]

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by lower-case name."""
        return {name.lower(): value for name, value in self.written}


def http_response(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole HTTP answer."""
    written = {"content-length": str(len(body)), "connection": "close"} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in written.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body


class Receiver:
    """`with Receiver(http_response(500), http_response(204)) as receiver: ... receiver.url ... receiver.wait(1)`, over TLS with a context.

    The last of the answers is given again and again; without any, `status` is.
    """

    def __init__(self, *responses: bytes | Behaviour, context: ssl.SSLContext | None = None) -> None:
        self.status = 204
        self.received: list[Callback] = []
        self._responses = list(responses)
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        if context:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        self.authority = f"{'localhost' if context else '127.0.0.1'}:{self.port}"
        self.url = f"{'https' if context else 'http'}://{self.authority}/hook"

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline().decode("latin-1").strip()
                if " HTTP/1." not in line:
                    return  # such as the first bytes of TLS
                written: list[tuple[str, str]] = []
                while text := self.rfile.readline().decode("latin-1").strip():
                    name, _, value = text.partition(": ")
                    written.append((name, value))
                length = next((int(value) for name, value in written if name.lower() == "content-length"), 0)
                callback = Callback(line, tuple(written), self.rfile.read(length))
                receiver.keep(callback)
                with suppress(OSError):  # the caller has had enough
                    receiver.reply(callback, self.wfile.write)

        return Handler

    def keep(self, callback: Callback) -> None:
        """Enter a callback."""
        with self._arrived:
            self.received.append(callback)
            self._arrived.notify_all()

    def wait(self, count: int = 1) -> list[Callback]:
        """The callbacks received, once there are `count`."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.received) >= count, PATIENCE), self.received
            return list(self.received)

    def response_to(self, _callback: Callback) -> bytes | Behaviour:
        """What a callback is answered."""
        if not self._responses:
            return http_response(self.status)
        return self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]

    def reply(self, callback: Callback, write: Callable[[bytes], object]) -> None:
        """Answer a callback; raises OSError when the caller has hung up."""
        match self.response_to(callback):
            case bytes() as response:
                write(response)
            case Behaviour.ECHOING:
                write(http_response(200, callback.body))
            case Behaviour.SILENT:
                self._closing.wait()
            case Behaviour.DRIPPING:
                write(b"HTTP/1.1 200 OK\r\nx: ")
                while not self._closing.wait(0.005):
                    write(b"a")
            case Behaviour.ENDLESS_HEAD:
                self._pour(write, b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1_000)
            case Behaviour.ENDLESS_BODY:
                self._pour(write, b"HTTP/1.1 200 OK\r\n\r\n", b" " * 10_000)
            case Behaviour.HANGING_UP:
                pass

    def _pour(self, write: Callable[[bytes], object], first: bytes, more: bytes) -> None:
        """As much as the caller takes."""
        write(first)
        while not self._closing.is_set():
            write(more)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128
