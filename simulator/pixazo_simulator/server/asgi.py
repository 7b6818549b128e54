"""The simulator as an ASGI application: the routes of `/_sim`, and the gateway's, whose effects are carried out here."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from pixazo_simulator import spec
from pixazo_simulator.gateway import Gateway, Request, Response, RoutedRequest, sent_key
from pixazo_simulator.script import Close, Ending, Noise, Reset
from pixazo_simulator.webhooks import Dispatcher, Sender
from pixazo_simulator.world import Begun, Worlds, real_clock

from .http import ANSWERED, CONNECTION, HEADER_BYTES, PROTOCOLS, GatewayProtocol
from .responder import Responder, Steps, leave, transmitted
from .tls import LISTENER, TlsListeners

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pixazo_simulator.control import ControlHandler
    from pixazo_simulator.mutants import EditedGateway, Mutant, Variant
    from pixazo_simulator.state import Answering, Kept, Log, Store

    from .console import Console

MOST_HELD = 512 * 1024 * 1024
"""Bytes of request bodies in memory at one time: 18 of the largest. A body that arrives in one piece, which is small, does not count."""
CANCEL_AGAIN = 0.02
"""Seconds after which a task that was cancelled but still runs is cancelled again: several times within STOP_TIMEOUT."""

log = logging.getLogger("pixazo_simulator")
# One for all servers: the logger is that of the process. It forgets a redactor with its worlds.
_SECRETS = spec.SecretFilter()
log.addFilter(_SECRETS)


class Application:
    """The simulator as an ASGI application over some worlds; its lifespan delivers webhooks. `change` is a mutant or variant."""

    def __init__(self, worlds: Worlds, change: Mutant | Variant | None = None) -> None:
        self.worlds, self._settings = worlds, worlds.settings
        self.log: Log | None = None
        """What keeps the commands of the worlds, if anything does."""
        self.address: tuple[str, int | None] = "localhost", None
        """The address of the server that runs it, for requests that come without a socket."""
        self.names = change.edits.names if change else None
        self.protocol = PROTOCOLS[self.names or "any case"]
        _SECRETS.add(worlds.redactor)
        self.dispatcher = Dispatcher(worlds, Sender(worlds.settings.webhook_ca).send)
        self._body_queue, self._change = BodyQueue(), change
        gateway = self._gateway_over(worlds)
        if not isinstance(gateway, Gateway):
            self.dispatcher.edit = gateway.webhook
        self.responder = Responder(gateway, worlds, self.dispatcher)
        self.gateway = GatewayApp(self.responder, self._body_queue)
        self.tls_listeners = TlsListeners(self, self.gateway, self.protocol, worlds)
        self._http: ASGIApp = self._dispatch
        self.is_wrapped = worlds.settings.policy.cors != "off"
        """Whether a middleware must see each request of a web page."""
        if self.is_wrapped:
            from starlette.middleware.cors import CORSMiddleware

            self._http = CORSMiddleware(
                self._dispatch, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["*"]
            )

    @cached_property
    def control(self) -> ControlHandler:
        """The routes of `/_sim`, imported when one is called, since the first response of a server would wait for the import."""
        from pixazo_simulator.control import ControlHandler

        parts = self.worlds, self.dispatcher, self.tls_listeners, self._body_queue.slot, self.scratch
        return ControlHandler(*parts, self.responder.traffic, self.responder.is_delaying)

    @cached_property
    def console(self) -> Console:
        """The pages of `/_sim/console`, which are also imported when one is requested."""
        from .console import Console

        return Console(self.control, self.worlds, self.gateway.ask_quietly)

    def keep(self, store: Store, kept: Kept) -> None:
        """Keep the commands of the worlds in a store, after those that it contains. Raises ValueError for what is not a log."""
        from pixazo_simulator.state import Log, beginning

        self.log = Log(beginning(kept, self.worlds, self.responder.carry_out), store)
        self.log.wake = self.dispatcher.wake
        self.log.load(kept)
        self.worlds.log = self.log

    def scratch(self, begun: Begun) -> tuple[Worlds, Answering]:
        """Worlds with the server's first settings, for trials, initially without any world, and what answers requests there."""
        worlds = Worlds(self._settings, self.worlds.videos, begun)
        return worlds, Responder(self._gateway_over(worlds), worlds, self.dispatcher).carry_out

    def _gateway_over(self, worlds: Worlds) -> Gateway | EditedGateway:
        gateway = Gateway(worlds)
        if self._change is None:
            return gateway
        from pixazo_simulator.mutants import EditedGateway

        return EditedGateway(gateway, self._change, worlds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._live if scope["type"] == "lifespan" else self._http)(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch by prefix: a route table of Starlette would take longer than most responses."""
        path: str = scope["path"]
        app: ASGIApp = self.gateway
        if is_ours(scope["method"], path):
            app = self.console if path.startswith(spec.CONSOLE_PATH) else self.control
        await app(scope, receive, send)

    @property
    def direct(self) -> GatewayApp | None:
        """What answers requests of the gateway without ASGI; None where a middleware must see each of them, or where a log must be waited for."""
        return None if self.is_wrapped or self.log else self.gateway

    async def _live(self, _: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if self.log:
            self.log.start()
        running = asyncio.create_task(self.worlds.in_steps(self.dispatcher.run))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        while not running.done():  # it may swallow a cancellation that arrives just as it wakes up
            running.cancel()
            await asyncio.wait({running}, timeout=CANCEL_AGAIN)
        for step in (self.tls_listeners.close_all, self.dispatcher.close, *((self.log.close,) if self.log else ())):
            # One task each, so a server that stops can name the step that did not end.
            await asyncio.wait({asyncio.create_task(step())})
        await send({"type": "lifespan.shutdown.complete"})


def is_ours(method: str, path: str) -> bool:
    return path.startswith(spec.CONTROL_PREFIX) or (
        path in (spec.DISCOVERY_PATH, spec.OPENAPI_PATH) and method in ("GET", "HEAD")
    )


class BodyQueue:
    """Lets one large body, of `/_sim` or the gateway, be processed per turn of the event loop, so others are served in between."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def slot(self, size: int) -> AsyncGenerator[None]:
        """Process a body of this many bytes. Nothing else may be awaited inside, since other large bodies wait."""
        if size <= spec.SMALL_BODY:
            yield
            return
        async with self._lock:
            await asyncio.sleep(0)
            yield


class ConnectionCutError(ConnectionError):
    """A fault should cut the connection, but the server that runs the application gives no access to it."""


class GatewayApp:
    """A gateway as an ASGI application, and for the protocol, which calls `begin` and `answer`. Never raises, whatever a caller sends."""

    def __init__(self, responder: Responder, body_queue: BodyQueue) -> None:
        self.responder = responder
        self._worlds = responder.worlds
        self._body_queue = body_queue
        self._held: dict[int, int] = {}  # bytes of bodies that came in pieces, by the identity of the request
        self._all_held = 0

    def begin(self, request: Request) -> RoutedRequest | None:
        """The route of a request that can be answered directly, once its body is complete.

        None for our own routes, for a body that is large or is not read, and where the gateway fails, which ASGI then reports.
        """
        if type(request.endpoint) is spec.Unrouted and is_ours(request.method, request.path):
            return None
        request.started = real_clock()
        try:
            route = self.responder.route(request)
        except Exception:  # noqa: BLE001  # it fails again, and that is logged
            return None
        most = 0 if route.body_limit is None else min(route.body_limit, spec.SMALL_BODY)
        return route if request.content_length <= most else None

    def answer(self, request: Request, route: RoutedRequest, *, keep_alive: bool) -> bytes | Response:
        """The bytes of the response to a complete request, ready to leave; or a response that is left to ASGI."""
        try:
            route.take(request, request.body or b"")
            response = self.responder.respond(request, route)
            if (data := _encoded(response, keep_alive=keep_alive)) is None:
                return response
            self.responder.sent(response)
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets a response
            response = self.responder.fail(request, error)
            data = _encoded(response, keep_alive=keep_alive) or b""
        return data

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an exception before the response has begun is logged, and the response is 500."""
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        request = _request(scope)
        try:
            answered = scope.get(ANSWERED) or await self._answer(request, receive)
            if answered:
                response, route = answered
                try:
                    await transmit(response, self.responder.steps(response, route), scope, receive, sent)
                finally:
                    self.responder.sent(response)
        except ConnectionCutError:  # for the server that runs us
            raise
        except Exception as error:
            if begun:
                raise
            response = self.responder.fail(request, error)
            await transmit(response, transmitted(response), scope, receive, send)
        finally:
            # Only now: a fault may delay the response, and so keep the body, for an hour.
            self._all_held -= self._held.pop(id(request), 0)

    async def ask(self, request: Request, body: bytes) -> tuple[Response, RoutedRequest]:
        """The response to a request that arrived as a whole, and its route. Never raises."""

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        try:
            answered = await self._answer(request, receive)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a response
            route = RoutedRequest(request.endpoint, None, self._worlds.settings.policy, self._worlds.clock)
            return self.responder.fail(request, error), route
        return cast("tuple[Response, RoutedRequest]", answered)  # the caller did not disconnect

    async def ask_quietly(self, request: Request, body: bytes) -> Response:
        """The response to such a request, once it is in the journal: the caller gets none of it, and waits for no delay."""
        response, route = await self.ask(request, body)
        for step in self.responder.steps(response, route):
            if callable(step):
                await step()
        self.responder.sent(response)
        return response

    async def _answer(self, request: Request, receive: Receive) -> tuple[Response, RoutedRequest] | None:
        """The response to a request; nothing is done for a caller that disconnects before the end of its body."""
        request.started = real_clock()
        if self._worlds.log:
            await self._worlds.in_steps(self._worlds.opened, sent_key(request))
        route = self.responder.route(request)
        has_ended = await self._read_body(request, route, receive)
        if has_ended is None:
            return await self.responder.ask(request, route, MOST_HELD), route
        # The body of an unknown route is for the journal only.
        if not has_ended and not isinstance(route.endpoint, spec.Unrouted):
            return None
        async with self._body_queue.slot(request.received):
            return await self.responder.ask(request, route), route

    async def _read_body(self, request: Request, route: RoutedRequest, receive: Receive) -> bool | None:
        """Read as much of the body as the route says.

        False when the caller disconnects before its end, None when the bodies in memory would exceed MOST_HELD bytes.
        """
        limit, keep = route.body_limit, route.keep
        if limit is None or request.content_length > limit:
            route.take(request, b"")
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
                    self._held[id(request)] = self._held.get(id(request), 0) + len(more)
                    self._all_held += len(more)
                    if self._all_held > MOST_HELD:
                        return None
            body = bytes(parts)
        if message["type"] == "http.disconnect":
            return False
        route.take(request, body, received)
        return True


def _encoded(response: Response, *, keep_alive: bool) -> bytes | None:
    """The bytes of a response as uvicorn sends them; None if it has effects, headers about the connection, or a wrong length."""
    if not response.leaves_at_once:
        return None
    head, length = _head(response.status, response.headers, keep_alive)
    body = response.body
    if response.request.method == "HEAD":
        return head
    return head + body if head and length == len(body) else None


@lru_cache(maxsize=256)
def _head(status: int, headers: tuple[spec.Header, ...], keep_alive: bool) -> tuple[bytes | None, int | None]:  # noqa: FBT001
    """Status line and headers of a response, and the length of its body; None where uvicorn would add to them, or refuse them."""
    parts, length = [STATUS_LINE.get(status, b"")], 0 if status in spec.BODILESS else None
    for name, value in headers:
        lower = name.lower()
        if lower == b"content-length":
            length = int(value) if value.isdigit() else None
        elif lower in (b"connection", b"transfer-encoding"):
            return None, None
        parts += (lower, b": ", value, b"\r\n")
    parts.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    head = b"".join(parts)
    is_sound = parts[0] and length is not None and head.count(b"\n") == len(headers) + (2 if keep_alive else 3)
    return (head, length) if is_sound else (None, None)


def _request(scope: Scope) -> Request:
    host, port = scope.get("server") or ("localhost", None)  # a test client has a list
    return Request(
        method=scope["method"], path=scope["path"], query=scope["query_string"], headers=tuple(scope["headers"]),
        scheme=scope["scheme"], server=(host, port), listener=scope.get(LISTENER), header_bytes=scope.get(HEADER_BYTES),
    )  # fmt: skip


async def transmit(response: Response, steps: Steps, scope: Scope, receive: Receive, send: Send) -> None:
    """Carry out the steps of a response, until it has been sent or the caller has disconnected.

    Raises ConnectionCutError where the connection must be cut and there is no access to it: with test clients and other servers.
    """
    rest = math.inf if any(isinstance(each, Ending) for each in response.transmission) else len(response.body)
    connection: GatewayProtocol | None = None if response.leaves_at_once else scope.get(CONNECTION)
    if connection:
        connection.hold()
    stays = True
    try:
        for step in steps:
            if isinstance(step, bytes):
                rest -= len(step)
                await send({"type": "http.response.body", "body": step, "more_body": rest > 0})
            elif isinstance(step, Response):
                await send({"type": "http.response.start", "status": step.status, "headers": step.headers})
            elif isinstance(step, (int, float)):
                stays = await _stays(scope, receive, step)
            elif isinstance(step, Noise):
                _lent(response, scope, step.description).transport.write(step.data)
            elif isinstance(step, Ending):
                await _end(step, response, scope, receive)
            else:
                await step()
                stays = not (connection and connection.transport.is_closing())
            if not stays:
                await leave(steps, step)
                return
    finally:
        if connection:
            connection.held = False


def _lent(response: Response, scope: Scope, what: str) -> GatewayProtocol:
    """The connection of the response. Raises ConnectionCutError where there is no access to it."""
    connection: GatewayProtocol | None = scope.get(CONNECTION)
    if connection is None:
        raise ConnectionCutError(
            f"fault {', '.join(response.faults)}: {what}, but this server gives no access to the connection: call the URL of the Simulator, or use Simulator.transport()"
        )
    return connection


async def _end(effect: Ending, response: Response, scope: Scope, receive: Receive) -> None:
    connection = _lent(response, scope, effect.description)
    if isinstance(effect, Reset):
        connection.reset()
    elif isinstance(effect, Close):
        connection.transport.close()
    await _gone(receive)


async def _stays(scope: Scope, receive: Receive, seconds: float) -> bool:
    """Wait; False as soon as the caller has disconnected, which cannot be seen without access to the connection."""
    if CONNECTION not in scope:
        await asyncio.sleep(seconds)
        return True
    with suppress(TimeoutError):
        await asyncio.wait_for(_gone(receive), seconds)
        return False
    return True


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
