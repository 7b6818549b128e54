"""HTTP/1.1 as uvicorn speaks it, with a bounded head and JSON errors."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Literal, cast

import httptools
import msgspec
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from pixazo_simulator.spec import HEAD_LIMIT

from .asgi import HEADER_BYTES
from .fault_injection import CONNECTION

BACKLOG = 2048
"""Connections that may wait to be accepted."""
HEAD_TIMEOUT = 30.0
"""Seconds from the first byte of a head to its end; a later one is answered 408."""
BODY_TIMEOUT = 30.0
"""Seconds in which a body that has begun must go on; one that does not is answered 408."""
KEEP_ALIVE = 75
"""Seconds after which an idle connection is closed, one on which nothing was ever sent too: far more than the 5 to 10 s between two polls that the page recommends."""
AHEAD_LIMIT = 1024 * 1024
"""Bytes that are read ahead while an answer is held back; the connection of a caller that sends more is reset."""
MOST_WAITING = 16
"""Requests of one connection that may wait for their turn; what is sent behind them is parsed later."""
HEAD_PIECE, BODY_PIECE = 2 * 1024, 64 * 1024
"""Bytes that are parsed at once: a piece of 2 KiB holds some 75 requests at most."""

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


class _Flow(FlowControl):
    """Reading stays paused while there is a `backlog` of bytes that were read and not parsed."""

    backlog = False

    def resume_reading(self) -> None:
        """Read on, unless there is a backlog."""
        if not self.backlog:
            super().resume_reading()


class Connections(ServerState):
    """The connections of one port; once it is closed, one whose handshake or acceptance was under way is reset."""

    is_closed = False


class GatewayProtocol(HttpToolsProtocol):
    """What cannot be parsed is answered in the shape of every other error (HDR-04); faults are lent the connection."""

    _flow: _Flow
    _connection: _Connection
    _unread = memoryview(b"")
    _answering: RequestResponseCycle | None = None

    _ahead = 0
    _head = 0
    _idle = 0
    _in_head = False
    _in_body = False
    _declines = False
    _deadline: asyncio.TimerHandle | None = None
    _refusal: bytes | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Keep out of uvicorn's access log, which tells queries with keys as soon as anybody attaches a handler to it."""
        super().connection_made(transport)
        self.access_log = False
        self.flow = self._flow = _Flow(transport)
        self._connection = _Connection(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        if getattr(self.server_state, "is_closed", False):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered, too: the base class tells the newest, which may still be waiting its turn."""
        self.pipeline.clear()
        self._unread = memoryview(b"")
        self._unset_keepalive_if_required()
        self._unset_deadline()
        if self._answering:
            _disconnect(self._answering)
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        self._ahead = 0
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request, or with the refusal that had to wait for this answer."""
        super().on_response_complete()
        if self._refusal and not self._is_answering():
            self._end(self._refusal)
        elif self._unread:
            self._parse_unread()

    def _is_answering(self) -> bool:
        return self._answering is not None and not self._answering.response_complete

    def shutdown(self) -> None:
        """End with the server; an answer that is held back on purpose is not waited for."""
        if self._connection.held:
            self.transport.abort()
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that does not end is refused once it is too long, or after its deadline."""
        if self._refusal is None:
            self._unread = memoryview(self._unread.tobytes() + data if self._unread else data)
            self._parse_unread()
        if self._connection.held:
            self._look_out(len(data))

    def _parse_unread(self) -> None:
        """Parse what was received until enough requests wait: each takes far more memory than the bytes that ask for it."""
        while self._unread and self._refusal is None and len(self.pipeline) < MOST_WAITING:
            size = BODY_PIECE if self._in_body else HEAD_PIECE
            piece, self._unread = self._unread[:size], self._unread[size:]
            self._parse(piece)
        self._flow.backlog = bool(self._unread)
        if self._flow.backlog:
            self.flow.pause_reading()
        elif not self.pipeline:
            self.flow.resume_reading()

    def _parse(self, left: memoryview) -> None:
        self._idle += len(left)
        try:
            while left:
                left = self._feed(left)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            reason = error.__context__
            self._refuse(reason if isinstance(reason, _Refusal) else _Refusal(*_INVALID))
        else:
            if self._idle > HEAD_LIMIT:
                self._refuse(_Refusal(*_TOO_LONG))
            else:
                self._set_deadline()

    def _look_out(self, received: int) -> None:
        """Go on reading what is sent ahead, for a connection that is not read is not seen to end either."""
        self._ahead += received
        if self._ahead > AHEAD_LIMIT:
            self._connection.reset()
            return
        self._flow.backlog = False
        self.flow.resume_reading()

    def _feed(self, data: memoryview) -> memoryview:
        """Feed the parser, which stops after the head of a request that asks for an upgrade; return what it left.

        No upgrade is offered, and one that is not offered is ignored (RFC 9110, 7.8): the head is fed again without it.
        Where the parser stops for anything else, it raises HttpParserUpgrade: fed again, that would stop it for ever.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            if not self._declines:
                raise
            read: int = stopped.args[0]
        else:
            return data[:0]
        head = [b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        head += [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as the base class has it
        self.parser.feed_data(b"".join([*head, b"\r\n"]))
        return data[read:]

    def _set_deadline(self) -> None:
        """Give the caller time for the rest of a head, however it drips in, or until the next piece of a body."""
        if self._in_body:
            self._unset_deadline()
        if self._deadline is None and (self._in_head or self._in_body):
            seconds = HEAD_TIMEOUT if self._in_head else BODY_TIMEOUT
            self._deadline = self.loop.call_later(seconds, self._time_out, seconds)

    def _unset_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _time_out(self, seconds: float) -> None:
        """Refuse what is late, unless it is late because it is not read, or would be answered after something else."""
        self._deadline = None
        waits = self._is_answering() and (self._in_head or self.cycle is not self._answering)
        if waits or self._connection.held or self.flow.read_paused:
            self._set_deadline()
        else:
            what = "head was not complete" if self._in_head else "body did not go on"
            self._refuse(_Refusal(HTTPStatus.REQUEST_TIMEOUT, f"The request's {what} within {seconds:g} s."))

    def on_message_begin(self) -> None:
        """Start counting the head of a request."""
        self._unset_keepalive_if_required()
        self._head = self._idle = 0
        self._in_head = True
        super().on_message_begin()
        lent = cast("dict[str, Any]", self.scope)
        lent[CONNECTION] = self._connection

    def on_url(self, url: bytes) -> None:
        """Count a piece of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header; one after a body is not taken for one of the head."""
        self._count(len(name) + len(value) + 4)
        if self._in_head:
            super().on_header(name, value)

    def _count(self, length: int) -> None:
        self._head += length
        if self._head > HEAD_LIMIT:
            raise _Refusal(*_TOO_LONG)

    def on_headers_complete(self) -> None:
        """Start the request, unless it is to be refused, or fed again without its wish for an upgrade."""
        self._in_head = False
        self._idle = 0
        self._unset_keepalive_if_required()  # set when the answer before was given while this head came in
        self._unset_deadline()
        if self.parser.get_method() == b"CONNECT":
            raise _Refusal(*_CONNECT)
        told = cast("dict[str, Any]", self.scope)
        told[HEADER_BYTES] = self._head
        self._declines = self.parser.should_upgrade() and any(name == b"upgrade" for name, _ in self.headers)
        if self._declines:
            return
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() >= "1.1"):  # RFC 9112, 3.2
            raise _Refusal(HTTPStatus.BAD_REQUEST, f"The request has {hosts or 'no'} Host header{'s' * (hosts > 1)}.")
        super().on_headers_complete()
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._idle = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request, unless it is to be fed again."""
        if not self._declines:
            self._in_body = False
            self._idle = 0
            self._unset_deadline()
            super().on_message_complete()

    def _refuse(self, refusal: _Refusal) -> None:
        """Answer for the last time, after what is still to be answered, then close the connection; nothing more is read."""
        self._refusal = refusal.answer()
        self._unread = memoryview(b"")
        self._unset_deadline()
        if self._in_body and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()  # the request that is refused, which has not had its turn
        elif self._in_body and self._is_answering():
            _disconnect(self.cycle)
            self._end(self._refusal, said=self.cycle.response_started)
            return
        if not self._is_answering():
            self._end(self._refusal, said=self._in_body)

    def _end(self, refusal: bytes, *, said: bool = False) -> None:
        """Answer with a refusal, unless an answer was given before, and close the connection."""
        if self.transport.is_closing():
            return
        if not said:
            self.transport.write(refusal)
        self.transport.close()


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Tell a request that nobody waits for its answer."""
    if not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()


class _Refusal(Exception):  # noqa: N818 - it is an answer
    """Ends the parsing of requests and the connection; httptools reports it as the context of a parser error."""

    def __init__(self, status: HTTPStatus, message: str, headers: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers

    def answer(self) -> bytes:
        """The bytes of the answer, in the shape of every other error."""
        body = msgspec.json.encode({"error": self.status.phrase, "message": str(self)})
        return (
            b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%sconnection: close\r\n\r\n%s"
            % (self.status, self.status.phrase.encode(), len(body), self.headers, body)
        )


_INVALID = (HTTPStatus.BAD_REQUEST, "Invalid HTTP request received.")
_TOO_LONG = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"The request line and headers are longer than {HEAD_LIMIT} bytes.",
)
_CONNECT = (
    HTTPStatus.METHOD_NOT_ALLOWED,
    "CONNECT asks for a proxy, and this is the gateway: for a client that wants a proxy there is pixazo-sim exec.",
    b"allow: GET, POST\r\n",
)


def configuration(app: ASGIApp, protocol: type[GatewayProtocol], lifespan: Literal["on", "off"]) -> uvicorn.Config:
    """How uvicorn is to serve an application: nothing is added to what it says, and nothing is logged."""
    return uvicorn.Config(
        _cancellable(app), http=protocol, ws="none", lifespan=lifespan, log_config=None, access_log=False,
        server_header=False, date_header=False, proxy_headers=False, backlog=BACKLOG, timeout_keep_alive=KEEP_ALIVE,
    )  # fmt: skip


def _cancellable(app: ASGIApp) -> ASGIApp:
    """The application without the traceback that uvicorn logs for a request that was cancelled because the server stops."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return serve
