"""The gateway as an ASGI application: reads a request, asks the gateway, carries out the effects, sends the response."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from starlette.types import Message, Receive, Scope, Send

from pixazo_simulator.control import Turns
from pixazo_simulator.gateway import Gateway, Request, Response, Route
from pixazo_simulator.spec import (
    SMALL_BODY,
    Broken,
    Policy,
    TooManyBodies,
    Unrouted,
    beginning,
    place,
    refusal_answer,
)
from pixazo_simulator.webhooks import Dispatcher

from .transmission import ConnectionCutError, holding, transmit

if TYPE_CHECKING:
    from pixazo_simulator.mutants import EditedGateway

LISTENER = "pixazo.listener"
"""Key of the ASGI scope under which a TLS listener names the world that it leads to."""
HEADER_BYTES = "pixazo.header_bytes"
"""Key of the ASGI scope under which the protocol states how many bytes the request line and headers have."""
SPELLING = "pixazo.spelling"
"""Key of the ASGI scope under which the protocol states the header names as the caller wrote them."""
MOST_HELD = 512 * 1024 * 1024
"""Bytes of request bodies that are held at once; a body that comes in one piece, which is small, does not count."""

log = logging.getLogger("pixazo_simulator")

_SHOWN = 120


class DisconnectedError(Exception):
    """The caller went away before the body was complete."""


class CrowdedError(Exception):
    """The bodies that are held would come to more than MOST_HELD bytes."""


class GatewayApp:
    """An ASGI application over a gateway. Never raises for anything that a caller sends."""

    def __init__(self, gateway: Gateway | EditedGateway, dispatcher: Dispatcher, policy: Policy, turns: Turns) -> None:
        self._gateway = gateway
        self._dispatcher = dispatcher
        self._policy = policy
        self._turns = turns
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an exception before the response has begun is logged, and answered 500."""
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._answer(scope, receive, sent)
        except ConnectionCutError:  # for the server that runs us
            raise
        except Exception as error:
            if begun:
                raise
            what = f"{beginning(scope['method'], _SHOWN)!a} {beginning(scope['path'], _SHOWN)!a}"
            log.error("%s failed with %s %s", what, type(error).__name__, place(error))  # noqa: TRY400 - a traceback may hold keys
            answer = refusal_answer(Broken(), self._policy, "")
            length = (b"content-length", b"%d" % len(answer.body))
            await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length]})
            await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope)
        route = self._gateway.route(request)
        if route.body_limit is None:
            now = route.clock.now()
            await self._send(self._gateway.respond(request, now, route), route, now, scope, receive, send)
        else:
            await self._answer_body(request, route, scope, receive, send)

    async def _answer_body(self, request: Request, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then answer; nothing is done for a caller that goes away before its end."""
        body = _Body(self, receive, route, request)
        try:
            try:
                await body.read()
            except DisconnectedError:
                if not isinstance(route.endpoint, Unrouted):  # whose body is for the journal only
                    return
            async with self._turns.turn(request.received) if request.received > SMALL_BODY else nullcontext():
                now = route.clock.now()
                response = self._gateway.respond(request, now, route)
            await self._send(response, route, now, scope, receive, send)
        except CrowdedError:
            now = route.clock.now()
            response = self._gateway.refuse(request, route, TooManyBodies(MOST_HELD), now)
            await self._send(response, route, now, scope, receive, send)
        finally:  # only now, since a fault may hold a response, and the body with it, for an hour
            self._held -= body.held

    async def _send(
        self, response: Response, route: Route, now: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Carry out the effects of a response, journal it, and send it."""
        if response.log:
            log.info("%s", response.log)
        if response.hold is not None and response.world:
            with holding(scope):
                await self._dispatcher.reach(response.world, response.hold)
            now = route.clock.now()
            response = response.dated(now)
        if response.wakes:
            self._dispatcher.wake()
        if response.pause:
            await asyncio.sleep(response.pause)
        self._gateway.record(response, now)
        await transmit(response, scope, receive, send)

    def hold(self, size: int) -> None:
        """Count bytes of a body that comes in pieces. Raises CrowdedError beyond the bound."""
        self._held += size
        if self._held > MOST_HELD:
            raise CrowdedError


class _Body:
    """The body of one request while it is read; `held` bytes of it count against the bound of all."""

    def __init__(self, app: GatewayApp, receive: Receive, route: Route, request: Request) -> None:
        self._app = app
        self._receive = receive
        self._keep = route.keep
        self._limit = route.body_limit or 0
        self._request = request
        self.held = 0

    async def read(self) -> None:
        """Read the body into the request, or None as soon as it is longer than the limit.

        Raises DisconnectedError when the caller goes away before its end, CrowdedError when too many bytes are held.
        """
        request, keep, limit = self._request, self._keep, self._limit
        request.body = None
        if request.content_length > limit:
            return
        message = await self._receive()
        body: bytes = message.get("body", b"")
        received = len(body)
        if message.get("more_body"):
            parts = bytearray(body[:keep])
            while message.get("more_body") and received <= limit:
                message = await self._receive()
                more: bytes = message.get("body", b"")
                received += len(more)
                parts += more if keep is None else more[: max(0, keep - len(parts))]
                if keep is None:
                    self.held += len(more)
                    self._app.hold(len(more))
            body = bytes(parts)
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        if received <= limit:
            request.body, request.received = body[:keep], received


def _request(scope: Scope) -> Request:
    return Request(
        scope["method"], scope["path"], scope["query_string"], scope["headers"], scope["scheme"],
        scope.get("server") or ("localhost", None), scope.get(LISTENER), scope.get(HEADER_BYTES),
        tuple(scope.get(SPELLING, ())),
    )  # fmt: skip
