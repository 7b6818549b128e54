"""HTTP/1.1 as uvicorn speaks it, with a bounded head and JSON errors."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any, Literal, cast

import httptools
import msgspec
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .incoming import HEAD
from .strike import CONNECTION

__all__ = ["BACKLOG", "HEAD_LIMIT", "KEEP_ALIVE", "GatewayProtocol", "configuration"]

BACKLOG = 2048
"""Connections that may wait to be accepted."""
HEAD_LIMIT = 64 * 1024
"""Bytes of a request line and headers together; a longer head is answered 431."""
KEEP_ALIVE = 75
"""Seconds after which an idle connection is closed: far more than the 5 to 10 s between two polls that the page recommends."""
AHEAD_LIMIT = 1024 * 1024
"""Bytes that are read ahead while an answer is held back: who sends more is not seen to leave before the answer."""

_NO_LINGER = struct.pack("ii", 1, 0)
"""Value of SO_LINGER by which closing a socket resets its connection."""


class _Connection:
    """A connection as faults may treat it; `held` says that an answer is being held back on purpose."""

    __slots__ = ("_transport", "held")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.held = False

    def close(self) -> None:
        """End it (TCP FIN) after what was written."""
        self._transport.close()

    def reset(self) -> None:
        """End it at once (TCP RST), through TLS too."""
        if not self._transport.is_closing():
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()


class GatewayProtocol(HttpToolsProtocol):
    """What cannot be parsed is answered in the shape of every other error (HDR-04); faults are lent the connection."""

    _connection: _Connection
    _answering: RequestResponseCycle | None = None

    _ahead = 0
    _head = 0
    _received = 0
    _in_head = False
    _declines = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Keep out of uvicorn's access log, which tells queries with keys as soon as anybody attaches a handler to it."""
        super().connection_made(transport)
        self.access_log = False
        self._connection = _Connection(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered, too: the base class tells the newest, which may still be waiting its turn."""
        self.pipeline.clear()
        if self._answering and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        self._ahead = 0
        super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """End with the server; an answer that is held back on purpose is not waited for."""
        if self._connection.held:
            self.transport.abort()
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that does not end is refused once it is too long."""
        self._unset_keepalive_if_required()
        received = len(data)
        self._received += received
        try:
            while data:
                data = self._feed(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        if self._in_head and self._received > HEAD_LIMIT:
            self._head = self._received
            self.send_400_response("")
        if self._connection.held:
            self._look_out(received)

    def _look_out(self, received: int) -> None:
        """Go on reading what is sent ahead, for a connection that is not read is not seen to end either."""
        self._ahead += received
        if self._ahead <= AHEAD_LIMIT:
            self.flow.resume_reading()

    def _feed(self, data: bytes) -> bytes:
        """Feed the parser, which stops after the head of a request that asks for an upgrade; return what it left.

        No upgrade is offered, and one that is not offered is ignored (RFC 9110, 7.8): the request is fed again without it.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            head = [
                b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
            ]
            head += [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
            self.parser = httptools.HttpRequestParser(self)
            return b"".join([*head, b"\r\n", data[stopped.args[0] :]])
        return b""

    def on_message_begin(self) -> None:
        """Start counting the head of a request."""
        self._head = self._received = 0
        self._in_head = True
        super().on_message_begin()
        lent = cast("dict[str, Any]", self.scope)
        lent[CONNECTION] = self._connection

    def on_url(self, url: bytes) -> None:
        """Count a piece of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def _count(self, length: int) -> None:
        self._head += length
        if self._head > HEAD_LIMIT:
            raise _HeadTooLongError

    def on_headers_complete(self) -> None:
        """Start the request, unless it is to be fed again without its wish for an upgrade."""
        self._in_head = False
        told = cast("dict[str, Any]", self.scope)
        told[HEAD] = self._head
        self._declines = self.parser.should_upgrade() and any(name == b"upgrade" for name, _ in self.headers)
        if not self._declines:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the request, unless it is to be fed again."""
        if not self._declines:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, or one with too long a head, then close the connection."""
        if self.transport.is_closing():
            return
        line, title = b"400 Bad Request", "Bad Request"
        if self._head > HEAD_LIMIT:
            line, title = b"431 Request Header Fields Too Large", "Request Header Fields Too Large"
            msg = f"The request line and headers are longer than {HEAD_LIMIT} bytes."
        body = msgspec.json.encode({"error": title, "message": msg})
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
            % (line, len(body), body)
        )
        self.transport.close()


def configuration(app: ASGIApp, protocol: type[GatewayProtocol], lifespan: Literal["on", "off"]) -> uvicorn.Config:
    """How uvicorn is to serve an application: nothing is added to what it says, and nothing is logged."""
    return uvicorn.Config(
        _cancellable(app), http=protocol, ws="none", lifespan=lifespan, log_config=None, access_log=False,
        server_header=False, date_header=False, backlog=BACKLOG, timeout_keep_alive=KEEP_ALIVE,
    )  # fmt: skip


def _cancellable(app: ASGIApp) -> ASGIApp:
    """The application without the traceback that uvicorn logs for a request that was cancelled because the server stops."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return serve


class _HeadTooLongError(Exception):
    """Ends the parsing of a request; httptools reports it as a parser error."""
