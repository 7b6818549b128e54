"""One order, performed on an app in a world of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pytest_pixazo.webhooks import Callback, Inbox, Request, Response

from .arrivals import Arrivals, NoCallbackError
from .order import Kind, Order, Sees, Step
from .proxy import Relay

if TYPE_CHECKING:
    from pixazo_simulator import ControlClient


BEGINS = {Sees.QUEUED: 0, Sees.PROCESSING: 2, Sees.END: 15}
"""Seconds after the submit at which a generation enters each state."""
SETTLING = 10.0
"""Real seconds that an app may take for a callback that it lets wait."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an app under exploration finds its gateway, and where it lets callbacks be sent to."""

    url: str
    api_key: str
    webhook_url: str


class App(Protocol):
    """What every app under exploration can do; `poll`, `receive` and `close` are optional, see `explore`."""

    def submit(self) -> object:
        """Submit one generation, and take the answer in."""
        ...

    def result(self) -> object:
        """What the app believes of it."""
        ...


class AppError(Exception):
    """What the app did wrong in the end."""


class UnfitAppError(Exception):
    """The adapter of an app does not do what was agreed; the message names the remedy."""


class Performance:
    """Performs one order; afterwards `lines` say in words what happened, one line an event."""

    def __init__(self, world: ControlClient, patience: float) -> None:
        self.lines: list[str] = []
        self._world = world
        self._patience = patience
        self._arrivals = Arrivals(world, self._receive, self.lines)
        self._overtaking = 0
        self._submitted = False
        self._waiting: list[threading.Thread] = []
        self._error: Exception | None = None

    def perform(self, make_app: Callable[[Scene], App], order: Order, check: Callable[[App], object]) -> None:
        """Perform the order, let the gateway repeat what the app refused, check. Raises AppError, or UnfitAppError."""
        with self._staged(make_app):
            for step in order.steps:
                self._perform(step)
            while order.arrivals and self._arrivals.will_retry:
                self._arrive()
            _blame("the check", partial(check, self._app))

    def abilities(self, make_app: Callable[[Scene], App]) -> dict[str, bool]:
        """Whether such an app `polls`, and whether it takes `callbacks`. Raises UnfitAppError when neither."""
        with self._staged(make_app):
            found = {"polls": hasattr(self._app, "poll"), "callbacks": hasattr(self._app, "receive")}
        if not any(found.values()):
            raise UnfitAppError("the app has neither poll() nor receive(callback): it could never learn how it ended")
        return found

    @contextmanager
    def _staged(self, make_app: Callable[[Scene], App]) -> Generator[None]:
        """The app made, where it finds gateway and receiver; closed in the end."""
        with Inbox() as inbox, Relay(self._world.url, self._on_its_way) as relay:
            inbox.deliver_to(self._arrivals.take)
            self._app = make_app(Scene(relay.url, self._world.api_key or "", inbox.url))
            try:
                yield
            finally:
                getattr(self._app, "close", _nothing)()

    def _perform(self, step: Step) -> None:
        self._arrivals.let_pass(BEGINS[step.sees])
        self._overtaking = step.overtaken
        if step.kind is Kind.CALLBACK:
            self._arrive()
        elif step.kind is Kind.POLL:
            _blame("poll()", getattr(self._app, "poll"))  # noqa: B009 - an app that cannot poll meets no such step
        else:
            _blame("submit()", self._app.submit)
            if not self._submitted:
                raise UnfitAppError(
                    "submit() had no 202 from the gateway: send one submit to scene.url with scene.api_key"
                )
        self._settle()
        for _ in range(self._overtaking):  # the app asked nothing that could have been overtaken, or let one wait
            self._arrive()

    def _arrive(self, when: str = "") -> None:
        try:
            self._arrivals.arrive(when)
        except NoCallbackError:
            raise UnfitAppError(
                "no callback came: submit() has to send scene.webhook_url as X-Webhook-URL or callback_url; an app"
                " without webhooks has no receive()"
            ) from None

    def _settle(self) -> None:
        """Let callbacks end that the app made to wait, and raise what was raised in their threads."""
        for thread in self._waiting:
            thread.join(SETTLING)
            if thread.is_alive():
                raise AppError(f"receive() did not return within {SETTLING:g} s")
        self._waiting.clear()
        if self._error:
            raise self._error

    def _receive(self, callback: Callback) -> int | None:
        receive: Callable[[Callback], int | None] = getattr(self._app, "receive")  # noqa: B009 - as with poll
        return receive(callback)

    def _on_its_way(self, request: Request, response: Response) -> None:
        """Called by the relay with an answer that has not arrived yet."""
        answer = self._name(request, response)
        if answer is None or self._arrivals.under_way:  # what the app asks while it takes a callback is part of that
            return
        while self._overtaking and not self._waiting:
            self._overtaking -= 1
            overtaking = threading.Thread(target=self._overtake, args=(f" before {answer}",), daemon=True)
            overtaking.start()
            overtaking.join(self._patience)
            if overtaking.is_alive():
                self._waiting.append(overtaking)
        self.lines.append(f"{answer} arrives")

    def _overtake(self, when: str) -> None:
        try:
            self._arrive(when)
        except Exception as error:  # noqa: BLE001 - raised again where the order is performed
            self._error = error

    def _name(self, request: Request, response: Response) -> str | None:
        """What an answer is called, None for one that nothing can overtake."""
        if request.method == "POST":
            self._submitted = self._submitted or response.status in (200, 202)
            return f"the {response.status}"
        if "/requests/status/" not in request.target:
            return None
        told = Callback(0, response.headers, response.body).status
        return f"the poll's answer {told or response.status}"


def _blame(name: str, doing: Callable[[], object]) -> None:
    """Do something of the app's; what it raises is the app's failure."""
    try:
        doing()
    except AppError:
        raise
    except Exception as error:
        raise AppError(f"{name} raised {type(error).__name__}: {error}") from error


def _nothing() -> None:
    pass
