"""A request handed to an ASGI or WSGI app without a socket, and the lifespan of an ASGI app."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit
from wsgiref.util import setup_testing_defaults

import anyio

from pixazo_simulator.server import HttpRequest, HttpResponse

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
WsgiApp = Callable[[dict[str, Any], Callable[..., Callable[[bytes], object]]], Iterable[bytes]]


class LifespanError(Exception):
    """The app reported that it cannot start or stop."""


@asynccontextmanager
async def lifespan(app: AsgiApp, state: dict[str, Any]) -> AsyncGenerator[None]:
    """Start the app, and shut it down on leaving. Raises LifespanError when the app reports a failure.

    An app that raises before it has confirmed its startup does not support lifespans, which is no failure (ASGI, Lifespan Protocol).
    """
    scope: Message = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
    started, ending = anyio.Event(), anyio.Event()
    failure: str | None = None
    events = iter(["lifespan.startup"])

    async def receive() -> Message:
        if event := next(events, None):
            return {"type": event}
        await ending.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: Message) -> None:
        nonlocal failure
        if message["type"].endswith(".failed"):
            failure = message.get("message") or "no reason given"
        started.set()

    async def run() -> None:
        nonlocal failure
        try:
            await app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - an app may raise anything
            if started.is_set():
                failure = f"{type(error).__name__}: {error}"
        finally:
            started.set()

    step = "start"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await started.wait()
        if failure is None:
            step = "stop"
            yield
        ending.set()
    if failure:
        raise LifespanError(f"the app could not {step}: {failure}")


async def call_asgi(app: AsgiApp, request: HttpRequest, state: dict[str, object]) -> HttpResponse:
    """The app's response, once the app has returned and so its background tasks are done.

    Raises what the app raises, RuntimeError when it sent no response.
    """
    requests = iter([request.body])
    complete = anyio.Event()
    status: int | None = None
    headers: dict[str, str] = {}
    body = bytearray()

    async def receive() -> Message:
        if (content := next(requests, None)) is not None:
            return {"type": "http.request", "body": content, "more_body": False}
        await complete.wait()  # an app that watches for a disconnect must not see one before its response is complete
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                complete.set()

    await app(_scope(request, state), receive, send)
    if status is None:
        raise RuntimeError("the app returned without a response")
    return HttpResponse(status, bytes(body), headers)


def _scope(request: HttpRequest, state: dict[str, object]) -> Message:
    parts = urlsplit(request.target)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
        "state": dict(state),
    }


def call_wsgi(app: WsgiApp, request: HttpRequest) -> HttpResponse:
    """The app's response, in this thread. Raises what the app raises, RuntimeError when it never called start_response."""
    started: list[tuple[int, dict[str, str]]] = []
    parts: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        started.append((int(status.split(" ", 1)[0]), dict(headers)))
        return parts.append  # the `write` of PEP 3333

    chunks = app(_environ(request), start_response)
    try:
        parts.extend(chunks)
    finally:
        if close := getattr(chunks, "close", None):
            close()
    if not started:
        raise RuntimeError("the app returned without calling start_response")
    status, headers = started[-1]  # an app may call it once more, to replace the response by an error
    return HttpResponse(status, b"".join(parts), headers)


def _environ(request: HttpRequest) -> dict[str, Any]:
    parts = urlsplit(request.target)
    environ: dict[str, Any] = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()
    }
    environ |= {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
    }
    setup_testing_defaults(environ)  # keeps what is there
    return environ
