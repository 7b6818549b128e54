"""The gateway with the edits of a mutant or variant around it, and what they remember about each world."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from msgspec.structs import replace

from pixazo_simulator.gateway import Gateway, Request, Response, Route
from pixazo_simulator.spec import KEY_HEADER, Refusal
from pixazo_simulator.webhooks import WebhookRequest
from pixazo_simulator.world import Debit, World, Worlds

from . import messages
from .context import Context, Memory
from .mutant import Mutant, Variant


class EditSession:
    """The edits of a mutant or variant over the worlds of one server; servers share nothing."""

    def __init__(self, change: Mutant | Variant, worlds: Worlds) -> None:
        self.edits = change.edits
        self.reason = f"edited by {type(change).__name__.lower()} {change.name}"
        self._worlds = worlds
        self._memories: WeakKeyDictionary[World, Memory] = WeakKeyDictionary()
        self._elsewhere = Memory()

    def world(self, request: messages.Request) -> World | None:
        """The world that the caller's key opens."""
        return self._worlds.find((request.header(KEY_HEADER) or "").strip())

    def context(self, request: messages.Request) -> Context:
        """What the editors may know about a request."""
        caller = self.world(request)
        world = caller or self._owner(request)
        return Context(self._worlds, world, self._memory(world), known=caller is not None)

    def callback(self, world: World, webhook: WebhookRequest) -> tuple[WebhookRequest, ...]:
        """What is delivered instead of a webhook."""
        return self.edits.callback(webhook, Context(self._worlds, world, self._memory(world), known=True))

    def _owner(self, request: messages.Request) -> World | None:
        wanted = request.read_id or request.media_id
        return self._worlds.holder(wanted) if wanted else None

    def _memory(self, world: World | None) -> Memory:
        return self._elsewhere if world is None else self._memories.setdefault(world, Memory())


class EditedGateway:
    """Takes the place of a gateway: edits each request, passes it to the gateway, edits the reply. It does no I/O either."""

    def __init__(self, gateway: Gateway, session: EditSession) -> None:
        self._gateway = gateway
        self._session = session

    def route(self, request: Request) -> Route:
        """As the gateway; every body is read, since an editor may look at any."""
        route = self._gateway.route(request)
        return replace(route, body_limit=route.policy.body_limit, keep=None)

    def refuse(self, request: Request, route: Route, refusal: Refusal, now: int) -> Response:
        """As the gateway."""
        return self._gateway.refuse(request, route, refusal, now)

    def record(self, response: Response, now: int) -> None:
        """As the gateway: the journal shows the request as the gateway received it, and the response as it is sent."""
        self._gateway.record(response, response.world.clock.now() if response.world else now)

    def respond(self, request: Request, now: int, route: Route | None = None) -> Response:
        """The edited response to a request."""
        route = route or self.route(request)
        session = self._session
        sent = _message(request)
        context = session.context(sent)
        received = session.edits.request(sent, context)
        if isinstance(received, messages.Reply):
            response = Response(
                request,
                received.status,
                list(received.headers),
                received.body,
                session.reason,
                route.world or request.listener,
            )
            return self._settled(response, sent, received, now)
        passed = request if received is sent else _edited(request, received)
        reached = self._gateway.route(passed)
        if reached.clock is not route.clock:  # the edit leads to another world, such as that of a known key
            now = reached.clock.now()
        response = self._gateway.respond(passed, now, reached)
        reply = messages.Reply(response.status, tuple(response.headers), response.body)
        edited = session.edits.reply(sent, reply, context)
        if edited is not reply:
            is_changed = edited.status != reply.status or edited.body != reply.body
            reason = f"{response.reason}; {session.reason}" if is_changed else response.reason
            response = replace(
                response, status=edited.status, headers=list(edited.headers), body=edited.body, reason=reason
            )
        return self._settled(response, sent, edited, now)

    def _settled(self, response: Response, sent: messages.Request, reply: messages.Reply, now: int) -> Response:
        """Charge what a reply costs: money, time of the world, real time."""
        world = self._session.world(sent)
        if world and reply.debit:
            world.apply(Debit(now, reply.debit, sent.read_id or ""))
        hold = max(response.hold or 0, reply.until) if world and reply.until > now else response.hold
        return replace(response, world=response.world or world, hold=hold, pause=reply.pause)


def _message(request: Request) -> messages.Request:
    return messages.Request(
        request.method, request.path, request.query, tuple(request.headers), request.body or b"", request.spelling, request.listener
    )  # fmt: skip


def _edited(request: Request, received: messages.Request) -> Request:
    """The request as it was edited; one whose body was too long stays so, unless the edit gave it another body."""
    body = request.body if received.body == (request.body or b"") else received.body
    if body is not request.body:
        received = received.with_header("content-length", str(len(received.body)))
    return Request(
        received.method, received.path, received.query, list(received.headers), request.scheme, request.server, request.listener,
        None, request.spelling, body, len(body or b"") if body is not request.body else request.received,
    )  # fmt: skip
