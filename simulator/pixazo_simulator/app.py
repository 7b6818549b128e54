"""Puts the routes together into one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .control import Control
from .courier import Courier
from .doors import Doors
from .gateway import Gateway
from .policy import Policy
from .post import Postman
from .protocol import GatewayProtocol
from .wire import STATUS_PATH, SUBMIT_PATHS
from .worlds import Worlds

if TYPE_CHECKING:
    from .mutants import Mutant, Variant

__all__ = ["Application"]


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
        self._postman = Postman()
        self.entry: ASGIApp = self
        self.courier = Courier(worlds, self._postman.post)
        if change:
            self._edit(change)
        self._gateway = Gateway(worlds, self.courier.wake)
        self.doors = Doors(self.entry, self._gateway, protocol)
        routes = [
            *Control(worlds, self.courier, self.doors).routes(),
            Route("/v1/{request_id}/output.{extension}", self._gateway.media, methods=["GET", "HEAD"]),
            Mount("/", self._gateway),
        ]
        policy = worlds.settings.policy
        self._routed = Starlette(routes=routes, middleware=_middleware(policy), lifespan=self._lifespan)
        self._routed.router.redirect_slashes = False
        self._routed.router.default = self._gateway  # for targets without a path, such as `OPTIONS *`
        self._shortcut = policy.cors == "off"

    def _edit(self, change: Mutant | Variant) -> None:
        from .mutants import EditedGateway, Editing

        editing = Editing(change, self.worlds)
        self.courier.edit = editing.callback
        self.entry = EditedGateway(self, editing, self.courier.advance)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the two hot paths past the route table, which would cost more than all of their work."""
        if self._shortcut and scope["type"] == "http" and _is_hot(scope["path"]):
            await self._gateway(scope, receive, send)
        else:
            await self._routed(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        running = asyncio.create_task(self.courier.run())
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await self.doors.close_all()
        await self.courier.close()
        await self._postman.close()


def _is_hot(path: str) -> bool:
    return path.startswith(STATUS_PATH) or path in SUBMIT_PATHS


def _middleware(policy: Policy) -> list[Middleware]:
    if policy.cors == "off":
        return []
    return [Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["*"])]
