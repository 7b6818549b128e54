"""A callback, and the receivers of an inbox: fixed responses, a function, a test client, or an app, without a socket."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import Any, cast

import anyio
import httpx2

from pixazo_simulator.server import HttpResponse

from .event_loops import ClientLoop, InboxError, OwnLoop, running_loop

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
WsgiApp = Callable[[dict[str, Any], Callable[..., Callable[[bytes], object]]], Iterable[bytes]]


class SignatureError(AssertionError):
    """A callback is not signed with the secret; the message says why."""


@dataclass(frozen=True, slots=True)
class Callback:
    """One POST to a webhook URL."""

    number: int
    """Counts from 1."""
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    """As it was received."""
    at: datetime | None = None
    """When it arrived on the clock of its world, in UTC; None when the inbox knows no world."""
    response_status: int | None = None
    """The status code of the response; None before it was sent."""
    problem: str | None = None
    """Why the receiver could not respond, or answered 404, or why the inbox refused it."""
    url: str = ""
    """Where it was posted."""
    path: str = ""
    """The rest of the path after the URL of the inbox, such as `/orders/7`, percent-encoded; empty for that URL itself."""
    query: str = ""
    """The query, without the question mark."""

    @property
    def json(self) -> dict[str, Any] | None:
        """The parsed body; None when it is not a JSON object."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None

    @property
    def request_id(self) -> str | None:
        """The generation that it reports; None when the body names none."""
        return _text(self.json, "request_id")

    @property
    def status(self) -> str | None:
        """The reported status of the generation, such as COMPLETED; None when the body has none."""
        return _text(self.json, "status")

    def verify(self, secret: str) -> None:
        """Check the signature of Standard Webhooks (https://www.standardwebhooks.com) with a `whsec_...` secret.

        The timestamp, which comes from the world's clock, is not compared with the time of day. Raises SignatureError for a
        missing or wrong signature, ValueError for a secret that is not Base64.
        """
        from pixazo_simulator.webhooks import SIGNED_BY, read_secret, verify

        if missing := [name for name in SIGNED_BY if name not in self.headers]:
            raise SignatureError(f"callback {self.number} has no {missing[0]}: set policy webhook_signature=standard")
        identity, stamp, signatures = (self.headers[name] for name in SIGNED_BY)
        if not verify((read_secret(secret),), identity, stamp, signatures, self.body):
            raise SignatureError(f"callback {self.number} is not signed with this secret, or was modified in transit")

    def __str__(self) -> str:
        text = f"{self.status or 'no status'} of {self.request_id or 'no request'}"
        return f"{text}, answered {self.response_status}" + (f" ({self.problem})" if self.problem else "")


def _text(payload: dict[str, Any] | None, name: str) -> str | None:
    value = payload.get(name) if payload else None
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Receiver:
    """Responds to callbacks.

    `answer` is called in a thread of the inbox, with the path and query for the app, and the callback; it raises what an app
    raises, or EventLoopError when an app cannot be reached. An `app` has a route, `path`; that of a function is empty. `thread`
    is that of the test's event loop on which the app runs. `close` releases its resources.
    """

    answer: Callable[[str, Callback], HttpResponse]
    path: str = "/"
    app: object = None
    thread: int | None = None
    close: Callable[[], None] = lambda: None

    def target_of(self, callback: Callback) -> str:
        """Path and query at which an app gets a callback: whatever follows the URL of the inbox is appended to its route."""
        route, _, query = self.path.partition("?")
        whole = f"{route.rstrip('/')}{callback.path}" if callback.path else route
        queries = "&".join(filter(None, (query, callback.query)))
        return f"{whole}?{queries}" if queries else whole


