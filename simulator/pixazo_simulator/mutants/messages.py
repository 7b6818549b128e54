"""What an editor sees: a request and its reply as values, conditions on them, and the caller's world with what was remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from pixazo_simulator import spec
from pixazo_simulator.gateway import framed, serve_media
from pixazo_simulator.world import Debit, Generation, World, Worlds

__all__ = [
    "GENERATE", "IMAGE_TO_VIDEO", "UNKNOWN_ID", "Condition", "Context", "Members", "Message", "Reply", "Request",
    "has_status", "is_accepted", "is_media", "is_read", "is_refused", "members_of", "reads", "submits",
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


# What else is known


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

    `caller` is the world that the caller's own key opens, if it opens one; `memory` is that of the world, `now` the instant of its clock
    (UTC milliseconds).
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
