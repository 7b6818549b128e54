"""The documented routes: bytes in, world, bytes out."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from urllib.parse import parse_qs, quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .admission import Admission, Call
from .clock import SECOND
from .download import serve
from .journal import REDACTED, Journal, redacted
from .media import video
from .models import MODEL_ID, OPERATIONS, Operation
from .policy import Policy
from .refusal import InvalidKey, MissingKey, Refusal, UnknownRequest, UnknownRoute
from .wire import (
    KEY_HEADER,
    QUERY_KEY,
    STATUS_PATH,
    SUBMIT_PATHS,
    WEBHOOK_MODE_HEADER,
    WEBHOOK_URL_HEADER,
    Answer,
    accepted_answer,
    http_date,
    refusal_answer,
)
from .world import Generation, World
from .worlds import Worlds

__all__ = ["DOOR", "Gateway"]

_KEY = KEY_HEADER.lower().encode()
_WEBHOOK_URL = WEBHOOK_URL_HEADER.lower().encode()
_WEBHOOK_MODE = WEBHOOK_MODE_HEADER.lower().encode()
_AUTHORITY = re.compile(r"[A-Za-z0-9.\-_]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_FOREIGN_MODEL = re.compile(r"/([a-z0-9]+(?:-[a-z0-9]+)*)/v1/(\w+)")
_SECRET_QUERY = re.compile(rf"({QUERY_KEY}=)[^&]*", re.IGNORECASE)
_MOST_DATES = 64

DOOR = "pixazo.door"
"""Key of the ASGI scope under which a door names the world that it leads into."""


log = logging.getLogger("pixazo_simulator")


class Head(msgspec.Struct, gc=False):
    """What one pass over the request headers finds."""

    key: str = ""
    host: str = ""
    content_type: str | None = None
    length: int = 0
    webhook_url: str | None = None
    webhook_mode: str | None = None
    forwarded_host: str = ""
    forwarded_proto: str = ""


class Gateway:
    """The gateway as an ASGI application; `on_webhook` is called when a callback may have become due."""

    def __init__(self, worlds: Worlds, on_webhook: Callable[[], None]) -> None:
        self._worlds = worlds
        self._on_webhook = on_webhook
        self._dates: dict[int, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Never raises for anything a caller sends."""
        path, method = scope["path"], scope["method"]
        head = _head(scope)
        if method == "GET" and path.startswith(STATUS_PATH):
            await self._read(scope, send, head, path[len(STATUS_PATH) :])
        elif method == "POST" and path in SUBMIT_PATHS:
            await self._submit(scope, receive, send, head, SUBMIT_PATHS[path], MODEL_ID)
        elif (
            method == "POST"
            and (model := _FOREIGN_MODEL.fullmatch(path))
            and model[2] in OPERATIONS
            and model[1] != MODEL_ID
            and self._caller(scope, head)
        ):
            # Only a known caller learns that the model is the trouble; to anybody else it is an unknown route.
            await self._submit(scope, receive, send, head, OPERATIONS[model[2]], model[1])
        else:
            allow = "POST" if path in SUBMIT_PATHS else "GET" if path.startswith(STATUS_PATH) else None
            await self._refuse(scope, send, self._caller(scope, head), head, UnknownRoute(allow), b"")

    def _caller(self, scope: Scope, head: Head) -> World | None:
        """The world of the caller, by the key header, or by the query where the policy allows that (AUTH-06)."""
        if head.key:
            return self._worlds.find(head.key)
        if not scope["query_string"]:
            return None
        given = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=None).get(QUERY_KEY, [""])[0]
        world = self._worlds.find(given)
        if world is None or world.policy.query_key == "refuse":
            return None
        head.key = given
        return world

    async def _read(self, scope: Scope, send: Send, head: Head, request_id: str) -> None:
        world = self._caller(scope, head)
        if world is None:
            await self._refuse(scope, send, None, head, InvalidKey() if head.key else MissingKey(), b"")
            return
        refusal = world.admit_read()
        found = refusal or world.generation(request_id)
        if isinstance(found, UnknownRequest) and world.policy.unknown_id == "403_foreign":
            found = UnknownRequest(request_id, foreign=self._is_foreign(request_id))
        if not isinstance(found, Generation):
            await self._refuse(scope, send, world, head, found, b"")
            return
        body = world.status_answer(found, _origin(scope, head, world.policy))
        await self._respond(scope, send, world, Answer(200, body, reason="status"), b"")

    def _is_foreign(self, request_id: str) -> bool:
        return any(not isinstance(world.generation(request_id), UnknownRequest) for world in self._worlds)

    async def _submit(
        self, scope: Scope, receive: Receive, send: Send, head: Head, operation: Operation, model_id: str
    ) -> None:
        world = self._caller(scope, head)
        policy = self._policy(scope, world)
        try:
            body = await _read_body(receive, head.length, policy.body_limit)
        except _DisconnectedError:
            return
        call = Call(
            operation, head.key, body, head.content_type, _origin(scope, head, policy), model_id,
            head.webhook_url, head.webhook_mode,
        )  # fmt: skip
        if world is None:
            refusal = Admission(call, None, policy, 0).refusal() or InvalidKey()
            await self._refuse(scope, send, None, head, refusal, body or b"")
            return
        outcome = world.submit(call)
        if not isinstance(outcome, Generation):
            await self._refuse(scope, send, world, head, outcome, body or b"")
            return
        await self._respond(scope, send, world, accepted_answer(outcome.request_id, call.origin, policy), body or b"")
        if world.next_due() is not None:
            self._on_webhook()

    async def _refuse(
        self, scope: Scope, send: Send, world: World | None, head: Head, refusal: Refusal, body: bytes
    ) -> None:
        policy = self._policy(scope, world)
        path = quote(scope["path"])
        answer = refusal_answer(refusal, policy, f"{_origin(scope, head, policy)}{path}")
        secrets = world.secrets if world else (head.key,)
        told = redacted(f"{path} answered {answer.status}: {answer.body.decode()}", *secrets)
        log.info("%s %s", scope["method"], told)
        await self._respond(scope, send, world, answer, body)

    async def _respond(self, scope: Scope, send: Send, world: World | None, answer: Answer, body: bytes) -> None:
        """Journal an exchange, then send its answer."""
        now = self._record(scope, world, body, answer)
        headers = [
            *answer.headers,
            (b"content-length", str(len(answer.body)).encode()),
            (b"date", self._date(now)),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _policy(self, scope: Scope, world: World | None) -> Policy:
        holder = world or scope.get(DOOR)
        return holder.policy if holder else self._worlds.settings.policy

    def _record(self, scope: Scope, world: World | None, body: bytes, answer: Answer) -> int:
        """Journal an exchange where it belongs: to the caller's world, else to that behind the door, else to the lobby."""
        holder = world or scope.get(DOOR)
        clock, journal = (holder.clock, holder.journal) if holder else (self._worlds.lobby_clock, self._worlds.lobby)
        now = clock.now()
        _enter(journal, now, scope, body, answer)
        return now

    def _date(self, now: int) -> bytes:
        second = now // SECOND
        if second not in self._dates:
            if len(self._dates) >= _MOST_DATES:
                self._dates.clear()
            self._dates[second] = http_date(now)
        return self._dates[second]

    async def media(self, request: Request) -> Response:
        """The video of a completed generation; no key is needed, as on a CDN (OUT-08)."""
        request_id, extension = request.path_params["request_id"], request.path_params["extension"]
        for world in self._worlds:
            placeholder = world.policy.media == "placeholder"
            generation = world.completed(request_id)
            if generation and extension == ("ext" if placeholder else "mp4"):
                media_type = "application/octet-stream" if placeholder else "video/mp4"
                response = serve(request, video(generation), request_id, media_type)
                told = Answer(
                    response.status_code, b"", reason=f"media, {response.headers.get('content-length', 0)} bytes"
                )
                now = self._record(request.scope, world, b"", told)
                response.headers["date"] = self._date(now).decode()
                return response
        missing = Answer(404, b"Object not found", reason="no such media, or not yet, or no longer")
        self._record(request.scope, None, b"", missing)
        return Response(missing.body, missing.status, media_type="text/plain")


class _DisconnectedError(Exception):
    """The caller went away before the body was complete."""


async def _read_body(receive: Receive, length: int, limit: int) -> bytes | None:
    """The body, or None as soon as it is known to be longer than `limit` bytes."""
    if length > limit:
        return None
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts = bytearray(body)
        while message.get("more_body"):
            message = await receive()
            parts += message.get("body", b"")
            if len(parts) > limit:
                return None
        body = bytes(parts)
    if message["type"] == "http.disconnect":
        raise _DisconnectedError
    return None if len(body) > limit else body


def _head(scope: Scope) -> Head:
    head = Head()
    for name, value in scope["headers"]:
        if name == _KEY:
            head.key = head.key or value.decode("latin-1").strip()
        elif name == b"host":
            head.host = value.decode("latin-1")
        elif name == b"content-type":
            head.content_type = value.decode("latin-1")
        elif name == b"content-length":
            head.length = int(value) if value.isdigit() else 0
        elif name == _WEBHOOK_URL:
            head.webhook_url = value.decode("latin-1").strip()
        elif name == _WEBHOOK_MODE:
            head.webhook_mode = value.decode("latin-1")
        elif name == b"x-forwarded-host":
            head.forwarded_host = value.decode("latin-1").partition(",")[0].strip()
        elif name == b"x-forwarded-proto":
            head.forwarded_proto = value.decode("latin-1").partition(",")[0].strip().lower()
    return head


def _origin(scope: Scope, head: Head, policy: Policy) -> str:
    """The origin for `polling_url` and media URLs, as policy `public_origin` says."""
    if policy.public_origin not in ("caller", "forwarded"):
        return policy.public_origin
    host, scheme = head.host, scope["scheme"]
    if policy.public_origin == "forwarded":
        host = head.forwarded_host or host
        scheme = head.forwarded_proto if head.forwarded_proto in ("http", "https") else scheme
    if not _AUTHORITY.fullmatch(host):
        server = scope.get("server") or ("localhost", None)
        host = f"{server[0]}:{server[1]}" if server[1] else server[0]
    return f"{scheme}://{host}"


def _enter(journal: Journal, now: int, scope: Scope, body: bytes, answer: Answer) -> None:
    target = scope["path"]
    if scope["query_string"]:
        query = _SECRET_QUERY.sub(rf"\1{REDACTED}", scope["query_string"].decode("latin-1"))
        target = f"{target}?{query}"
    journal.record(now, scope["method"], target, scope["headers"], body, answer.status, answer.body, answer.reason)
