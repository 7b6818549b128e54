"""HTTP/1.1: uvicorn's protocol class with bounds, deadlines, errors in the gateway's JSON, and a direct way to the gateway."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, cast
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pixazo_simulator.gateway import Request, Response, RoutedRequest
from pixazo_simulator.spec import HEAD_LIMIT, KEY_HEADER, queue_error

HEADER_BYTES = "pixazo.header_bytes"
"""Key of the ASGI scope under which the protocol states how many bytes the request line and headers have."""
ANSWERED = "pixazo.answered"
"""Key of the ASGI scope under which the protocol hands over a response that cannot be sent immediately, and its route."""
CONNECTION = "pixazo.connection"
"""Key of the ASGI scope under which the protocol passes itself to the application."""
HEAD_TIMEOUT = 30.0
"""Seconds from the first byte of a request line to the end of the headers; then the response is 408."""
BODY_TIMEOUT = 30.0
"""Seconds until the next piece of a body; then the response is 408."""
AHEAD_LIMIT = 1024 * 1024
"""Bytes that a client may send while a fault delays its response; then the connection is reset."""
MOST_WAITING = 16
"""Pipelined requests of one connection that may wait; later bytes are parsed once one of them has been answered."""
_NO_LINGER = struct.pack("ii", 1, 0)
"""The value of SO_LINGER with which close() sends RST instead of FIN."""
MOST_HEADS = 1024
"""Parsed heads of requests that are kept; each is part of a piece of 2 KiB."""
_BLANK = b"\r\n\r\n"
HEAD_PIECE, BODY_PIECE = 2 * 1024, 64 * 1024
"""Bytes that are parsed at a time: a piece of 2 KiB contains 75 requests at most."""


class _Refusal(Exception):  # noqa: N818 - it is a response
    """Ends the parsing and then the connection. Raised in a callback, it is the `__context__` of the parser's own error."""

    def __init__(self, status: HTTPStatus, message: str, headers: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers

    def response(self) -> bytes:
        """The response, in the shape of every other error of the gateway (HDR-04)."""
        body = queue_error(self.status, self.status.phrase, str(self)).body
        return (
            b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%sconnection: close\r\n\r\n%s"
            % (self.status, self.status.phrase.encode(), len(body), self.headers, body)
        )


TOO_LONG = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"The request line and headers are longer than {HEAD_LIMIT} bytes.",
)


class _Flow(FlowControl):
    """Reading stays paused while `backlog` says that bytes were received and not parsed."""

    backlog = False

    def resume_reading(self) -> None:
        if not self.backlog:
            super().resume_reading()


_copied = cast("Callable[[Request], Request]", Request.__copy__)  # type: ignore[attr-defined]  # three times as fast as copy()


class DirectWay(Protocol):
    """Answers requests without ASGI, as `GatewayApp` does."""

    def begin(self, request: Request) -> RoutedRequest | None: ...

    def answer(self, request: Request, route: RoutedRequest, *, keep_alive: bool) -> bytes | Response: ...


class Heads:
    """The latest heads of requests that were answered directly, by their bytes: a polling client sends the same head each time.

    They belong to clients that called one address, since that is the origin of a request without a usable Host header.
    """

    def __init__(self) -> None:
        self._requests: dict[bytes, Request] = {}

    def find(self, data: bytes) -> tuple[Request, bytes] | None:
        """The request in these bytes, and its body; None when the head is not known, or when there is more or less than one request."""
        request = self._requests.get(data)
        if request and not request.content_length:  # otherwise the head has arrived without the blank line that ends it
            return request, b""
        head, _, body = data.partition(_BLANK)
        request = self._requests.get(head)
        return (request, body) if request and len(body) == request.content_length else None

    def keep(self, data: bytes, request: Request) -> None:
        """Keep the head of the one request in these bytes, as it is before routing."""
        head, _, body = data.partition(_BLANK)
        if len(body) != request.content_length:
            return  # the head ends otherwise, or blank lines follow
        if len(self._requests) >= MOST_HEADS:
            self._requests.clear()
        self._requests[head if body else data] = request


