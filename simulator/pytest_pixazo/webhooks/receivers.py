"""The receivers behind an inbox: fixed responses, a function, a test client, or an app, without a socket."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, cast
from urllib.parse import unquote, unquote_to_bytes
from wsgiref.util import setup_testing_defaults

import anyio

from pixazo_simulator.server import HttpResponse

from .callback import Callback
from .event_loops import ClientLoop, InboxError, OwnLoop, running_loop

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
WsgiApp = Callable[[dict[str, Any], Callable[..., Callable[[bytes], object]]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Answers deliveries.

    `answer` is called in a thread of the inbox, with path and query for the app, and the delivery. It raises what an app raises, or
    EventLoopError when an app cannot be reached. An `app` has a route, `path`, that may be missing. `thread` is that of a test's event
    loop on which the app runs. `close` releases what it holds.
    """

    answer: Callable[[str, Callback], HttpResponse]
    path: str = "/"
    app: object = None
    thread: int | None = None
    close: Callable[[], None] = lambda: None

    def target_of(self, callback: Callback) -> str:
        """Path and query at which an app gets a callback: what follows the URL of the inbox is appended to its route."""
        route, _, query = self.path.partition("?")
        whole = f"{route.rstrip('/')}{callback.path}" if callback.path else route
        queries = "&".join(filter(None, (query, callback.query)))
        return f"{whole}?{queries}" if queries else whole


def fixed_replies(statuses: Sequence[int], delay: float = 0.0, body: bytes | None = None) -> Receiver:
    """Replies with each status code once, with the last one from then on, each after `delay` real seconds.

    Without a `body` a challenge (policy `callback_url`) is echoed, and any other delivery gets an empty body.
    Raises ValueError for a status code outside 200 to 599, for none at all, and for a negative delay.
    """
    if not statuses or not all(200 <= status <= 599 for status in statuses):
        raise ValueError(f"reply({list(statuses)}): give one or more status codes from 200 to 599")
    if delay < 0:
        raise ValueError(f"delay {delay:g} is negative")
    left, closed = list(statuses), threading.Event()

    def answer(_: str, callback: Callback) -> HttpResponse:
        status = left.pop(0) if len(left) > 1 else left[0]
        closed.wait(delay)
        if body is not None:
            return HttpResponse(status, body)
        if status < 300 and "challenge" in (callback.json or {}):
            return HttpResponse(200, callback.body, {"content-type": "application/json"})
        return HttpResponse(status)

    return Receiver(answer, close=closed.set)


def receiver_of(target: object, path: str, *, own_loop: bool) -> Receiver:
    """The receiver that an app, a test client or a function makes.

    A function is known by its required arguments: an ASGI app takes three, a WSGI app two, a function of a callback one.
    Raises TypeError for any other target, ValueError for a path without a leading slash, InboxError when the app cannot start.
    """
    if not path.startswith("/"):
        raise ValueError(f"path {path!r} does not begin with a slash: give the app's route, such as '/hooks/pixazo'")
    arguments = _required_arguments(target)
    if arguments == 3:
        return _asgi(cast("AsgiApp", target), path, own_loop=own_loop)
    if arguments == 2:
        return Receiver(partial(call_wsgi, cast("WsgiApp", target)), path, target)
    if arguments == 1 and not inspect.iscoroutinefunction(target):
        function = cast("Callable[[Callback], int | None]", target)
        return Receiver(lambda _, callback: HttpResponse(function(callback) or 204))
    methods = ("request", "open") if hasattr(target, "application") else ("request",)
    if arguments is None and (method := next((name for name in methods if _is_synchronous(target, name)), None)):
        loop, app = ClientLoop(target), getattr(target, "app", getattr(target, "application", target))
        post = partial(post_by_client, target, method)
        return Receiver(lambda asked, callback: loop.call(partial(post, asked, callback)), path, app)
    raise TypeError(
        f"{target!r} is not an ASGI or WSGI app, a synchronous test client with `.request` or `.open`, or a function of one"
        " callback: give the app itself"
    )


