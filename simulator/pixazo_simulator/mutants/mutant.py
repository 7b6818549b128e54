"""A gateway that differs from the faithful one: what its edits see, what they are, and how they are put around the gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from weakref import WeakKeyDictionary

import msgspec
from msgspec.structs import replace

from pixazo_simulator import spec
from pixazo_simulator.gateway import Gateway, Response, RoutedRequest, framed, serve_media
from pixazo_simulator.gateway import Request as WireRequest
from pixazo_simulator.webhooks import WebhookRequest
from pixazo_simulator.world import Debit, Generation, Settings, World, Worlds

__all__ = [
    "GENERATE", "IMAGE_TO_VIDEO", "UNKNOWN_ID", "Condition", "Context", "Edits", "Members", "Message", "Mutant",
    "Reply", "Request", "Variant", "has_status", "is_accepted", "is_media", "is_read", "is_refused", "members_of",
    "reads", "submits",
]  # fmt: skip

GENERATE = "generate"
IMAGE_TO_VIDEO = "imageToVideo"
"""The two operations, as they are named in their paths."""

Members = dict[str, Any]
"""The members of a JSON object."""

UNKNOWN_ID = f"{spec.MODEL_ID}_00000000-0000-7000-8000-000000000000"
"""A well-formed request id that no generation has."""


def members_of(body: bytes) -> Members | None:
    """The members of a JSON object; None for any other body."""
    found = spec.members(body)
    return None if isinstance(found, spec.InvalidBody) else found


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a request and a reply have. The names of headers are in lower case, as ASGI has them."""

    headers: tuple[spec.Header, ...]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for known, value in self.headers if known == wanted), None)

    def with_header(self, name: str, value: str) -> Self:
        """The same message with this header in place of the first of its name, or at the end, and no other of its name."""
        header = (name.lower().encode(), value.encode("latin-1", "replace"))
        place = next((index for index, (known, _) in enumerate(self.headers) if known == header[0]), len(self.headers))
        rest = tuple(each for each in self.headers[place + 1 :] if each[0] != header[0])
        return replace(self, headers=(*self.headers[:place], header, *rest))

    def without_header(self, name: str) -> Self:
        return replace(self, headers=tuple(each for each in self.headers if each[0] != name.lower().encode()))

    def with_body(self, body: bytes) -> Self:
        """The same message with another body, and its length if it had a length."""
        changed = replace(self, body=body)
        return changed.with_header("content-length", str(len(body))) if self.header("content-length") else changed

    def members(self) -> Members | None:
        return members_of(self.body)

    def with_members(self, members: Members) -> Self:
        return self.with_body(msgspec.json.encode(members))


class Request(Message, frozen=True, kw_only=True):
    """What a caller sent, and which endpoint that is for."""

    method: str
    path: str
    query: bytes
    endpoint: spec.Endpoint

    def at(self, path: str, method: str | None = None) -> Request:
        method = method or self.method
        return replace(self, path=path, method=method, endpoint=spec.classify(method, path))

    @property
    def key(self) -> str | None:
        """The key in the header; empty for a blank one, None for none."""
        given = self.header(spec.KEY_HEADER)
        return given and given.strip()

    @property
    def webhook_url(self) -> str | None:
        return self.header(spec.WEBHOOK_URL_HEADER)

    @property
    def operation(self) -> spec.Operation | None:
        return self.endpoint.operation if isinstance(self.endpoint, spec.Submit) else None

    @property
    def read_id(self) -> str | None:
        return self.endpoint.request_id if isinstance(self.endpoint, spec.StatusRead) else None

    @property
    def media_id(self) -> str | None:
        return self.endpoint.request_id if isinstance(self.endpoint, spec.MediaRead) else None


class Reply(Message, frozen=True, kw_only=True):
    """What is sent back to a request, which is as its caller sent it.

    `pause` delays it by real seconds, `until` to an instant of the world's clock, which is advanced when it is stopped.
    """

    request: Request
    status: int
    pause: float = 0
    until: int = 0

    def members(self) -> Members | None:
        return super().members() if self.is_json else None

    def with_status(self, status: int) -> Reply:
        return replace(self, status=status)

    @property
    def is_json(self) -> bool:
        return (self.header("content-type") or "").partition(";")[0] == "application/json"


# Conditions


Condition = Callable[[Reply], bool]


def submits(request: Request, operation: str | None = None) -> bool:
    return request.operation is not None and (not operation or operation == request.operation.name)


def reads(request: Request) -> bool:
    return request.read_id is not None


def is_accepted(reply: Reply, operation: str | None = None) -> bool:
    return submits(reply.request, operation) and spec.is_success(reply.status)


def is_refused(reply: Reply) -> bool:
    return submits(reply.request) and reply.status == 400


def is_read(reply: Reply) -> bool:
    return reads(reply.request) and reply.status == 200


def is_media(reply: Reply) -> bool:
    return reply.request.media_id is not None and spec.is_success(reply.status)