class GatewayProtocol(HttpToolsProtocol):
    """One connection of a client.

    The bytes received are parsed piece by piece; for each request the parser calls the methods `on_...`. There are two ways to a response:

    - *direct*: a request of the gateway with a small body is answered in `on_message_complete`, head and body in one write;
    - *ASGI*, for everything else: the base class runs the application from `on_headers_complete` on (`_pass_on`), and calls
      `on_response_complete` after the response. Requests that arrive meanwhile (pipelining) wait in `pipeline`; so none is answered
      directly while another one is being answered. A response that has to wait, or that a fault changes, is handed over to ASGI.

    A request that cannot be parsed, is too long or arrives too late is refused after the responses to those before it, and the
    connection is closed: the start of the next request cannot be determined.
    """

    held = False
    """Whether a fault is holding a response back on purpose: a server that stops does not wait for it. Set by `hold`."""
    _flow: _Flow
    _current: RequestResponseCycle | None = None  # the request that is being answered; `self.cycle` is the newest one
    _direct: tuple[Request, RoutedRequest] | None = None  # the request that is answered directly
    _newest: Request  # the latest request that was answered directly, before it was routed
    _handed_over: tuple[Response, RoutedRequest] | None = None  # what the application must send to the next one
    _is_at_rest = True  # every request has been answered, and the parser is between two of them
    _heads: Heads

    _received = memoryview(b"")  # bytes that have not been parsed yet
    _in_head = False  # between the first byte of a request line and the end of the headers
    _in_body = False  # between the end of the headers and the end of the body
    _head_length = 0  # bytes of the request line and headers
    _hosts = 0  # Host headers
    _is_chunked = False
    _overhead = 0  # bytes since the last useful one: blank lines before a request, chunk extensions, trailers
    _ahead = 0  # bytes received while a fault delays the response
    _ignores_upgrade = False  # the headers ask for an upgrade: they are parsed again without it

    _idle_since = 0.0  # the time of the loop at which the last response was complete
    _deadline: asyncio.TimerHandle | None = None
    _refusal: bytes | None = None  # the last response, once a request has been refused
    _has_ended = False  # the client has closed its side: it sends no more

    def __init__(self, config: Config, *arguments: Any, **named: Any) -> None:
        super().__init__(config, *arguments, **named)
        self._way: DirectWay | None = getattr(config, "direct", None)

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn has the same annotation
        """Begin with the keep-alive time-out, which also closes a connection on which nothing is ever sent."""
        super().connection_made(transport)
        self.access_log = False  # uvicorn's access log shows queries with keys as soon as it has a handler
        self.flow = self._flow = _Flow(transport)
        self._idle_since = self.loop.time()
        if self._way:
            self._heads = cast("Any", self.config).heads.setdefault((self.scheme, self.server), Heads())
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        if getattr(self.server_state, "is_closed", False):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Disconnect the request that is being answered: the base class disconnects only the newest one."""
        self.pipeline.clear()
        self._received = memoryview(b"")
        self._direct = None
        if self.timeout_keep_alive_task:
            self.timeout_keep_alive_task.cancel()
        self._unset_deadline()
        if self._current:
            _disconnect(self._current)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End with the server, without waiting for a response that a fault delays."""
        if self.held:
            self.transport.abort()
        else:
            if self._direct:  # the server waits for the application, but not for long
                self._pass_on()
            super().shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._current = cycle
        self._ahead = 0
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Continue with the next request, or with the refusal that waited for this response."""
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refusal:
            self._end(self._refusal)
        else:
            self._is_at_rest = not (self._in_head or self._in_body)
        if self._received:
            self._parse_received()
        elif self._has_ended and not self.is_responding():
            self.transport.close()

    def hold(self) -> None:
        """Let a fault hold a response back, as long as the client stays: only an open connection shows that it does."""
        self.held = True
        if self._has_ended:
            self.transport.close()

    def reset(self) -> None:
        """Reset the connection immediately (TCP RST), also under TLS."""
        if not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    def is_responding(self) -> bool:
        return self._current is not None and not self._current.response_complete

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for long enough. Restarting a timer with each request would cost more than parsing it."""
        is_busy = self._in_head or self._in_body or self.is_responding()
        left = self.timeout_keep_alive - (0 if is_busy else self.loop.time() - self._idle_since)
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    # Receiving

    def data_received(self, data: bytes) -> None:
        """Parse what arrives, unless its head was parsed before; after a refusal discard it."""
        if self._way is not None and self._is_at_rest and not self._received and not self.flow.write_paused:
            if (known := self._heads.find(data)) and self._answer_again(*known):
                return
            answered = self.server_state.total_requests
            self._received = memoryview(data)
            self._parse_received()
            is_single = self.server_state.total_requests == answered + 1 and len(data) <= HEAD_PIECE
            if is_single and self._is_at_rest:
                self._heads.keep(data, self._newest)
        elif self._refusal is None:
            self._received = memoryview(self._received.tobytes() + data if self._received else data)
            self._parse_received()
        if self.held:  # the end of a connection is seen only by reading: continue
            self._ahead += len(data)
            if self._ahead > AHEAD_LIMIT:
                self.reset()
            else:
                self._flow.backlog = False
                self.flow.resume_reading()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio takes a bool
        """Keep the connection for the responses that are due: a client may close its side after its last request, as `nc -N` does.

        Not while a fault holds one back: a client that has gone looks alike. Nor for half a request, or under TLS, which cannot.
        """
        self._has_ended = True
        if self._in_body and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()  # half a request, which the application has not seen
        elif self._in_body and self.cycle is self._current:
            return False
        return self.is_responding() and not self.held and self.scheme == "http"

    def _parse_received(self) -> None:
        """Parse until enough requests wait (each takes some 2 KiB); after those that were answered directly, serve others."""
        while self._received and self._refusal is None and len(self.pipeline) < MOST_WAITING:
            size = BODY_PIECE if self._in_body else HEAD_PIECE
            piece, self._received = self._received[:size], self._received[size:]
            answered = self.server_state.total_requests
            self._parse(piece)
            if self._received and self.server_state.total_requests != answered:
                self.loop.call_soon(self._parse_rest)
                break
        self._flow.backlog = bool(self._received)
        if self._flow.backlog:
            self.flow.pause_reading()
        elif not self.pipeline:
            self.flow.resume_reading()

    def _parse_rest(self) -> None:
        if not self.transport.is_closing():
            self._parse_received()

    def _parse(self, piece: memoryview) -> None:
        self._overhead += len(piece)
        try:
            while piece:
                piece = self._feed(piece)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            reason, invalid = error.__context__, "Invalid HTTP request received."
            self._refuse(reason if isinstance(reason, _Refusal) else _Refusal(HTTPStatus.BAD_REQUEST, invalid))
        else:
            if self._overhead > HEAD_LIMIT:
                self._refuse(_Refusal(*TOO_LONG))
            else:
                self._set_deadline()

    def _feed(self, data: memoryview) -> memoryview:
        """Feed the parser and return what it left: it stops after the headers of a request that asks for an upgrade.

        An upgrade may be ignored (RFC 9110, 7.8): the headers are parsed again without it. Where the parser stops for another
        reason, it would stop there forever: HttpParserUpgrade is raised.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            if not self._ignores_upgrade:
                raise
            consumed: int = stopped.args[0]
        else:
            return data[:0]
        head = [b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        head += [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        # As that of the base class, in whose place it is.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(b"".join([*head, b"\r\n"]))
        return data[consumed:]

    # The request line and headers

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = self._is_chunked = False
        self._head_length = self._overhead = self._hosts = 0
        self._in_head = True
        self._is_at_rest = False

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a field of a trailer, which is ignored: it must not add a key or a host (RFC 9110, 6.5.1)."""
        self._count(len(name) + len(value) + len(b": \r\n"))
        if not self._in_head:
            return
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"transfer-encoding":
            self._is_chunked = True
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def _count(self, length: int) -> None:
        self._head_length += length
        if self._head_length > HEAD_LIMIT:
            raise _Refusal(*TOO_LONG)

    def on_headers_complete(self) -> None:
        """Choose the way, unless the request is refused, or its headers must be parsed again."""
        self._in_head = False
        self._overhead = 0
        self._unset_deadline()
        parser = self.parser
        if parser.get_method() == b"CONNECT":
            raise _Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "CONNECT is for proxies, and this is the gateway: run clients that need a proxy under pixazo-sim exec.",
                b"allow: GET, POST\r\n",
            )
        self._ignores_upgrade = parser.should_upgrade() and any(name == b"upgrade" for name, _ in self.headers)
        if self._ignores_upgrade:
            return
        # RFC 9112, 3.2: 400 for an HTTP/1.1 request without a Host header, and for any request with several.
        hosts = self._hosts
        if hosts != 1 and (hosts or parser.get_http_version() >= "1.1"):
            raise _Refusal(HTTPStatus.BAD_REQUEST, f"The request has {hosts or 'no'} Host header{'s' * (hosts > 1)}.")
        if not self.url.startswith((b"/", b"*")):  # RFC 9112, 3.2.2: the host of an absolute target counts instead
            host = self.url.partition(b"//")[2].partition(b"/")[0].rpartition(b"@")[2]  # without user and password
            self.headers = [(name, host if name == b"host" else value) for name, value in self.headers]
        if self.transport.is_closing():
            raise _Refusal(HTTPStatus.BAD_REQUEST, "The connection is closed.")  # which is never read
        self._direct = None if self._handed_over else self._begin_directly()
        if self._direct is None:
            self._pass_on()
        self._in_body = True

    def _begin_directly(self) -> tuple[Request, RoutedRequest] | None:
        if (
            self._way is None
            or self._is_chunked
            or self.expect_100_continue
            or self.is_responding()
            or self.flow.write_paused
        ):
            return None
        if _PLAIN_PATH.fullmatch(self.url):
            path, query = self.url.decode(), b""
        else:
            parsed = httptools.parse_url(self.url)
            path, query = unquote(parsed.path.decode("ascii")), parsed.query or b""
        self._newest = Request(
            method=self.parser.get_method().decode(), path=path, query=query, headers=tuple(self.headers), scheme=self.scheme or "http",
            server=self.server or ("localhost", None), header_bytes=self._head_length,
        )  # fmt: skip
        request = _copied(self._newest)
        route = self._way.begin(request)
        return None if route is None else (request, route)

    def _pass_on(self) -> None:
        """Let the application answer the request whose head is complete, with the part of its body that has arrived."""
        direct, self._direct = self._direct, None
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the list in the scope
        scope = cast("dict[str, Any]", self.scope)
        scope |= {CONNECTION: self, HEADER_BYTES: self._head_length, ANSWERED: self._handed_over}
        self._handed_over = None
        super().on_headers_complete()
        if direct:
            self.cycle.body += direct[0].body or b""

    # The body

    def on_body(self, body: bytes) -> None:
        self._overhead = 0
        if self._direct:
            request, _ = self._direct
            request.body = request.body + body if request.body else body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete, unless its headers must be parsed again."""
        if self._ignores_upgrade:
            return
        self._in_body = False
        self._overhead = 0
        self._unset_deadline()
        if self._direct:
            self._answer_directly(*self._direct)
        else:
            super().on_message_complete()

    def _answer_directly(self, request: Request, route: RoutedRequest) -> None:
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        answered = cast("DirectWay", self._way).answer(request, route, keep_alive=keep_alive)
        if isinstance(answered, Response):
            self._handed_over = answered, route
            self._pass_on()
            super().on_message_complete()
            return
        self._direct = None
        self._write(answered)
        if keep_alive:
            self._is_at_rest = True
        else:
            self.transport.close()

    def _answer_again(self, known: Request, body: bytes) -> bool:
        """Answer a request whose head, which keeps the connection alive, was parsed before; False when it must be parsed again for ASGI."""
        way, request = cast("DirectWay", self._way), _copied(known)
        if (route := way.begin(request)) is None:
            return False
        request.body = body
        answered = way.answer(request, route, keep_alive=True)
        if isinstance(answered, Response):
            self._handed_over = answered, route
            return False
        self._overhead = 0
        self._write(answered)
        return True

    def _write(self, response: bytes) -> None:
        self.transport.write(response)
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()

    # Refusals and deadlines

    def _refuse(self, refusal: _Refusal) -> None:
        """Send the last response after those that are still due, then close the connection."""
        self._refusal = refusal.response()
        self._is_at_rest = False
        self._received = memoryview(b"")
        self._unset_deadline()
        if self._direct:  # the refused request itself, and there is no other
            self._direct = None
            self._end(self._refusal)
            return
        if self._in_body and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()  # the refused request itself, which the application has not seen
        elif self._in_body and self.is_responding():
            _disconnect(self.cycle)
            self._end(self._refusal, has_responded=self.cycle.response_started)
            return
        if not self.is_responding():
            self._end(self._refusal, has_responded=self._in_body)

    def _end(self, refusal: bytes, *, has_responded: bool = False) -> None:
        """Close the connection, after the refusal unless the request has a response already."""
        if self.transport.is_closing():
            return
        if not has_responded:
            self.transport.write(refusal)
        self.transport.close()

    def _set_deadline(self) -> None:
        """Set the deadline for the rest of the headers, however slowly they arrive, or for the next piece of the body."""
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
        """Refuse a late request, unless it is late because the server does not read, or because another response comes first."""
        self._deadline = None
        waits = self.is_responding() and (self._in_head or self.cycle is not self._current)
        if waits or self.held or self.flow.read_paused:
            self._set_deadline()
        else:
            late = "The request head was not complete" if self._in_head else "No more of the request body arrived"
            self._refuse(_Refusal(HTTPStatus.REQUEST_TIMEOUT, f"{late} within {seconds:g} s."))


def _disconnect(cycle: RequestResponseCycle) -> None:
    if not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()


class CaseSensitiveProtocol(GatewayProtocol):
    """Ignores a key header that is not written as the page prints it, although names are case-insensitive (RFC 9110, 5.1)."""

    def on_header(self, name: bytes, value: bytes) -> None:
        if is_key_in_other_case(name):
            self._count(len(name) + len(value) + len(b": \r\n"))
        else:
            super().on_header(name, value)


def is_key_in_other_case(name: bytes) -> bool:
    """Whether a header has the name of the key header, but not in the letter case that the page prints."""
    printed = KEY_HEADER.encode()
    return name != printed and name.lower() == printed.lower()


class TitleCaseProtocol(GatewayProtocol):
    """Its transport writes the header names of responses in title case."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn has the same annotation
        super().connection_made(cast("Any", _TitleCased(transport)))


class _TitleCased:
    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 "):  # the beginning of a response
            head, end, rest = data.partition(b"\r\n\r\n")
            status, *lines = head.split(b"\r\n")
            fields = (line.partition(b":") for line in lines)
            data = b"\r\n".join([status, *(name.title() + colon + value for name, colon, value in fields)]) + end + rest
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


PROTOCOLS = {"any case": GatewayProtocol, "case-sensitive": CaseSensitiveProtocol, "title case": TitleCaseProtocol}
"""By the letter case of header names that a mutant or variant requires."""
_PLAIN_PATH = re.compile(rb"/(?!/)[\w/.~-]*", re.ASCII)
"""A request target that is its own path: origin form, without query or percent-encoding."""