def fixed_replies(statuses: Sequence[int], delay: float = 0.0, body: bytes | None = None) -> Receiver:
    """Replies with each status code once, with the last one from then on, each after `delay` real seconds.

    Without a `body` a challenge (policy `callback_url`) is echoed, and any other callback gets an empty body. Raises ValueError
    for a status outside 200 to 599, without one, and for a negative delay.
    """
    if not statuses or not all(each in range(200, 600) for each in statuses):
        raise ValueError(f"reply({statuses!r}): give one or more status codes from 200 to 599")
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

    A function is known by its required arguments: an ASGI app takes three, a WSGI app two, a function of a callback one. A test
    client of Flask stands for its app. Raises TypeError for any other target, ValueError for a path without a leading slash,
    InboxError when the app cannot start.
    """
    if not path.startswith("/"):
        raise ValueError(f"path {path!r} does not begin with a slash: give the app's route, such as '/hooks/pixazo'")
    if not callable(target):
        target = getattr(target, "application", target)
    arguments = _required_arguments(target)
    if arguments == 3:
        return _asgi(cast("AsgiApp", target), path, own_loop=own_loop)
    if arguments == 2:
        return Receiver(partial(call_wsgi, cast("WsgiApp", target)), path, target)
    if arguments == 1 and not inspect.iscoroutinefunction(target):
        function = cast("Callable[[Callback], object]", target)
        return Receiver(lambda _, callback: _answer_of(function(callback)), "", target)
    request = getattr(target, "request", None)
    if arguments is None and callable(request) and not inspect.iscoroutinefunction(request):
        if hasattr(target, "generic"):
            return Receiver(_django(target), path, target)
        loop, post = ClientLoop(target), partial(post_by_client, target)
        return Receiver(
            lambda asked, callback: loop.call(partial(post, asked, callback)), path, getattr(target, "app", target)
        )
    raise TypeError(
        f"{target!r} is not an ASGI or WSGI app, a synchronous test client, or a plain function of one callback: give the app itself"
    )


def _answer_of(returned: object) -> HttpResponse:
    status = returned or 204
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise TypeError(f"it returned {returned!r}: return a status code from 200 to 599, or None for 204")
    return HttpResponse(status)


def _required_arguments(target: object) -> int | None:
    """How many positional arguments a callable needs; None for what cannot be called."""
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


def post_by_client(client: Any, target: str, callback: Callback) -> HttpResponse:
    """The response of a client of Starlette, FastAPI or httpx."""
    # Not only the target: one that begins with two slashes would be taken for another host.
    url = str(getattr(client, "base_url", "")).rstrip("/") + target
    response = client.request("POST", url, content=callback.body, headers=_headers(callback))
    return HttpResponse(response.status_code, response.content)


def _headers(callback: Callback) -> dict[str, str]:
    own = ("host", "content-length", "connection", "transfer-encoding")
    return {name: value for name, value in callback.headers.items() if name not in own}


def _django(client: Any) -> Callable[[str, Callback], HttpResponse]:
    """Calls the view through Django's client, with the connections to databases of this thread, which is the test's."""
    connections: Any = import_module("django.db").connections
    of_test = connections.all()

    def answer(target: str, callback: Callback) -> HttpResponse:
        headers = _headers(callback)
        with _shared(connections, of_test):
            response = client.generic("POST", target, callback.body, headers.get("content-type", ""), headers=headers)
            return HttpResponse(response.status_code, b"".join(response))  # a streaming response has no `content`

    return answer


@contextmanager
def _shared(connections: Any, of_test: Sequence[Any]) -> Generator[None]:
    """Within this context this thread uses the connections of the test where only these show the view what the test has done.

    That is within a transaction, and for SQLite in memory, as in Django's LiveServerTestCase. Connections of its own are closed
    afterwards, which Django's client does not do.
    """
    shared = [each for each in of_test if each.in_atomic_block or (each.vendor == "sqlite" and each.is_in_memory_db())]
    for each in shared:
        each.inc_thread_sharing()
        connections[each.alias] = each
    try:
        yield
    finally:
        for each in shared:
            del connections[each.alias]
            each.dec_thread_sharing()
        connections.close_all()


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
    """The app's response, once the app has returned and its background tasks are done. Raises what the app raises."""

    async def with_state(scope: Message, *channels: Any) -> None:
        await app({**scope, "state": dict(state)}, *channels)

    response = await httpx2.ASGITransport(with_state).handle_async_request(_request(target, callback))
    return HttpResponse(response.status_code, await response.aread(), dict(response.headers))


def call_wsgi(app: WsgiApp, target: str, callback: Callback) -> HttpResponse:
    """The app's response, in this thread. Raises what the app raises."""

    def as_pep_3333(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")  # the transport leaves it decoded
        return app(environ, start_response)

    with closing(httpx2.WSGITransport(as_pep_3333).handle_request(_request(target, callback))) as response:
        return HttpResponse(response.status_code, response.read(), dict(response.headers))


def _request(target: str, callback: Callback) -> httpx2.Request:
    return httpx2.Request("POST", f"http://127.0.0.1{target}", headers=callback.headers, content=callback.body)
