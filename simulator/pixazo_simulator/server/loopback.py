"""A loopback port that answers HTTP requests in threads of its own."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, cast

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of a request's body; beyond it the answer is 413."""
CLOSING = 2.0
"""Seconds that requests under way have to end once the port closes."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

log = logging.getLogger("pytest_pixazo")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer; `headers` are sent beside Content-Length and `Connection: close`."""

    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Listener:
    """Listens from its creation until `close`; `answer` is called in a thread per request, and must not raise."""

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        self._server = _Server(answer)
        self._closing = False
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._serve, name=f"pytest-pixazo:{self.origin}", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._closing:
            self._server.handle_request()

    def close(self) -> None:
        """Close the port; requests under way have two seconds to end."""
        self._closing = True
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._server.server_port)):
            pass  # wakes the thread, which waits for a connection
        until = time.monotonic() + CLOSING
        self._thread.join(CLOSING)
        self._server.server_close()
        if self._thread.is_alive() or not self._server.idle(until - time.monotonic()):
            log.warning("%s closed while a request was still being answered", self.origin)


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        self._busy = 0
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the resolver for a name, as HTTPServer would."""
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._count(1)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._changed:
            self._busy += change
            self._changed.notify_all()

    def idle(self, seconds: float) -> bool:
        """Whether no request is under way, at the latest after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as the base class names them
        """Log what a caller that went away, or that speaks no HTTP, brought about."""
        log.debug("port %d could not answer: %r", self.server_port, sys.exception())


class _Handler(BaseHTTPRequestHandler):
    def answer(self) -> None:
        """Read the request whole, answer it, close the connection."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._read_body(headers)
        if body is None:
            self._send(Response(413, f"the body is larger than {BODY_LIMIT} bytes".encode()))
            return
        server = cast("_Server", self.server)
        self._send(server.answer(Request(self.command, self.path, headers, body)))

    def _read_body(self, headers: Mapping[str, str]) -> bytes | None:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._read_chunks()
        length = int(headers.get("content-length", "0"))
        return self.rfile.read(length) if length <= BODY_LIMIT else None

    def _read_chunks(self) -> bytes | None:
        taken = bytearray()
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            taken += self.rfile.read(size)
            self.rfile.readline()
            if len(taken) > BODY_LIMIT:
                return None
        while self.rfile.readline().strip():
            pass  # trailers
        return bytes(taken)

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives
        """Print nothing."""


for _method in METHODS:
    setattr(_Handler, f"do_{_method}", _Handler.answer)
