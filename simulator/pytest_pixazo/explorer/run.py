"""An order of events, as a gateway and a network that delays responses may produce it, and how an app meets it in a world."""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import Any, Protocol
from urllib.parse import urlsplit

from pixazo_simulator import ControlClient
from pixazo_simulator.control import PolicyFields
from pixazo_simulator.server import HttpRequest, HttpResponse, LoopbackServer
from pixazo_simulator.spec import is_success
from pytest_pixazo.webhooks import Callback, Inbox


class Kind(IntEnum):
    """An action of the app, or something that happens to it."""

    SUBMIT = 0
    CALLBACK = 1
    POLL = 2


class Sees(IntEnum):
    """The state that a poll returns; it never goes back (page, Status Flow)."""

    QUEUED = 0
    PROCESSING = 1
    END = 2


MOST_ARRIVALS = 3
"""Arrivals of the callback of one generation, at most: the first, then duplicates or retries."""
BEGINS = {Sees.QUEUED: 0, Sees.PROCESSING: 2, Sees.END: 15}
"""Seconds after the submit at which a generation enters each state; it ends after 15 s, as on the page."""
RETRIES = (5, 300, 1800)
"""Seconds from each refused callback to the next attempt."""
POLICY: PolicyFields = {"job_times": "2+13", "webhook_retries": ",".join(map(str, RETRIES))}
"""The policy of a world with these times."""
SETTLING = 10.0
"""Real seconds within which an app must finish a callback that it made wait."""
PATIENCE = 60.0
"""Real seconds to wait for a response of the gateway."""
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")
"""The hop-by-hop headers of RFC 9110, section 7.6.1, and the length, which is set again."""


@dataclass(frozen=True, slots=True)
class EventStep:
    """A submit, a poll, or the arrival of a callback.

    `overtaken` counts the callbacks that arrive after the gateway has sent its response and before the app has received it.
    """

    kind: Kind
    sees: Sees = Sees.QUEUED
    overtaken: int = 0

    @property
    def arrivals(self) -> int:
        return self.overtaken + (self.kind is Kind.CALLBACK)


@dataclass(frozen=True, slots=True)
class Order:
    """Steps, beginning with the submit, of which each is legal after those before it.

    Legal is what page and policy allow: no callback before the acceptance, callbacks of the end only, no state that goes back,
    duplicates and retries at any time.
    """

    steps: tuple[EventStep, ...]

    @property
    def size(self) -> int:
        return sum(step.overtaken + 1 for step in self.steps)

    @property
    def arrivals(self) -> int:
        return sum(step.arrivals for step in self.steps)

    @property
    def sees(self) -> Sees:
        """The latest state that the app may have seen."""
        return Sees.END if self.arrivals else max((step.sees for step in self.steps), default=Sees.QUEUED)

    def then(self, step: EventStep) -> Order:
        return Order((*self.steps, step))

    def continuations(self, *, polls: bool, callbacks: bool) -> Iterator[EventStep]:
        """Every step that is legal next, smallest first, for an app that polls or takes callbacks, or both."""
        left = MOST_ARRIVALS - self.arrivals if callbacks else 0
        if not self.steps:
            yield from (EventStep(Kind.SUBMIT, overtaken=count) for count in range(left + 1))
            return
        if left:
            yield EventStep(Kind.CALLBACK)
        if polls:
            seen = [sees for sees in reversed(Sees) if sees >= self.sees]
            yield from (EventStep(Kind.POLL, sees, count) for count in range(left + 1) for sees in seen)


