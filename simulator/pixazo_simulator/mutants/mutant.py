"""A gateway that differs from the faithful one: its edits, and how they are put around the gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from pixazo_simulator.gateway import Gateway, Response, RoutedRequest
from pixazo_simulator.gateway import Request as WireRequest
from pixazo_simulator.spec import Policy, Refusal
from pixazo_simulator.webhooks import WebhookRequest
from pixazo_simulator.world import Settings, World, Worlds

from .messages import Context, Memory, Reply, Request

RequestEditor = Callable[[Request, Context], Request | Reply]
"""Returns the request that the gateway receives instead; a reply is sent without asking the gateway."""
ReplyEditor = Callable[[Reply, Context], Reply]
"""Returns the reply that is sent instead."""
WebhookEditor = Callable[[WebhookRequest, Context], tuple[WebhookRequest, ...]]
"""Returns what is delivered instead of a webhook: nothing, one webhook, or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What is changed: messages on their way to and from the gateway, policy values, pure functions of a world.

    `names` asks for a server with fixed letter case of header names: of the key header that it reads, or of all that it writes.
    """

    request: RequestEditor = lambda request, _: request
    reply: ReplyEditor = lambda reply, _: reply
    webhook: WebhookEditor = lambda webhook, _: (webhook,)
    policy: Callable[[Policy], Policy] = lambda policy: policy
    behaviour: Mapping[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    names: Literal["any case", "case-sensitive", "title case"] = "any case"

    def __or__(self, other: Edits) -> Edits:
        """Apply two edits, one after the other."""

        def request(request: Request, context: Context) -> Request | Reply:
            edited = self.request(request, context)
            return edited if isinstance(edited, Reply) else other.request(edited, context)

        return Edits(
            request=request,
            reply=lambda reply, context: other.reply(self.reply(reply, context), context),
            webhook=lambda webhook, context: tuple(
                last for first in self.webhook(webhook, context) for last in other.webhook(first, context)
            ),
            policy=lambda policy: other.policy(self.policy(policy)),
            behaviour={**self.behaviour, **other.behaviour},
            names=self.names if other.names == "any case" else other.names,
        )

    def settings(self, settings: Settings) -> Settings:
        """The settings of a server with these edits in every one of its worlds."""
        functions = replace(settings.functions, effective_policy=self.policy, **self.behaviour)
        return replace(settings, policy=self.policy(settings.policy), functions=functions)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A gateway that is wrong in one respect; `clause` is the id of the clause that it breaks."""

    name: str
    clause: str
    sentence: str
    edits: Edits


@dataclass(frozen=True, slots=True)
class Variant:
    """A gateway that differs in a way that the page allows."""

    name: str
    sentence: str
    edits: Edits


class EditedGateway:
    """Takes the place of the gateway of one server: edits each request, passes it on, edits the reply. It does no I/O either.

    What editors remember about a world is forgotten with it; servers share nothing.
    """

    def __init__(self, gateway: Gateway, change: Mutant | Variant, worlds: Worlds) -> None:
        self._gateway = gateway
        self._edits = change.edits
        self._reason = f"edited by {type(change).__name__.lower()} {change.name}"
        self._worlds = worlds
        self._memories: WeakKeyDictionary[World, Memory] = WeakKeyDictionary()
        self._elsewhere = Memory()

    def webhook(self, world: World, webhook: WebhookRequest) -> tuple[WebhookRequest, ...]:
        """What is delivered instead of a webhook."""
        return self._edits.webhook(webhook, self._context(world, world, world.clock.now()))

    def route(self, request: WireRequest) -> RoutedRequest:
        """Find the route as the gateway does; every body is read, since an editor may inspect any."""
        route = self._gateway.route(request)
        return replace(route, body_limit=route.policy.body_limit, keep=None)

    def refuse(self, request: WireRequest, route: RoutedRequest, refusal: Refusal, now: int) -> Response:
        """Respond as the gateway does to a request that the server refuses."""
        return self._gateway.refuse(request, route, refusal, now)

    def respond(self, request: WireRequest, now: int, route: RoutedRequest | None = None) -> Response:
        """The edited response to a request; the journal shows the request as the gateway received it, and the response as it is sent."""
        route = route or self.route(request)
        sent = Request(
            method=request.method, path=request.path, query=request.query, endpoint=request.endpoint, headers=tuple(request.headers),
            body=request.body or b"",
        )  # fmt: skip
        caller = self._worlds.find(sent.key or "")
        wanted = sent.read_id or sent.media_id
        owner = self._worlds.holder(wanted) if wanted and not caller else None
        clock = (caller or owner or self._worlds).clock
        # The route may be that of another world: of a TLS listener, of a key in the query, or of the id whatever the key is.
        context = self._context(caller or owner, caller, now if clock is route.clock else clock.now())
        received = self._edits.request(sent, context)
        if isinstance(received, Reply):
            edited, world = received, route.world or request.listener
            response = Response(request, now, edited.status, edited.headers, edited.body, self._reason, world)
        else:
            response = self._passed(request if received is sent else _edited(request, received), route, now)
            reply = Reply(request=sent, status=response.status, headers=response.headers, body=response.body)
            edited = self._edits.reply(reply, context)
            # If they differ, the edit decided, not a point of the policy.
            if (edited.status, edited.body) != (reply.status, reply.body):
                response = replace(response, reason=f"{response.reason}; {self._reason}", decided_by=())
        hold = response.hold
        if caller and edited.until > context.now:
            hold = max(hold or 0, edited.until)  # a rule may also delay the response: the later instant counts
        return replace(
            response, status=edited.status, headers=edited.headers, body=edited.body, world=response.world or caller, hold=hold,
            pause=edited.pause,
        )  # fmt: skip

    def _passed(self, request: WireRequest, route: RoutedRequest, now: int) -> Response:
        """The gateway's response; the edit of a request may lead to another world, such as that of a known key."""
        reached = self._gateway.route(request)
        return self._gateway.respond(request, now if reached.clock is route.clock else reached.clock.now(), reached)

    def _context(self, world: World | None, caller: World | None, now: int) -> Context:
        memory = self._elsewhere if world is None else self._memories.setdefault(world, Memory())
        return Context(self._worlds, world, memory, caller, now)


def _edited(request: WireRequest, received: Request) -> WireRequest:
    """The request as it was edited; a body that was too long stays too long, unless the edit replaced it."""
    body, length = request.body, request.received
    if received.body != (body or b""):
        body, length = received.body, len(received.body)
        received = received.with_header("content-length", str(length))
    return WireRequest(
        method=received.method, path=received.path, query=received.query, headers=list(received.headers), scheme=request.scheme,
        server=request.server, listener=request.listener, body=body, received=length,
    )  # fmt: skip
