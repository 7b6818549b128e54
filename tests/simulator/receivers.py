"""A receiver on loopback that answers raw bytes, echoes, or misbehaves."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

__all__ = ["Conduct", "Listener", "Posted", "answer"]


class Conduct(Enum):
    """What a receiver may do instead of giving a ready answer."""

    ECHOING = auto()
    SILENT = auto()
    DRIPPING = auto()
    ENDLESS_HEAD = auto()
    ENDLESS_BODY = auto()
    HANGING_UP = auto()


@dataclass(frozen=True)
class Posted:
    """One request as it arrived: its first line, its headers by lower-case name, its body."""

    line: str
    headers: dict[str, str]
    body: bytes


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole HTTP answer."""
    told = {"content-length": str(len(body)), "connection": "close"} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body


class Listener:
    """`with Listener(answer(500), answer(204)) as listener:`; the last answer is given again and again."""

    def __init__(self, *answers: bytes | Conduct) -> None:
        self.heard: list[Posted] = []
        self._answers = list(answers) or [answer(204)]
        self._closing = threading.Event()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.port: int = self._server.server_address[1]
        self.authority = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.authority}/hook"

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        listener = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline().decode().strip()
                headers: dict[str, str] = {}
                while text := self.rfile.readline().decode().strip():
                    name, _, value = text.partition(": ")
                    headers[name.lower()] = value
                body = self.rfile.read(int(headers.get("content-length", 0)))
                listener.heard.append(Posted(line, headers, body))
                listener.reply(body, self.wfile.write)

        return Handler

    def reply(self, body: bytes, write: Callable[[bytes], object]) -> None:
        """Give the next answer to a request with this body."""
        said = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        match said:
            case bytes():
                write(said)
            case Conduct.ECHOING:
                write(answer(200, body))
            case Conduct.SILENT:
                self._closing.wait()
            case Conduct.DRIPPING:
                self._drip(write)
            case Conduct.ENDLESS_HEAD:
                self._pour(write, b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1_000)
            case Conduct.ENDLESS_BODY:
                self._pour(write, b"HTTP/1.1 200 OK\r\n\r\n", b" " * 10_000)
            case Conduct.HANGING_UP:
                pass

    def _drip(self, write: Callable[[bytes], object]) -> None:
        """One byte of a header that never ends, again and again."""
        try:
            write(b"HTTP/1.1 200 OK\r\nx: ")
            while not self._closing.wait(0.005):
                write(b"a")
        except OSError:
            pass  # the caller has had enough

    def _pour(self, write: Callable[[bytes], object], first: bytes, more: bytes) -> None:
        """As much as the caller takes."""
        try:
            write(first)
            while not self._closing.is_set():
                write(more)
        except OSError:
            pass  # the caller has had enough

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
