"""Puts the routes together into one ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pixazo_simulator.control import ROUTES, ControlHandler
from pixazo_simulator.gateway import Front, Turns
from pixazo_simulator.spec import CONTROL_PREFIX, INVITATION_PATH, Policy, SecretFilter
from pixazo_simulator.webhooks import Courier, Postman
from pixazo_simulator.world import Worlds

from .http import GatewayProtocol
from .tls import Doors

if TYPE_CHECKING:
    from pixazo_simulator.mutants import Mutant, Variant


_SECRETS = SecretFilter()
logging.getLogger("pixazo_simulator").addFilter(_SECRETS)
CANCEL_AGAIN = 0.02
"""Seconds after which a task that was cancelled and still runs is cancelled again."""


class Application:
    """The simulator as an ASGI application over some worlds; its lifespan delivers callbacks in the background.

    `entry` is what callers are to meet: the application itself, or round it the editors of a mutant or variant.
    """

    def __init__(
        self,
        worlds: Worlds,
        change: Mutant | Variant | None = None,
        protocol: type[GatewayProtocol] = GatewayProtocol,
    ) -> None:
        self.worlds = worlds
        _SECRETS.heed(worlds.redactor)
        self._postman = Postman()
        self.entry: ASGIApp = self
        self.courier = Courier(worlds, self._postman.post)
        if change:
            self._edit(change)
        turns = Turns()
        self._front = Front(worlds, self.courier, turns)
        self.doors = Doors(self.entry, self._front, protocol)
        self.control = ControlHandler(worlds, self.courier, self.doors, ROUTES, turns)
        routes = [
            Route(f"{CONTROL_PREFIX}{{rest:path}}", self.control),
            Route(INVITATION_PATH, self.control.discovery, methods=["GET"]),
            Mount("/", self._front),
        ]
        policy = worlds.settings.policy
        self._routed = Starlette(routes=routes, middleware=_middleware(policy), lifespan=self._lifespan)
        self._routed.router.redirect_slashes = False
        self._routed.router.default = self._front  # for targets without a path, such as `OPTIONS *`
        self._shortcut = policy.cors == "off"

    def _edit(self, change: Mutant | Variant) -> None:
        from pixazo_simulator.mutants import EditedGateway, Editing

        editing = Editing(change, self.worlds)
        self.courier.edit = editing.callback
        self.entry = EditedGateway(self, editing, self.courier.reach)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take nearly everything past the route table, which would cost more than all of the work."""
        if not self._shortcut or scope["type"] != "http" or scope["path"] == INVITATION_PATH:
            await self._routed(scope, receive, send)
        elif scope["path"].startswith(CONTROL_PREFIX):
            await self.control(scope, receive, send)
        else:
            await self._front(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        running = asyncio.create_task(self.courier.run())
        yield
        while not running.done():  # it may swallow a cancellation that comes when it is just woken
            running.cancel()
            await asyncio.wait({running}, timeout=CANCEL_AGAIN)
        for step in (self.doors.close_all, self.courier.close, self._postman.close):
            await asyncio.wait({asyncio.create_task(step())})  # by its task a server can tell for which it had to wait


def _middleware(policy: Policy) -> list[Middleware]:
    if policy.cors == "off":
        return []
    return [Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["*"])]
