"""Puts the routes together into one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .control import Control
from .courier import Courier
from .gateway import Gateway
from .policy import Policy
from .post import Postman
from .wire import STATUS_PATH, SUBMIT_PATHS
from .worlds import Worlds

__all__ = ["create_app"]


def create_app(worlds: Worlds) -> ASGIApp:
    """The simulator as an ASGI application; its lifespan delivers callbacks in the background."""
    postman = Postman()
    courier = Courier(worlds, postman.post)
    gateway = Gateway(worlds, courier.wake)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        running = asyncio.create_task(courier.run())
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await courier.close()
        await postman.close()

    routes = [
        *Control(worlds, courier).routes(),
        Route("/v1/{request_id}/output.{extension}", gateway.media, methods=["GET", "HEAD"]),
        Mount("/", gateway),
    ]
    everything = Starlette(routes=routes, middleware=_middleware(worlds.settings.policy), lifespan=lifespan)
    everything.router.redirect_slashes = False
    return everything if worlds.settings.policy.cors == "on" else _Shortcut(gateway, everything)


def _middleware(policy: Policy) -> list[Middleware]:
    if policy.cors == "off":
        return []
    return [Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["*"])]


class _Shortcut:
    """Takes the two hot paths past the route table, which would cost more than all of their work."""

    def __init__(self, gateway: Gateway, everything: ASGIApp) -> None:
        self._gateway = gateway
        self._everything = everything

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["path"].startswith(STATUS_PATH) or scope["path"] in SUBMIT_PATHS):
            await self._gateway(scope, receive, send)
        else:
            await self._everything(scope, receive, send)
