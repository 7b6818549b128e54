"""What answers the deliveries to an inbox: fixed responses, a function, a test client, or an app."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from pixazo_simulator.server import HttpRequest, HttpResponse

from .apps import AsgiApp, WsgiApp, call_asgi, call_wsgi, lifespan
from .callback import Callback
from .event_loops import EventLoop, OwnLoop, running_loop


@dataclass(frozen=True, slots=True)
class Receiver:
    """Answers deliveries.

    `answer` is called in a thread of the inbox. It raises what an app raises, or EventLoopError when an app cannot be reached.
    `route` names what it calls, None where no route can be missing. `loop` is the event loop on which the app runs, if any.
    `close` releases what it holds.
    """

    answer: Callable[[Callback], HttpResponse]
    route: str | None = None
    loop: EventLoop | None = None
    close: Callable[[], None] = lambda: None


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

    def answer(callback: Callback) -> HttpResponse:
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
    Raises TypeError for any other target, ValueError for a path without a leading slash, LifespanError when the app cannot start.
    """
    if not path.startswith("/"):
        raise ValueError(f"path {path!r} does not begin with a slash: give the app's route, such as '/hooks/pixazo'")
    arguments = _required_arguments(target)
    if arguments == 3:
        return _asgi(cast("AsgiApp", target), path, own_loop=own_loop)
    if arguments == 2:
        wsgi = cast("WsgiApp", target)
        return Receiver(lambda callback: call_wsgi(wsgi, _request(callback, path)), _route(path, target))
    if arguments == 1 and not inspect.iscoroutinefunction(target):
        function = cast("Callable[[Callback], int | None]", target)
        return Receiver(lambda callback: HttpResponse(function(callback) or 204))
    if arguments is None and _is_synchronous(getattr(target, "request", None)):
        return _test_client(target, path, is_werkzeug=False)
    if arguments is None and hasattr(target, "application") and _is_synchronous(getattr(target, "open", None)):
        return _test_client(target, path, is_werkzeug=True)
    raise TypeError(
        f"{target!r} is no ASGI or WSGI app, no synchronous test client with `.request` or `.open`, and no function of one"
        " callback: give the app itself"
    )


def _is_synchronous(method: object) -> bool:
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
    loop = (None if own_loop else running_loop()) or OwnLoop(partial(lifespan, app, state))

    def answer(callback: Callback) -> HttpResponse:
        return loop.run(partial(call_asgi, app, _request(callback, path), state))

    return Receiver(answer, _route(path, app), loop, loop.close)


def _test_client(client: Any, path: str, *, is_werkzeug: bool) -> Receiver:
    """Of werkzeug, whose test client Flask's is derived from, or else of Starlette, FastAPI or httpx."""

    def answer(callback: Callback) -> HttpResponse:
        own = ("host", "content-length", "connection", "transfer-encoding")  # a client sets them itself
        headers = {name: value for name, value in callback.headers.items() if name not in own}
        if is_werkzeug:
            response = client.open(path, method="POST", data=callback.body, headers=headers)
        else:
            response = client.request("POST", path, content=callback.body, headers=headers)
        return HttpResponse(response.status_code, response.data if is_werkzeug else response.content)

    return Receiver(answer, _route(path, client.application if is_werkzeug else getattr(client, "app", client)))


def _route(path: str, app: object) -> str:
    return f"POST {path} of {app!r}"


def _request(callback: Callback, path: str) -> HttpRequest:
    return HttpRequest("POST", path, callback.headers, callback.body)
