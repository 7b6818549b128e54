"""The faithful gateway as an ASGI application, with an editing put round it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixazo_simulator.gateway import DOOR, STRIKES, Strike, leave
from pixazo_simulator.spec import INVITATION_PATH
from pixazo_simulator.world import World

from .context import Scene
from .messages import Reply, Request
from .session import Editing

SPELLING = "pixazo.spelling"
"""Key of the ASGI scope under which `HeaderCaseProtocol` tells the header names as the caller wrote them."""
OWN_PATHS = ("/_sim", INVITATION_PATH)
"""Routes that the vendor's gateway does not have."""


class EditedGateway:
    """What callers meet in place of `app`; `reach` lets the clock of a world come to an instant."""

    def __init__(self, app: ASGIApp, editing: Editing, reach: Callable[[World, int], Awaitable[object]]) -> None:
        self._app = app
        self._editing = editing
        self._reach = reach

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Edit a request, ask the gateway, edit its reply; our own routes are left alone."""
        if scope["type"] != "http" or scope["path"].startswith(OWN_PATHS):
            await self._app(scope, receive, send)
            return
        request = _head(scope)
        scene = self._editing.scene(request)
        body = await _read(receive, request, scene.policy.body_limit)
        if body is None:
            return
        request = msgspec.structs.replace(request, body=body)
        strikes: list[Strike] = []
        edited = await self._answer({**scope, STRIKES: strikes}, request, scene)
        await self._settle(request, edited)
        await _send(scope, receive, send, edited, strikes)

    async def _answer(self, scope: Scope, request: Request, scene: Scene) -> Reply:
        edits = self._editing.edits
        heard = edits.request(request, scene)
        if isinstance(heard, Reply):
            self._editing.record(request, heard)
            return heard
        if heard.body is not request.body:
            heard = heard.with_header("content-length", str(len(heard.body)))
        reply = await self._ask(scope, heard)
        edited = edits.reply(request, reply, scene)
        if edited.status != reply.status or edited.body != reply.body:
            self._editing.amend(heard, edited)
        return edited

    async def _ask(self, scope: Scope, heard: Request) -> Reply:
        """What the gateway itself answers."""
        said: list[Message] = []
        messages: list[Message] = [{"type": "http.request", "body": heard.body, "more_body": False}]

        async def receive() -> Message:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            said.append(message)

        await self._app(_scope(scope, heard), receive, send)
        body = b"".join(message.get("body", b"") for message in said[1:])
        return Reply(said[0]["status"], tuple(said[0]["headers"]), body)

    async def _settle(self, request: Request, edited: Reply) -> None:
        """Let a reply cost what it costs."""
        self._editing.charge(request, edited.debit)
        world = self._editing.world(request)
        if world and edited.until > world.clock.now():
            await self._reach(world, edited.until)
        await asyncio.sleep(edited.pause)


def _head(scope: Scope) -> Request:
    headers = tuple((bytes(name), bytes(value)) for name, value in scope["headers"])
    spelling = tuple(scope.get(SPELLING, ()))
    return Request(scope["method"], scope["path"], scope["query_string"], headers, b"", spelling, scope.get(DOOR))


def _scope(scope: Scope, heard: Request) -> Scope:
    return {
        **scope,
        "method": heard.method,
        "path": heard.path,
        "raw_path": heard.path.encode(),
        "query_string": heard.query,
        "headers": list(heard.headers),
    }


async def _read(receive: Receive, request: Request, limit: int) -> bytes | None:
    """The body, as much of it as tells that it is too long, or None when the caller went away."""
    declared = request.header("content-length") or ""
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > limit:
        return b""
    body, more = bytearray(), True
    while more and len(body) <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


async def _send(scope: Scope, receive: Receive, send: Send, reply: Reply, strikes: list[Strike]) -> None:
    """Send what was edited, struck by the faults of the world's script."""
    start: Message = {"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)}
    if strikes:
        await leave(strikes[-1], scope, receive, send, start, reply.body)
        return
    await send(start)
    await send({"type": "http.response.body", "body": reply.body})
