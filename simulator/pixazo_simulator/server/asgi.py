"""The simulator as an ASGI application: the routes of `/_sim`, and the gateway's, whose effects are carried out here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixazo_simulator import spec
from pixazo_simulator.control import BodyQueue, ControlHandler, real_clock
from pixazo_simulator.gateway import Gateway, Request, Response, RoutedRequest, framed
from pixazo_simulator.webhooks import Dispatcher, Sender
from pixazo_simulator.world import Worlds

from .http import HEADER_BYTES, RAW_HEADER_NAMES, GatewayProtocol
from .tls import LISTENER, TlsListeners
from .transmission import ConnectionCutError, holding, transmit

if TYPE_CHECKING:
    from pixazo_simulator.mutants import EditedGateway, Mutant, Variant

MOST_HELD = 512 * 1024 * 1024
"""Bytes of request bodies that are held at once: 18 of the largest. A body that comes in one piece, which is small, does not count."""
CANCEL_AGAIN = 0.02
"""Seconds after which a task that was cancelled and still runs is cancelled again: several times within STOP_TIMEOUT."""
_SHOWN = 120

log = logging.getLogger("pixazo_simulator")
_SECRETS = spec.SecretFilter()
log.addFilter(_SECRETS)


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
        _SECRETS.add(worlds.redactor)
        self.dispatcher = Dispatcher(worlds, Sender(worlds.settings.webhook_ca).send)
        policy, body_queue = worlds.settings.policy, BodyQueue()
        self._gateway = GatewayApp(self._edited(change), self.dispatcher, worlds, body_queue)
        self.tls_listeners = TlsListeners(self, self._gateway, protocol)
        self.control = ControlHandler(worlds, self.dispatcher, self.tls_listeners, body_queue)
        self._lifespan = Router(lifespan=self._running).lifespan
        self._http: ASGIApp = self._dispatch
        if policy.cors != "off":
            self._http = CORSMiddleware(
                self._dispatch, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["*"]
            )

    def _edited(self, change: Mutant | Variant | None) -> Gateway | EditedGateway:
        gateway = Gateway(self.worlds)
        if change is None:
            return gateway
        from pixazo_simulator.mutants import EditedGateway

        edited = EditedGateway(gateway, change, self.worlds)
        self.dispatcher.edit = edited.webhook
        return edited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._lifespan if scope["type"] == "lifespan" else self._http)(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch by prefix: a route table of Starlette would take longer than most responses."""
        ours = scope["path"].startswith(spec.CONTROL_PREFIX)
        if ours or (scope["path"] == spec.DISCOVERY_PATH and scope["method"] in ("GET", "HEAD")):
            await self.control(scope, receive, send)
        else:
            await self._gateway(scope, receive, send)

    @asynccontextmanager
    async def _running(self, _: object) -> AsyncGenerator[None]:
        running = asyncio.create_task(self.dispatcher.run())
        yield
        while not running.done():  # it may swallow a cancellation that comes when it is just woken
            running.cancel()
            await asyncio.wait({running}, timeout=CANCEL_AGAIN)
        for step in (self.tls_listeners.close_all, self.dispatcher.close):
            # A task each, so that a server that stops can name the step that did not end.
            await asyncio.wait({asyncio.create_task(step())})


class TooManyBytesHeldError(Exception):
    """The bodies that are held would exceed MOST_HELD bytes."""


