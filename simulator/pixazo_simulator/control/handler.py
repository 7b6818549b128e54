"""Takes control requests, over HTTP or in process, and has them carried out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pixazo_simulator.gateway import Turns, place
from pixazo_simulator.spec import KEY_HEADER, MisfitError, Redactor, beginning, is_crowded, nearest, read, read_query
from pixazo_simulator.webhooks import Courier
from pixazo_simulator.world import Worlds

from .access import guard
from .discovery import invitation
from .route import ControlRequest, ControlRoute, Doors, Refused, world_of
from .schema.rendering import cleared

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of a control request."""
MOST_MARKS = 15_000
"""Commas in the body of a control request, opening brackets, and opening braces; those in texts count, too."""
_KEY = KEY_HEADER.lower().encode()
_READ_AT_ONCE = 32 * 1024
"""Bytes of a body that are read without a thread."""
_SHOWN = 120
_AT_A_TIME, _OVERLAP = 64 * 1024, 4096
"""Characters of an answer that are looked through before others are served, and how far into the next ones a key may reach."""
Answer = tuple[int, bytes]

log = logging.getLogger("pixazo_simulator")


class Control:
    """The control routes over the worlds of one server: an ASGI application, and `answer` for callers of this process.

    Whatever is answered, known keys are taken out of it: no route can forget to do so.
    """

    def __init__(
        self, worlds: Worlds, courier: Courier, doors: Doors, routes: Iterable[ControlRoute], turns: Turns | None = None
    ) -> None:
        self._turns = turns or Turns()
        self._worlds = worlds
        self._courier = courier
        self._doors = doors
        self._routes = tuple(routes)
        self._looking = asyncio.Lock()
        self._plain = {(each.method, each.path): each for each in self._routes if not each.is_numbered}
        self._numbered = [each for each in self._routes if each.is_numbered]

    async def answer(self, method: str, path: str, query: str, body: bytes, *, host: str, key: str) -> Answer:
        """Carry out one request; gives status and JSON. Never raises for anything that is asked."""
        redactor = self._worlds.redactor.also(key)
        reveals: tuple[str, ...] = ()
        try:
            route, number = self._find(method, path)
            if route.worldly:
                world_of(key, self._worlds)  # who is asking comes before what is asked
            async with self._turns.turn(len(body)):
                if len(body) <= _READ_AT_ONCE:
                    wish = _wish(route, query, body)
                else:  # in a thread, so that nobody else waits for it
                    wish = await asyncio.to_thread(_wish, route, query, body)
            request = ControlRequest(
                self._worlds, self._courier, self._doors, self._routes, host, key, number, wish, self._looking
            )  # fmt: skip
            status, told, reveals = route.status, await route.carry_out(request), route.reveals
        except Refused as refused:
            return await _refusal(refused, redactor)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            asked = f"{beginning(method, _SHOWN)!a} {beginning(path, _SHOWN)!a}"
            failed = redactor.text(f"{asked} failed with {type(error).__name__}")
            log.error("%s %s", failed, place(error))  # noqa: TRY400 - a traceback may hold keys
            fault = Refused(500, f"{failed}: this is a fault of the simulator, please report it", "Internal error")
            return await _refusal(fault, redactor)
        return status, await _without_keys(told, reveals, redactor)

    def _find(self, method: str, path: str) -> tuple[ControlRoute, int]:
        if route := self._plain.get((method, path)):
            return route, 0
        for route in self._numbered:
            if route.method == method and (found := route.pattern.fullmatch(path)):
                return route, int(found[1])
        asked, known = (
            beginning(f"{method} {path}", _SHOWN),
            tuple(f"{each.method} {each.path}" for each in self._routes),
        )
        raise Refused(404, f"{asked} is no control route{nearest(asked, known)}: known are {', '.join(known)}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer over HTTP."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        key = headers.get(_KEY, b"").decode("latin-1").strip()
        try:
            guard(scope, self._worlds.settings)
            body = await _body(receive)
        except Refused as refused:
            status, told = await _refusal(refused, self._worlds.redactor.also(key))
        else:
            if body is None:
                return
            query, host = scope["query_string"].decode("latin-1"), headers[b"host"].decode("latin-1")
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            status, told = await self.answer(method, scope["path"], query, body, host=host, key=key)
        length = str(len(told)).encode()
        fields = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": told})

    async def invite(self, request: Request) -> Response:
        """What a contract suite needs to know to judge more: accounts, prompts, capabilities."""
        try:
            guard(request.scope, self._worlds.settings)
            status, told = 200, msgspec.json.encode(self._invitation())
        except Refused as refused:
            status, told = await _refusal(refused, self._worlds.redactor)
        return Response(told, status, media_type="application/json")

    def _invitation(self) -> dict[str, Any]:
        if not self._worlds.settings.magic:
            raise Refused(404, "this simulator knows no magic keys or prompts: start it without --no-magic")
        return invitation(self._worlds.fresh_number())


async def _refusal(refused: Refused, redactor: Redactor) -> Answer:
    told = refused.told | {"message": redactor.text(str(refused))}
    return refused.status, await _without_keys(told, (), redactor)


async def _without_keys(told: object, reveals: tuple[str, ...], redactor: Redactor) -> bytes:
    """An answer as JSON without known keys, but for the members that are revealed; other callers are served meanwhile."""
    encoded = msgspec.json.encode(told)
    text = encoded.decode()
    for start in range(0, len(text), _AT_A_TIME):
        if redactor.holds_key(text[start : start + _AT_A_TIME + _OVERLAP]):
            break
        if start:
            await asyncio.sleep(0)
    else:
        return encoded
    members = cast("dict[str, object]", msgspec.json.decode(encoded))
    kept = {name: members[name] for name in reveals}
    return msgspec.json.encode({name: await _cleared(each, redactor) for name, each in members.items()} | kept)


async def _cleared(value: object, redactor: Redactor) -> object:
    if not isinstance(value, list):
        return cleared(value, redactor)
    found: list[object] = []
    for each in cast("list[object]", value):
        found.append(cleared(each, redactor))
        await asyncio.sleep(0)
    return found


def _wish(route: ControlRoute, query: str, body: bytes) -> Any:
    if not route.reads_query:
        if is_crowded(body, MOST_MARKS, MOST_MARKS):
            told = f"more than {MOST_MARKS} commas, opening brackets or braces: send it in parts"
            raise Refused(400, f"the body has {told}")
        try:
            return read(body, route.wish)
        except MisfitError as misfit:
            raise Refused(400, f"the body does not fit: {misfit}") from None
    try:
        return read_query(dict(parse_qsl(query, keep_blank_values=True)), route.wish)
    except MisfitError as misfit:
        raise Refused(400, f"the query does not fit: {misfit}") from None


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None when the caller went away before its end. Raises Refused as soon as it is too long."""
    taken = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        taken += message.get("body", b"")
        more = message.get("more_body", False)
        if len(taken) > BODY_LIMIT:
            raise Refused(413, f"the body is larger than {BODY_LIMIT} bytes")
    return bytes(taken)
