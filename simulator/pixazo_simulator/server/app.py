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
from starlette.types import Receive, Scope, Send

from pixazo_simulator.control import ControlHandler, Turns
from pixazo_simulator.gateway import Gateway
from pixazo_simulator.spec import CONTROL_PREFIX, DISCOVERY_PATH, SecretFilter
from pixazo_simulator.webhooks import Dispatcher, Sender
from pixazo_simulator.world import Worlds

from .asgi import GatewayApp
from .http import GatewayProtocol
from .tls import TlsListeners

if TYPE_CHECKING:
    from pixazo_simulator.mutants import EditedGateway, Mutant, Variant


_SECRETS = SecretFilter()
logging.getLogger("pixazo_simulator").addFilter(_SECRETS)
CANCEL_AGAIN = 0.02
"""Seconds after which a task that was cancelled and still runs is cancelled again."""


class Application:
    """The simulator as an ASGI application over some worlds; its lifespan delivers webhooks in the background.

    `change` makes a mutant or variant of the gateway; our own routes stay as they are.
    """

    def __init__(
        self,
        worlds: Worlds,
        change: Mutant | Variant | None = None,
        protocol: type[GatewayProtocol] = GatewayProtocol,
    ) -> None:
        self.worlds = worlds
        _SECRETS.heed(worlds.redactor)
        self._sender = Sender()
        self.dispatcher = Dispatcher(worlds, self._sender.send)
        policy = worlds.settings.policy
        turns = Turns()
        self._gateway = GatewayApp(self._edited(change), self.dispatcher, policy, turns)
        self.tls_listeners = TlsListeners(self, self._gateway, protocol)
        self.control = ControlHandler(worlds, self.dispatcher, self.tls_listeners, turns)
        routes = [
            Route(f"{CONTROL_PREFIX}{{rest:path}}", self.control),
            Route(DISCOVERY_PATH, self.control.discovery, methods=["GET"]),
            Mount("/", self._gateway),
        ]
        cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["*"])
        self._shortcut = policy.cors == "off"
        middleware = [] if self._shortcut else [cors]
        self._routed = Starlette(routes=routes, middleware=middleware, lifespan=self._lifespan)
        self._routed.router.redirect_slashes = False
        self._routed.router.default = self._gateway  # for targets without a path, such as `OPTIONS *`

    def _edited(self, change: Mutant | Variant | None) -> Gateway | EditedGateway:
        gateway = Gateway(self.worlds)
        if change is None:
            return gateway
        from pixazo_simulator.mutants import EditedGateway

        edited = EditedGateway(gateway, change, self.worlds)
        self.dispatcher.edit = edited.callback
        return edited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch most requests by prefix: the route table and middleware of Starlette would take longer than the response."""
        if not self._shortcut or scope["type"] != "http" or scope["path"] == DISCOVERY_PATH:
            await self._routed(scope, receive, send)
        elif scope["path"].startswith(CONTROL_PREFIX):
            await self.control(scope, receive, send)
        else:
            await self._gateway(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        running = asyncio.create_task(self.dispatcher.run())
        yield
        while not running.done():  # it may swallow a cancellation that comes when it is just woken
            running.cancel()
            await asyncio.wait({running}, timeout=CANCEL_AGAIN)
        for step in (self.tls_listeners.close_all, self.dispatcher.close, self._sender.close):
            # A task each, so that a server that stops can name the step that did not end.
            await asyncio.wait({asyncio.create_task(step())})