def has_status(*codes: int) -> Condition:
    return lambda reply: reply.status in codes


# What else an edit knows


MOST_MEMORIES = 100_000
"""Facts remembered about one world; beyond that the oldest is forgotten, so a long run does not fill the memory."""


class Memory:
    """What the editors of one server remember about one world, under keys that they choose."""

    __slots__ = ("_facts",)

    def __init__(self) -> None:
        self._facts: dict[tuple[object, ...], Any] = {}

    def get(self, *key: object) -> Any:
        return self._facts.get(key)

    def put(self, fact: object, *key: object) -> None:
        if key not in self._facts and len(self._facts) >= MOST_MEMORIES:
            del self._facts[next(iter(self._facts))]
        self._facts[key] = fact

    def count(self, *key: object) -> int:
        """How often this key has been counted, including this time."""
        number = int(self.get(*key) or 0) + 1
        self.put(number, *key)
        return number


@dataclass(frozen=True, slots=True)
class Context:
    """The caller's world, or for a caller without a key the world that owns the request id in the path, or none.

    `caller` is the world of the caller's own key, if any; `memory` and `now` (UTC milliseconds) are those of the world itself.
    """

    _worlds: Worlds
    _world: World | None
    memory: Memory
    caller: World | None
    now: int

    @property
    def key(self) -> str:
        """A key that is accepted: that of the world, else the first of the server."""
        return self._world.key if self._world else self.first_key

    @property
    def first_key(self) -> str:
        """The first key of the server, which has no restrictions."""
        return self._worlds.settings.keys[0]

    @property
    def policy(self) -> spec.Policy:
        return self._world.policy if self._world else self._worlds.settings.policy

    @property
    def balance(self) -> int:
        """The balance of the wallet, in millionths of a dollar."""
        return self._world.account.ledger.balance(self.now) if self._world else 0

    def ends(self, request_id: str) -> int | None:
        """The instant at which a generation ends; None if the world has no such generation."""
        found = self._generation(request_id)
        return spec.finish(found.accepted, found.plan) if found else None

    def peek(self, request_id: str, at: int) -> Members | None:
        """The status envelope of a generation as it was or will be at another instant; None as above."""
        found = self._generation(request_id)
        if found is None or self._world is None:
            return None
        members: Members = msgspec.json.decode(self._world.status_body(found, found.origin, at))
        return members

    def video(self, request_id: str, request: Request) -> Reply | None:
        """The video of a generation, whether it has ended or not; None if the request is for anything else."""
        found = self._generation(request_id)
        if found is None or request.path != spec.media_path(request_id, self.policy, found.output):
            return None
        return self._reply(
            serve_media(found, self._worlds.videos, request.method, request.headers, self.policy), request
        )

    def owner(self, request_id: str) -> str | None:
        """The key of the world that has this generation."""
        reader = self._worlds.reader_of(request_id)
        return reader.key if reader else None

    def undelivered(self, request_id: str) -> bool:
        """Whether the last attempt to deliver a webhook about a generation failed."""
        deliveries = self._world.deliveries() if self._world else ()
        attempted = [each for each in deliveries if each.request_id == request_id and each.attempts]
        return any(not delivery.attempts[-1].succeeded for delivery in attempted)

    def refusal(self, refusal: spec.Refusal, request: Request) -> Reply:
        realm = f"http://{request.header('host') or 'localhost'}{request.path}"
        return self._reply(spec.refusal_answer(refusal, self.policy, realm), request)

    def charge(self, amount: int, request_id: str = "") -> None:
        """Take this much from the wallet of the caller, in millionths of a dollar."""
        if self.caller and amount:
            self.caller.apply(Debit(self.now, amount, request_id))

    def _reply(self, answer: spec.Answer, request: Request) -> Reply:
        return Reply(request=request, status=answer.status, headers=framed(answer, self.now), body=answer.body)

    def _generation(self, request_id: str) -> Generation | None:
        return self._world.readable(request_id, self.now) if self._world else None


# Edits


RequestEditor = Callable[[Request, Context], Request | Reply]
"""Returns the request that the gateway receives instead; a reply is sent without asking the gateway."""
ReplyEditor = Callable[[Reply, Context], Reply]
"""Returns the reply that is sent instead."""
WebhookEditor = Callable[[WebhookRequest, Context], tuple[WebhookRequest, ...]]
"""Returns what is delivered instead of a webhook: nothing, one webhook, or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What is changed: messages on their way to and from the gateway, policy values, pure functions of a world.

    `names` fixes the letter case of header names: of the key header that is read, or of all that are written.
    """

    request: RequestEditor = lambda request, _: request
    reply: ReplyEditor = lambda reply, _: reply
    webhook: WebhookEditor = lambda webhook, _: (webhook,)
    policy: Callable[[spec.Policy], spec.Policy] = lambda policy: policy
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

    def refuse(self, request: WireRequest, route: RoutedRequest, refusal: spec.Refusal, now: int) -> Response:
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