def orders(size: int, *, polls: bool, callbacks: bool) -> Iterator[Order]:
    """Every order of that size after which the app can know that its generation has ended."""
    grown = deque([Order(())])
    while grown:
        order = grown.popleft()
        if order.size == size and order.sees is Sees.END:
            yield order
        steps = (order.then(step) for step in order.continuations(polls=polls, callbacks=callbacks))
        grown.extend(longer for longer in steps if longer.size <= size)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an app under exploration finds its gateway, and the URL to which it has callbacks sent."""

    url: str
    api_key: str
    webhook_url: str


class AppUnderTest(Protocol):
    """The interface of an app under exploration; `poll`, `receive` and `close` are optional, see `explore`."""

    def submit(self) -> object:
        """Submit one generation, and process the response."""

    def result(self) -> object:
        """The state that the app believes the generation to be in."""


class AppError(Exception):
    """The failure of the app under this order."""


class InvalidAppError(Exception):
    """The adapter of an app does not do what `explore` asks of it; the message names the remedy."""


def proxy_for(gateway: str, before_response: Callable[[HttpRequest, HttpResponse], None]) -> LoopbackServer:
    """A reverse proxy for the gateway at this URL; `before_response` is called before each response is passed on.

    The gateway sees the Host that the caller used, so the URLs in its responses go through the proxy, too.
    """
    netloc = urlsplit(gateway).netloc

    def forward(request: HttpRequest) -> HttpResponse:
        try:
            with closing(HTTPConnection(netloc, timeout=PATIENCE)) as connection:
                connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
                for name, value in request.headers.items():
                    if name not in _HOP_BY_HOP:
                        connection.putheader(name, value)
                if request.body or request.method == "POST":
                    connection.putheader("content-length", str(len(request.body)))
                connection.endheaders(request.body)
                answer = connection.getresponse()
                response = HttpResponse(answer.status, answer.read(), dict(answer.getheaders()))
        except (OSError, HTTPException) as error:
            return HttpResponse(502, f"the proxy got no response: {error!r}".encode())
        before_response(request, response)
        return response

    return LoopbackServer(forward)


class Run:
    """Carries out one order; afterwards `lines` describe what happened, one line an event.

    Callbacks come from the gateway, one at a time: the first when the generation ends, a retry after each refusal; only duplicates are made
    here, and every other attempt of the gateway is refused. A response waits `patience` real seconds for a callback that overtakes it.
    """

    def __init__(self, world: ControlClient, patience: float) -> None:
        self.lines: list[str] = []
        self._app: Any = None
        self._world = world
        self._patience = patience
        self._elapsed = 0
        self._overtaking = 0
        self._submitted = False
        self._waiting: list[threading.Thread] = []
        self._error: Exception | None = None
        self._attempts = 0
        self._delivering: str | None = None
        """The words that end the line of the callback that is with the app, None while none is."""
        self._latest: Callback | None = None
        self._answer: int | None = None

    def carry_out(
        self, make_app: Callable[[Scene], AppUnderTest], order: Order, check: Callable[[Any], object]
    ) -> None:
        """Carry out the order, let the gateway retry what the app refused, and check the result. Raises AppError, or InvalidAppError."""
        with self._connected(make_app):
            for step in order.steps:
                self._step(step)
            while order.arrivals and self._will_retry:
                self._deliver()
            _as_app_error("the check", partial(check, self._app))

    def abilities(self, make_app: Callable[[Scene], AppUnderTest]) -> dict[str, bool]:
        """Whether an app `polls`, and whether it takes `callbacks`. Raises InvalidAppError when it does neither, or is made of coroutines."""
        with self._connected(make_app):
            found = {"polls": hasattr(self._app, "poll"), "callbacks": hasattr(self._app, "receive")}
        if not any(found.values()):
            raise InvalidAppError(
                "the app has neither poll() nor receive(callback): it could never learn how a generation ended"
            )
        for name in ("submit", "poll", "receive", "result"):
            if inspect.iscoroutinefunction(getattr(self._app, name, None)):
                raise InvalidAppError(f"{name}() is a coroutine function: make it a plain one that calls asyncio.run")
        return found

    @contextmanager
    def _connected(self, make_app: Callable[[Scene], AppUnderTest]) -> Generator[None]:
        with Inbox() as inbox, proxy_for(self._world.url, self._before_response) as proxy:
            inbox.deliver_to(self._answer_to)
            self._app = make_app(Scene(proxy.origin, self._world.api_key or "", inbox.url))
            try:
                yield
            finally:
                if close := getattr(self._app, "close", None):
                    close()

    def _step(self, step: EventStep) -> None:
        self._advance_to(BEGINS[step.sees])
        self._overtaking = step.overtaken
        if step.kind is Kind.CALLBACK:
            self._deliver()
        elif step.kind is Kind.POLL:
            _as_app_error("poll()", self._app.poll)
        else:
            _as_app_error("submit()", self._app.submit)
            if not self._submitted:
                raise InvalidAppError(
                    "submit() received no 202 from the gateway: submit once to scene.url with scene.api_key"
                )
        self._settle()
        for _ in range(self._overtaking):  # the app sent no request whose response could be overtaken, or made one wait
            self._deliver()

    def _settle(self) -> None:
        """Wait for the callbacks that the app made wait, and raise what was raised in their threads."""
        for thread in self._waiting:
            thread.join(SETTLING)
            if thread.is_alive():
                raise AppError(f"receive() did not return within {SETTLING:g} s")
        self._waiting.clear()
        if self._error:
            raise self._error

    def _advance_to(self, second: int) -> None:
        """Advance the clock to this many seconds after the submit; a callback that falls due does not reach the app."""
        if (seconds := second - self._elapsed) > 0:
            self._elapsed = second
            self._world.advance(seconds)

    def _deliver(self, when: str = "") -> None:
        """Let one callback reach the app; `when` completes its line. Raises InvalidAppError when none was asked for."""
        self._delivering = when
        try:
            if self._latest and not self._is_due():
                self._pass_on(self._latest, " again (a duplicate)")
            else:
                wait = RETRIES[self._attempts - 1] if self._attempts else 0
                self._advance_to(max(BEGINS[Sees.END], self._elapsed + wait))
        finally:
            self._delivering = None
        if self._latest is None:
            raise InvalidAppError(
                "no callback arrived: submit() must send scene.webhook_url as X-Webhook-URL or callback_url; an app"
                " without webhooks has no receive()"
            )

    @property
    def _will_retry(self) -> bool:
        """Whether the app refused the latest callback and the gateway has not given up yet."""
        return self._answer is not None and self._is_due()

    def _is_due(self) -> bool:
        """Whether the gateway still has to deliver: nothing reached the app yet, or the app refused what did."""
        return self._attempts <= len(RETRIES) and not is_success(self._answer)

    def _answer_to(self, callback: Callback) -> int:
        """The status code for an attempt of the gateway: the app's, or 503 when no callback is to reach the app now."""
        self._attempts += 1
        again = "" if self._answer is None else " again (a retry)"
        self._latest = callback
        return 503 if self._delivering is None else self._pass_on(callback, again)

    def _pass_on(self, callback: Callback, again: str) -> int:
        index = len(self.lines)
        self.lines.append(f"the webhook {callback.status} arrives{again}{self._delivering}")
        try:
            status = self._app.receive(callback) or 204
            reaction = f"answers {status}"
        except Exception as error:  # noqa: BLE001 - an app may raise anything
            status = 500
            reaction = f"raises {type(error).__name__}: {error}"
        self._answer = status
        self.lines[index] += f", and the app {reaction}"
        return status

    def _before_response(self, request: HttpRequest, response: HttpResponse) -> None:
        name = self._name(request, response)
        if name is None or self._delivering is not None:  # a read within receive() is part of that callback
            return

        def overtake() -> None:
            try:
                self._deliver(f" before {name}")
            except Exception as error:  # noqa: BLE001 - raised again by `_settle`, in the thread of the order
                self._error = error

        while self._overtaking and not self._waiting:
            self._overtaking -= 1
            overtaking = threading.Thread(target=overtake, daemon=True)
            overtaking.start()
            overtaking.join(self._patience)
            if overtaking.is_alive():
                self._waiting.append(overtaking)
        self.lines.append(f"{name} arrives")

    def _name(self, request: HttpRequest, response: HttpResponse) -> str | None:
        """The name of a response in `lines`; None for one that nothing can overtake."""
        if request.method == "POST":
            self._submitted = self._submitted or response.status in (200, 202)
            return f"the {response.status}"
        if "/requests/status/" not in request.target:
            return None
        status = Callback(0, response.headers, response.body).status
        return f"the poll's response {status or response.status}"


def _as_app_error(name: str, function: Callable[[], object]) -> None:
    try:
        function()
    except (AppError, InvalidAppError):
        raise
    except Exception as error:
        raise AppError(f"{name} raised {type(error).__name__}: {error}") from error
