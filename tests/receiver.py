"""A webhook receiver on loopback that keeps every byte."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

__all__ = ["Callback", "Receiver"]

PATIENCE = 10.0
"""Seconds to wait for a callback that must come."""


@dataclass(frozen=True)
class Callback:
    """One POST as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """`with Receiver() as receiver: ... receiver.url ... receiver.wait(1)`; answers each POST with `status`, over TLS if told so."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.status = 204
        self.received: list[Callback] = []
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        if context:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        origin = "https://localhost" if context else "http://127.0.0.1"
        self.url = f"{origin}:{self._server.server_port}/webhook/callback"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.keep(Callback(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives
                pass

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

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
