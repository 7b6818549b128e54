"""Simulators in this process whose worlds are kept in a store, and what becomes of them when the store is opened again."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any, TypeVar

from tests.inprocess import InProcess

from pixazo_simulator.gateway import Response
from pixazo_simulator.server.asgi import Application
from pixazo_simulator.server.files import read_videos
from pixazo_simulator.spec import PAGE_INSTANT
from pixazo_simulator.state import Log
from pixazo_simulator.state.store import Head, MemoryStore, Store
from pixazo_simulator.webhooks.egress import Outcome
from pixazo_simulator.webhooks.sender import WebhookRequest
from pixazo_simulator.world import Begun, Row, Settings, Worlds

__all__ = ["HEAD", "KeptInProcess", "Receiver", "opened", "replayed", "with_receiver"]

HEAD = Head(Begun(1_700_000_000_000, PAGE_INSTANT), {})


class Receiver:
    """Replaces the network: takes every webhook, and answers in turn as a test wants."""

    def __init__(self, outcomes: Sequence[Outcome] = (Outcome(204),)) -> None:
        self.webhooks: list[WebhookRequest] = []
        self._outcomes: Iterator[Outcome] = cycle(outcomes)

    async def post(self, webhook: WebhookRequest) -> Outcome:
        """Take a webhook."""
        self.webhooks.append(webhook)
        return next(self._outcomes)


Server = TypeVar("Server", bound=InProcess)


def with_receiver(sending: Server, receiver: Receiver) -> Server:
    """A simulator that posts to this receiver."""
    sending._app.dispatcher._send = receiver.post
    return sending


class KeptInProcess(InProcess):
    """The same as `InProcess` with a store, after what that holds; `answers` are those of its gateway."""

    def __init__(self, store: Store, settings: Settings | None = None) -> None:
        super().__init__()
        self._app, self.answers = opened(store, settings or Settings())
        self._runner.run(self._start())

    async def _start(self) -> None:
        self.log.start()

    @property
    def log(self) -> Log:
        """What keeps its commands."""
        assert self._app.log
        return self._app.log

    @property
    def application(self) -> Application:
        """What it runs."""
        return self._app

    @property
    def rows(self) -> list[Row]:
        """Its state."""
        return [*self._app.worlds.saved()]

    def __exit__(self, *_: object) -> None:
        self._runner.run(self.log.close())
        super().__exit__()


Answers = list[tuple[int, Any, bytes]]
"""Status, headers and body of each."""


def opened(store: Store, settings: Settings) -> tuple[Application, Answers]:
    """A simulator that has carried out what a store holds, and the answers that its gateway gives, in order."""
    kept = store.open(HEAD)
    application, answers = Application(Worlds(settings, read_videos(), kept.head.begun)), Answers()
    carry_out = application.responder.carry_out

    def recorded(*request: Any) -> Response:
        response = carry_out(*request)
        answers.append((response.status, response.headers, response.body))
        return response

    vars(application.responder)["carry_out"] = recorded
    application.keep(store, kept)
    return application, answers


def replayed(settings: Settings, entries: Iterable[bytes], state: Sequence[Row] = ()) -> tuple[list[Row], Answers]:
    """The state and the answers that come of entries, which are carried out after the rows of a state if there are any."""
    store = MemoryStore()
    store._state, store._entries = list(state), list(entries)
    application, answers = opened(store, settings)
    return [*application.worlds.saved()], answers
