"""The simulator without a socket: as a transport of httpx2 and httpx, blocking or asynchronous, and as an ASGI application."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, MutableMapping, Sequence
from contextlib import closing, suppress
from copy import copy
from functools import cache, lru_cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import httpx2
from anyio.to_thread import run_sync
from starlette.types import Receive, Scope, Send

from pixazo_simulator import spec
from pixazo_simulator.gateway import Request, Response, RoutedRequest
from pixazo_simulator.script import Close, Ending, Noise, Reset
from pixazo_simulator.world import real_clock

from .asgi import is_ours
from .http import TOO_LONG, is_key_in_other_case
from .responder import leave
from .threaded import SimulatorError, ThreadedServer

if TYPE_CHECKING:
    import httpx

    from .asgi import Application

    class _OfHttpx(httpx.BaseTransport, httpx.AsyncBaseTransport):
        """What type checkers require of a transport of httpx; at run time httpx may be absent, and checks nothing."""
else:
    _OfHttpx = object

Running = Callable[[], "tuple[ThreadedServer, Application]"]
"""The server of a simulator and its application. Raises SimulatorError when it is not running."""
Step = float | Callable[[], object]
"""Real seconds to wait, or a function that blocks until it has a result."""
_SCHEMES = ("http", "https")
_VALUE = re.compile(rb"(?:[^\0\s]+(?:[ \t]+[^\0\s]+)*)?")
"""What HTTP libraries send as the value of a header."""
_PEER = ("127.0.0.1", 0)


class Transport(httpx2.BaseTransport, httpx2.AsyncBaseTransport, _OfHttpx):
    """Hands the requests of a client of httpx2 or httpx to a simulator of this process, as `transport=` of the client.

    The simulator answers requests to any host as over its socket. Clients, threads and event loops may share a transport.
    What goes wrong on the wire is an exception of the client's library; a wait beyond the client's read time-out raises it immediately.
    """

    def __init__(self, running: Running) -> None:
        self._running = running

    def handle_request(self, request: Any) -> Any:
        """Answer a request of a blocking client."""
        library, stream = _library(request.__class__), request.stream
        body = request.read() if isinstance(stream, library.ByteStream) else b"".join(stream)
        steps, result = _Exchange(self._running, library, request).steps(body), cast("Any", None)
        while True:
            try:
                step = steps.send(result)
            except StopIteration as end:
                return end.value
            result = _done(step)

    async def handle_async_request(self, request: Any) -> Any:
        """Answer a request of an asynchronous client, on asyncio or trio."""
        library, stream = _library(request.__class__), request.stream
        is_read = isinstance(stream, library.ByteStream)
        body = await request.aread() if is_read else b"".join([piece async for piece in stream])
        result = cast("Any", None)
        with closing(_Exchange(self._running, library, request).steps(body)) as steps:
            while True:
                try:
                    step = steps.send(result)
                except StopIteration as end:
                    return end.value
                result = await _waited(step)


class _Exchange:
    __slots__ = ("_application", "_asked", "_library", "_request", "_server")

    def __init__(self, running: Running, library: Any, request: Any) -> None:
        """Raises what the library raises when the simulator is not running, and for a URL or header that cannot be sent."""
        self._library, self._request = library, request
        if request.url.scheme not in _SCHEMES:
            raise library.UnsupportedProtocol("Request URL is missing an 'http://' or 'https://' protocol.")
        try:
            self._server, self._application = running()
            url, application = request.url, self._application
            head = request.method, url.raw_path, url.scheme, tuple(request.headers.raw)
            self._asked = copy(_read(*head, application.address, application.names == "case-sensitive"))
        except SimulatorError as error:
            raise library.ConnectError(str(error)) from None
        except ValueError as error:
            raise library.LocalProtocolError(str(error)) from None
        self._asked.started = real_clock()

    def steps(self, body: bytes) -> Generator[Step, Any, Any]:
        """Yield what has to be waited for, if anything has, and return the response. Raises what the library raises when there is none."""
        asked, application = self._asked, self._application
        if is_ours(asked.method, asked.path) or (
            application.is_wrapped and any(name == b"origin" for name, _ in asked.headers)
        ):
            start, *rest = yield self._call(partial(_messages, application, self._scope(), body))
            content = b"".join(message.get("body", b"") for message in rest)
            return self._made(start["status"], start["headers"], content)
        if asked.header_bytes and asked.header_bytes > spec.HEAD_LIMIT:
            return self._refused(*TOO_LONG)
        responder = application.responder
        if application.log:
            response, route = yield self._call(partial(application.gateway.ask, asked, body))
        else:
            try:
                route = responder.route(asked)
                route.take(asked, body)
                response = responder.respond(asked, route)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a response
                return self._whole(responder.fail(asked, error))
        if response.leaves_at_once:
            responder.sent(response)
            return self._whole(response)
        played = self._played(response, route)
        try:
            while not isinstance(step := next(played), Response):
                yield step
        finally:
            responder.sent(response)
        if response.transmission:
            return self._made(step.status, step.headers, _body_class(self._library)(played))
        return self._whole(step)

    def _call(self, function: Callable[[], Any]) -> Step:
        return lambda: self._server.call(function())

    def _played(self, response: Response, route: RoutedRequest) -> Generator[Any]:
        """Yield what has to be waited for, then the response, then its body in pieces and seconds to wait between them."""
        length, received = 0 if self._is_bodiless(response.status) else len(response.body), None
        steps = self._application.responder.steps(response, route)
        for step in steps:
            if isinstance(step, bytes):
                received = min(len(step) + (received or 0), length)
                yield step if length else b""
            elif isinstance(step, Response):
                received = 0
                yield step
            elif isinstance(step, (int, float)) and (most := self._patience) is not None and step >= most:
                yield self._call(partial(leave, steps, step))
                raise self._library.ReadTimeout(f"no byte would come for {step:g} s; the read time-out is {most:g} s")
            elif not isinstance(step, Noise | Ending):
                try:
                    yield self._call(step) if callable(step) else float(step)
                except GeneratorExit:  # the client was cancelled, as by `asyncio.timeout`: it has disconnected
                    with suppress(SimulatorError):
                        self._server.schedule(leave(steps, step))
                    raise
            elif received != length or not isinstance(step, Close):
                raise self._fault(step, received, length)

    def _fault(self, effect: Noise | Ending, received: int | None, length: int) -> Any:
        """What the library raises after `received` bytes of a body; None: not even its headers arrived."""
        library = self._library
        if isinstance(effect, Noise):
            return library.RemoteProtocolError(f"illegal status line: {bytearray(effect.data)!r}")
        if isinstance(effect, Reset):
            return library.ReadError(effect.description)
        if not isinstance(effect, Close):
            bound = "" if self._patience else "; the client has no read time-out: it would wait forever"
            return library.ReadTimeout(f"{effect.description}{bound}")
        if received is None:
            return library.RemoteProtocolError("Server disconnected without sending a response.")
        return library.RemoteProtocolError(
            f"peer closed connection without sending complete message body (received {received} bytes, expected {length})"
        )

    @property
    def _patience(self) -> float | None:
        """The read time-out of the client in seconds; None if it has none."""
        return cast("float | None", self._request.extensions.get("timeout", {}).get("read"))

    def _refused(self, status: HTTPStatus, message: str) -> Any:
        answer = spec.queue_error(status, status.phrase, message)
        framing = (b"content-length", b"%d" % len(answer.body)), (b"connection", b"close")
        return self._made(status, [*answer.headers, *framing], answer.body)

    def _whole(self, response: Response) -> Any:
        return self._made(response.status, response.headers, response.body)

    def _made(self, status: int, headers: Sequence[spec.Header], body: Any) -> Any:
        """A response of the library, with the headers as the socket would carry them; `body` is bytes, or a stream of the library."""
        library, names = self._library, self._application.names
        if names is not None:
            if not (self._is_bodiless(status) or any(name == b"content-length" for name, _ in headers)):
                headers = [*headers, (b"transfer-encoding", b"chunked")]
            if names == "title case":
                headers = [(name.title(), value) for name, value in headers]
        if isinstance(body, bytes):
            body = library.ByteStream(b"" if self._is_bodiless(status) else body)
        return library.Response(int(status), headers=headers, stream=body, extensions=_extensions(status))

    def _is_bodiless(self, status: int) -> bool:
        return self._asked.method == "HEAD" or status in spec.BODILESS

    def _scope(self) -> Scope:
        asked = self._asked
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": asked.method, "scheme": asked.scheme,
            "path": asked.path, "raw_path": asked.path.encode(), "query_string": asked.query, "root_path": "",
            "headers": asked.headers, "client": _PEER, "server": asked.server,
        }  # fmt: skip


@lru_cache(maxsize=256)
def _read(
    method: str,
    target: bytes,
    scheme: str,
    headers: tuple[spec.Header, ...],
    server: tuple[str, int | None],
    case_sensitive: bool,  # noqa: FBT001 - a cache is slower with keyword arguments
) -> Request:
    """The head of a request; a polling client sends the same one again and again. Raises ValueError for a header that no client sends."""
    for name, value in headers:
        if not _VALUE.fullmatch(value):
            raise ValueError(f"header {name.decode('latin-1')}: remove line breaks and outer spaces from its value")
    path, _, query = target.partition(b"?")
    return Request(
        method=method, path=unquote(path.decode("ascii")), query=query, scheme=scheme, server=server,
        headers=tuple((name.lower(), value) for name, value in headers if not (case_sensitive and is_key_in_other_case(name))),
        # As the server counts them: each with a colon, a space and the end of its line.
        header_bytes=len(target) + sum(len(name) + len(value) + 4 for name, value in headers),
    )  # fmt: skip


class _Body:
    """The body of a response that a fault paces or cuts; `pieces` yields it, and seconds to wait between the pieces."""

    def __init__(self, pieces: Generator[Step | bytes]) -> None:
        self._pieces = pieces

    async def aclose(self) -> None:
        self._pieces.close()

    def __iter__(self) -> Iterator[bytes]:
        for each in self._pieces:
            if isinstance(each, bytes):
                yield each
            else:
                _done(each)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for each in self._pieces:
            if isinstance(each, bytes):
                yield each
            else:
                await _waited(each)


def _done(step: Step) -> Any:
    """Wait these seconds, or call the function and return what it returns."""
    return step() if callable(step) else time.sleep(step)


async def _waited(step: Step) -> Any:
    """The same without blocking an event loop: an app on it may have to respond to the webhooks that a function waits for."""
    return await (run_sync(step, abandon_on_cancel=True) if callable(step) else _sleep(step))


async def _sleep(seconds: float) -> None:
    """Not with anyio: its call could be mistaken for a sleep of the app, whose time may be virtual."""
    trio = sys.modules.get("trio")
    await (trio if trio and trio.lowlevel.in_trio_run() else asyncio).sleep(seconds)


@cache
def _library(kind: Any) -> Any:
    name = next(name for each in kind.__mro__ if (name := each.__module__.partition(".")[0]) in ("httpx", "httpx2"))
    return sys.modules[name]


@cache
def _body_class(library: Any) -> Any:
    return type("Body", (_Body, library.SyncByteStream, library.AsyncByteStream), {})


@cache
def _extensions(status: int) -> dict[str, Any]:
    """What the libraries report of a status line. They copy it."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    return {"http_version": b"HTTP/1.1", "reason_phrase": phrase.encode()}


class App:
    """A running simulator as an ASGI application for any server, test client or event loop; its lifespan is that of the simulator."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises SimulatorError when the simulator is not running, ConnectionCutError where a connection must be cut."""
        from pixazo_simulator.control import read_body

        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
            return
        server, application = self._running()
        body = await read_body(receive, sys.maxsize)
        if body is None:
            return
        for message in await run_sync(lambda: server.call(_messages(application, scope, body)), abandon_on_cancel=True):
            await send(message)


async def _messages(application: Application, scope: Scope, body: bytes) -> list[MutableMapping[str, Any]]:
    received = iter([{"type": "http.request", "body": body}])
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return next(received, {"type": "http.disconnect"})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return sent