class GatewayApp:
    """An ASGI application over a gateway. Never raises for anything that a caller sends."""

    def __init__(
        self, gateway: Gateway | EditedGateway, dispatcher: Dispatcher, worlds: Worlds, body_queue: BodyQueue
    ) -> None:
        self._gateway = gateway
        self._dispatcher = dispatcher
        self._worlds = worlds
        self._body_queue = body_queue
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
            what = f"{spec.beginning(scope['method'], _SHOWN)!a} {spec.beginning(scope['path'], _SHOWN)!a}"
            log.error("%s failed with %s %s", what, type(error).__name__, spec.raised_at(error))  # noqa: TRY400 - a traceback may hold keys
            answer = spec.refusal_answer(spec.Broken(), self._worlds.settings.policy, "")
            headers = framed(answer, self._worlds.clock.now())
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing is done for a caller that goes away before the end of its body."""
        request, started = _request(scope), real_clock()
        route = self._gateway.route(request)
        with self._room() as count:
            try:
                has_ended = await _read_body(request, route, receive, count)
            except TooManyBytesHeldError:
                response = self._gateway.refuse(request, route, spec.TooManyBodies(MOST_HELD), route.clock.now())
            else:
                # The body of an unknown route is for the journal only.
                if not has_ended and not isinstance(route.endpoint, spec.Unrouted):
                    return
                async with self._body_queue.slot(request.received):
                    response = self._gateway.respond(request, route.clock.now(), route)
            if response.log:
                self._log(response, response.log, started)
            response = await self._carry_out(response, scope)
            entry = response.exchange(route.clock.elapsed())
            self._worlds.record(response.world, entry, request.header_bytes)
            try:
                await transmit(response, scope, receive, send)
            finally:
                if self._worlds.settings.log_requests and not response.log:
                    self._log(response, None, started)

    def _log(self, response: Response, line: str | None, started: float) -> None:
        """Log a call: with its own line, else with one that says how it was answered."""
        request, seconds = response.request, real_clock() - started
        redactor = request.redactor(self._worlds)
        method, path = redactor.text(request.method), redactor.text(spec.beginning(quote(request.path), _SHOWN))
        if line is None:
            parts = (response.reason, response.rule, *response.faults)
            why = redactor.text("; ".join(filter(None, parts)))
            line = f"{method} {path} answered {response.status} in {seconds * 1000:.1f} ms: {why}"
        fields = {
            "world": response.world.number if response.world else None,
            "request_id": response.request_id and redactor.text(response.request_id),
            "method": method, "path": path, "status": response.status, "duration": round(seconds, 6),
        }  # fmt: skip
        log.info("%s", line, extra=fields)

    @contextmanager
    def _room(self) -> Generator[Callable[[int], None]]:
        """A function that counts bytes of one body as held until the `with` block ends.

        That is when the response was sent, since a fault may hold it, and the body with it, for an hour.
        """
        held = 0

        def count(size: int) -> None:
            nonlocal held
            held += size
            self._held += size
            if self._held > MOST_HELD:
                raise TooManyBytesHeldError

        try:
            yield count
        finally:
            self._held -= held

    async def _carry_out(self, response: Response, scope: Scope) -> Response:
        """Carry out the effects of a response but for its transmission; one that was held back has a later Date."""
        if response.hold is not None and response.world:
            with holding(scope):
                await self._dispatcher.reach(response.world, response.hold)
            response = response.dated(response.world.clock.now())
        if response.wakes:
            self._dispatcher.wake()
        if response.pause:
            await asyncio.sleep(response.pause)
        return response


async def _read_body(request: Request, route: RoutedRequest, receive: Receive, count: Callable[[int], None]) -> bool:
    """Read as much of the body as the route says, None as soon as it is longer than that; `count` is told of each piece.

    False when the caller goes away before its end. Raises TooManyBytesHeldError when too many bytes are held.
    """
    limit, keep = route.body_limit, route.keep
    if limit is None:
        return True
    request.body = None
    if request.content_length > limit:
        return True
    message = await receive()
    body: bytes = message.get("body", b"")
    received = len(body)
    if message.get("more_body"):
        parts = bytearray(body[:keep])
        while message.get("more_body") and received <= limit:
            message = await receive()
            more: bytes = message.get("body", b"")
            received += len(more)
            parts += more if keep is None else more[: max(0, keep - len(parts))]
            if keep is None:
                count(len(more))
        body = bytes(parts)
    if message["type"] == "http.disconnect":
        return False
    if received <= limit:
        request.body, request.received = body[:keep], received
    return True


def _request(scope: Scope) -> Request:
    return Request(
        method=scope["method"], path=scope["path"], query=scope["query_string"], headers=scope["headers"],
        scheme=scope["scheme"], server=scope.get("server") or ("localhost", None), listener=scope.get(LISTENER),
        header_bytes=scope.get(HEADER_BYTES), raw_header_names=tuple(scope.get(RAW_HEADER_NAMES, ())),
    )  # fmt: skip
