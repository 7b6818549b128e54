"""The lifespan of an ASGI app: started before its first request, ended after its last."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import anyio

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class LifespanError(Exception):
    """The app said that it cannot start or stop."""


class _Conversation:
    """What the server and one app say about its lifespan."""

    def __init__(self, app: AsgiApp, state: dict[str, Any]) -> None:
        self._app = app
        self._scope: Message = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
        self._asked = 0
        self._ending = anyio.Event()
        self.started = anyio.Event()
        self.failure: str | None = None

    async def run(self) -> None:
        """Call the app; one that knows no lifespan raises, which means nothing."""
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - an app may raise anything
            if self.started.is_set():
                self.failure = f"{type(error).__name__}: {error}"
        finally:
            self.started.set()

    def end(self) -> None:
        """Let the app shut down."""
        self._ending.set()

    async def _receive(self) -> Message:
        self._asked += 1
        if self._asked == 1:
            return {"type": "lifespan.startup"}
        await self._ending.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        if message["type"].endswith(".failed"):
            self.failure = message.get("message") or "no reason given"
        self.started.set()


@asynccontextmanager
async def lifespan(app: AsgiApp, state: dict[str, Any]) -> AsyncGenerator[None]:
    """The app started; on leaving it is shut down. Raises LifespanError when it says that it failed."""
    conversation, doing = _Conversation(app, state), "start"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(conversation.run)
        await conversation.started.wait()
        if conversation.failure is None:
            doing = "stop"
            yield
        conversation.end()
    if conversation.failure:
        raise LifespanError(f"the app could not {doing}: {conversation.failure}")
