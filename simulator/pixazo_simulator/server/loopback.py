"""An HTTP server on a loopback port whose requests are answered by a blocking function."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from pixazo_simulator.control import Refused, read_body

from .threaded import Configuration, ThreadedServer, listen

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HOST = "127.0.0.1"
BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of a request body; a larger one gets 413."""
_OWN_HEADERS = ("content-length", "transfer-encoding", "connection")
"""Response headers that the server sets itself."""

log = logging.getLogger("pixazo_simulator")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it arrived; `target` is the path with the query, header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response; `headers` are sent in addition to Content-Length and `Connection: close`."""

    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class LoopbackServer:
    """Listens from its creation until `close`; `origin` is its URL without a path.

    `answer` is called in a daemon thread of its own for each request, so it may block. An exception that it raises is logged, and the response is 500.
    Raises SimulatorError as `Simulator.start` does.
    """

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = answer
        listener = listen(HOST, 0)
        self.origin = f"http://{HOST}:{listener.getsockname()[1]}"
        self._server = ThreadedServer(listener, self.origin, Configuration(self._serve))
        self._server.start()

    def close(self) -> None:
        """Close the port; requests in progress have half a second to end; a warning says if one does not."""
        if unended := self._server.stop():
            log.warning("%s was closed while this still ran: %s", self.origin, ", ".join(unended))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            body = await read_body(receive, BODY_LIMIT, int(received.get("content-length", "0")))
        except Refused as refused:
            response = HttpResponse(refused.status, str(refused).encode())
        else:
            if body is None:
                return
            query: bytes = scope["query_string"]
            target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
            request = HttpRequest(scope["method"], target.decode("latin-1"), received, body)
            response = await self._answer_in_thread(request)
        headers = {name: value for name, value in response.headers.items() if name.lower() not in _OWN_HEADERS}
        if response.status != 204:  # RFC 9110, 8.6: a 204 has no Content-Length
            headers["Content-Length"] = str(len(response.body))
        # A connection is used once, so none is left open on an event loop of the caller that has ended.
        headers["Connection"] = "close"
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": raw})
        await send({"type": "http.response.body", "body": response.body})

    async def _answer_in_thread(self, request: HttpRequest) -> HttpResponse:
        answered: Future[HttpResponse] = Future()
        answered.set_running_or_notify_cancel()

        def work() -> None:
            try:
                answered.set_result(self._answer(request))
            except BaseException as error:  # noqa: BLE001 - uvicorn logs it and sends a 500
                answered.set_exception(error)

        # A pool's thread would keep the process from ending if `answer` does not return.
        threading.Thread(target=work, name=f"pixazo-answer:{self.origin}", daemon=True).start()
        try:
            return await asyncio.wrap_future(answered)
        except asyncio.CancelledError:
            log.warning("%s was closed while %s %s was being answered", self.origin, request.method, request.target)
            raise