def _is_synchronous(client: object, name: str) -> bool:
    method = getattr(client, name, None)
    return callable(method) and not inspect.iscoroutinefunction(method)


def _required_arguments(target: object) -> int | None:
    """How many positional arguments a callable needs, None for what cannot be called."""
    if not callable(target):
        return None
    parameters = inspect.signature(target).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in positional and each.default is each.empty for each in parameters)


def _asgi(app: AsgiApp, path: str, *, own_loop: bool) -> Receiver:
    state: dict[str, Any] = {}
    call, here = partial(call_asgi, app, state), threading.get_ident()
    if run := None if own_loop else running_loop():
        return Receiver(lambda target, callback: run(partial(call, target, callback)), path, app, here)
    loop = OwnLoop(partial(lifespan, app, state))
    return Receiver(lambda target, callback: loop.run(partial(call, target, callback)), path, app, close=loop.close)


def post_by_client(client: Any, method: str, target: str, callback: Callback) -> HttpResponse:
    own = ("host", "content-length", "connection", "transfer-encoding")
    headers = {name: value for name, value in callback.headers.items() if name not in own}
    if method == "request" and hasattr(client, "generic"):  # Django's
        kind = headers.get("content-type", "")
        response = client.generic("POST", target, callback.body, kind, headers=headers)
        return HttpResponse(response.status_code, b"".join(response))  # a streaming response has no `content`
    if method == "request":  # Starlette's, FastAPI's or httpx'
        # Not the target alone: one that begins with two slashes would be taken for another host.
        url = str(getattr(client, "base_url", "")).rstrip("/") + target
        response = client.request("POST", url, content=callback.body, headers=headers)
        return HttpResponse(response.status_code, response.content)
    response = client.open(target, method="POST", data=callback.body, headers=headers)  # Werkzeug's, and so Flask's
    return HttpResponse(response.status_code, response.data)


@asynccontextmanager
async def lifespan(app: AsgiApp, state: dict[str, Any]) -> AsyncGenerator[None]:
    """Start the app, and shut it down on leaving. Raises InboxError when the app reports a failure.

    An app that raises before it has confirmed its startup does not support lifespans, which is allowed (ASGI, Lifespan Protocol).
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
        raise InboxError(f"the app could not {step}: {failure}")


async def call_asgi(app: AsgiApp, state: dict[str, object], target: str, callback: Callback) -> HttpResponse:
    """The app's response, once the app has returned and so its background tasks are done.

    Raises what the app raises, RuntimeError when it sent no response.
    """
    path, _, query = target.partition("?")
    scope: Message = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in callback.headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
        "state": dict(state),
    }
    requests = iter([callback.body])
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

    await app(scope, receive, send)
    if status is None:
        raise RuntimeError("the app returned without a response")
    return HttpResponse(status, bytes(body), headers)


def call_wsgi(app: WsgiApp, target: str, callback: Callback) -> HttpResponse:
    """The app's response, in this thread. Raises what the app raises, RuntimeError when it never called start_response."""
    started: list[tuple[int, dict[str, str]]] = []
    parts: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        started.append((int(status.split(" ", 1)[0]), dict(headers)))
        return parts.append  # the `write` of PEP 3333

    chunks = app(_environ(target, callback), start_response)
    try:
        parts.extend(chunks)
    finally:
        if close := getattr(chunks, "close", None):
            close()
    if not started:
        raise RuntimeError("the app returned without calling start_response")
    status, headers = started[-1]  # an app may call it once more, to replace the response by an error
    return HttpResponse(status, b"".join(parts), headers)


def _environ(target: str, callback: Callback) -> dict[str, Any]:
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in callback.headers.items()
    }
    environ |= {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_TYPE": callback.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(callback.body)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(callback.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
    }
    setup_testing_defaults(environ)  # keeps what is there
    return environ
