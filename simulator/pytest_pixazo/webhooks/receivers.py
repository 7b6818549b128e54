"""Who answers a callback: fixed answers, a function, a test client, or an app."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

from .asgi import call_asgi
from .callback import Callback
from .event_loops import Home, OwnLoop, running_home
from .lifespan import AsgiApp, lifespan
from .server import Request, Response
from .wsgi import WsgiApp, call_wsgi


class Recipient(Protocol):
    """Answers callbacks, in the inbox's thread."""

    def answer(self, callback: Callback) -> Response:
        """What to answer. Raises what an app raises, or HomeError when an app cannot be reached."""
        ...

    @property
    def route(self) -> str | None:
        """What it calls, in words, None when there is no route that could be missing."""
        ...

    def is_here(self) -> bool:
        """Whether the caller's thread must go on for the answer to come."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class _Direct:
    """A recipient that lives in no loop and holds nothing."""

    @property
    def route(self) -> str | None:
        return None

    def is_here(self) -> bool:
        return False

    def close(self) -> None:
        pass


class Answers(_Direct):
    """Fixed statuses, each used once, the last one for ever; `delay` in real seconds before each.

    Without a `body` a challenge (policy `callback_url`) is echoed, and anything else answered by nothing.
    """

    def __init__(self, statuses: Sequence[int], delay: float = 0.0, body: bytes | None = None) -> None:
        if not statuses or not all(200 <= status <= 599 for status in statuses):
            raise ValueError(f"respond({list(statuses)}): give one or more status codes from 200 to 599")
        if delay < 0:
            raise ValueError(f"delay {delay:g} is negative")
        self._statuses = list(statuses)
        self._delay = delay
        self._body = body
        self._closed = threading.Event()

    def answer(self, callback: Callback) -> Response:
        """The next status."""
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        self._closed.wait(self._delay)
        if self._body is not None:
            return Response(status, self._body)
        if status < 300 and "challenge" in (callback.json or {}):
            return Response(200, callback.body, {"content-type": "application/json"})
        return Response(status)

    def close(self) -> None:
        """Wait no longer."""
        self._closed.set()


@dataclass(frozen=True)
class _Function(_Direct):
    function: Callable[[Callback], int | None]

    def answer(self, callback: Callback) -> Response:
        return Response(self.function(callback) or 204)


@dataclass(frozen=True)
class _TestClient(_Direct):
    client: Any
    path: str

    @property
    def route(self) -> str:
        return f"POST {self.path} of {getattr(self.client, 'app', self.client)!r}"

    def answer(self, callback: Callback) -> Response:
        told = self.client.request("POST", self.path, content=callback.body, headers=_carried(callback))
        return Response(told.status_code, told.content)


@dataclass(frozen=True)
class _WsgiTestClient(_Direct):
    """Of werkzeug, which Flask's is made from."""

    client: Any
    path: str

    @property
    def route(self) -> str:
        return f"POST {self.path} of {self.client.application!r}"

    def answer(self, callback: Callback) -> Response:
        told = self.client.open(self.path, method="POST", data=callback.body, headers=_carried(callback))
        return Response(told.status_code, told.data)


@dataclass(frozen=True)
class _Wsgi(_Direct):
    app: WsgiApp
    path: str

    @property
    def route(self) -> str:
        return f"POST {self.path} of {self.app!r}"

    def answer(self, callback: Callback) -> Response:
        return call_wsgi(self.app, _request(callback, self.path))


@dataclass(frozen=True)
class _Asgi:
    app: AsgiApp
    path: str
    home: Home
    state: dict[str, Any]

    @property
    def route(self) -> str:
        return f"POST {self.path} of {self.app!r}"

    def answer(self, callback: Callback) -> Response:
        return self.home.run(partial(call_asgi, self.app, _request(callback, self.path), self.state))

    def is_here(self) -> bool:
        return self.home.is_here()

    def close(self) -> None:
        self.home.close()


def recipient_of(target: object, path: str, *, apart: bool) -> Recipient:
    """The recipient that an app, test client or function makes. Raises TypeError for anything else.

    A function is known by its required arguments: an ASGI app takes three, a WSGI app two, a function of a callback one.
    """
    if not path.startswith("/"):
        raise ValueError(f"path {path!r} does not begin with a slash: give the app's route, such as '/hooks/pixazo'")
    wanted = _required_arguments(target)
    if wanted == 3:
        return _asgi(cast("AsgiApp", target), path, apart=apart)
    if wanted == 2:
        return _Wsgi(cast("WsgiApp", target), path)
    if wanted == 1 and not inspect.iscoroutinefunction(target):
        return _Function(cast("Callable[[Callback], int | None]", target))
    if wanted is None and _is_plain(getattr(target, "request", None)):
        return _TestClient(target, path)
    if wanted is None and hasattr(target, "application") and _is_plain(getattr(target, "open", None)):
        return _WsgiTestClient(target, path)
    raise TypeError(
        f"{target!r} is no ASGI or WSGI app, no synchronous test client with `.request` or `.open`, and no function of one"
        " callback: give the app itself"
    )


def _is_plain(method: object) -> bool:
    """Whether it can be called without a loop."""
    return callable(method) and not inspect.iscoroutinefunction(method)


def _required_arguments(target: object) -> int | None:
    """How many positional arguments a callable needs, None for what cannot be called."""
    if not callable(target):
        return None
    parameters = inspect.signature(target).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in positional and each.default is each.empty for each in parameters)


def _asgi(app: AsgiApp, path: str, *, apart: bool) -> _Asgi:
    state: dict[str, Any] = {}
    home = None if apart else running_home()
    return _Asgi(app, path, home or OwnLoop(partial(lifespan, app, state)), state)


def _request(callback: Callback, path: str) -> Request:
    return Request("POST", path, callback.headers, callback.body)


def _carried(callback: Callback) -> dict[str, str]:
    """The headers without those that a client writes itself."""
    own = ("host", "content-length", "connection", "transfer-encoding")
    return {name: value for name, value in callback.headers.items() if name not in own}
