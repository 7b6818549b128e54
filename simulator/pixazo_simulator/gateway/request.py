"""One request on its way through the gateway, and what one pass over its headers finds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
from starlette.types import Receive, Scope, Send

from pixazo_simulator.spec import KEY_HEADER, SMALL_BODY, WEBHOOK_MODE_HEADER, WEBHOOK_URL_HEADER, Policy
from pixazo_simulator.world import World

DOOR = "pixazo.door"
"""Key of the ASGI scope under which a door names the world that it leads into."""
HEAD = "pixazo.head"
"""Key of the ASGI scope under which the protocol tells how many bytes the request line and headers have."""

_KEY = KEY_HEADER.lower().encode()
_WEBHOOK_URL = WEBHOOK_URL_HEADER.lower().encode()
_WEBHOOK_MODE = WEBHOOK_MODE_HEADER.lower().encode()
_AUTHORITY = re.compile(r"[A-Za-z0-9.\-_]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


MOST_HELD = 512 * 1024 * 1024
"""Bytes of bodies that are held at once; a body of one piece, which is small, does not count."""


class DisconnectedError(Exception):
    """The caller went away before the body was complete."""


class CrowdedError(Exception):
    """The bodies that are held would come to more than MOST_HELD bytes."""


class Turns:
    """Lets one large body be worked on in each turn of the loop, so that everybody else is served in between.

    `held` is how many bytes of bodies that come in pieces are held by now.
    """

    __slots__ = ("_lock", "held")

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self.held = 0

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
        """Work on a body of so many bytes; what is given is to be awaited between two pieces of long work.

        Nothing else may be awaited: whoever has the turn keeps other large bodies waiting.
        """
        if size <= SMALL_BODY:
            yield _at_once
            return
        async with self._lock:
            await _others()
            yield _others


async def _others() -> None:
    await asyncio.sleep(0)


async def _at_once() -> None:
    """Nobody need be served in between."""


class Incoming(msgspec.Struct, gc=False):
    """A request: its ASGI scope and channels, its headers of note, and its body once it was read.

    `received` is the length of the body in bytes, of which `body` may hold only the beginning; `held` counts in `Turns.held`.
    """

    scope: Scope
    receive: Receive
    send: Send
    key: str = ""
    host: str = ""
    content_type: str | None = None
    length: int = 0
    webhook_url: str | None = None
    webhook_mode: str | None = None
    forwarded_host: str = ""
    forwarded_proto: str = ""
    body: bytes = b""
    received: int = 0
    held: int = 0

    @property
    def door(self) -> World | None:
        """The world behind the door that it came through, None when it came through none."""
        found: World | None = self.scope.get(DOOR)
        return found

    async def read_body(self, limit: int, keep: int | None = None, turns: Turns | None = None) -> bytes | None:
        """Read the body, of which only the first `keep` bytes are kept; None as soon as it is longer than `limit` bytes.

        Raises DisconnectedError when the caller goes away before its end, CrowdedError when others that take turns with it
        hold too much for it to be held, too.
        """
        if self.length > limit:
            return None
        message = await self.receive()
        body: bytes = message.get("body", b"")
        received = len(body)
        if message.get("more_body"):
            parts = bytearray(body[:keep])
            while message.get("more_body") and received <= limit:
                message = await self.receive()
                more: bytes = message.get("body", b"")
                received += len(more)
                parts += more if keep is None else more[: max(0, keep - len(parts))]
                if turns:
                    self._hold(len(more), turns)
            body = bytes(parts)
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        if received > limit:
            return None
        self.body, self.received = body[:keep], received
        return self.body

    def _hold(self, size: int, turns: Turns) -> None:
        self.held += size
        turns.held += size
        if turns.held > MOST_HELD:
            raise CrowdedError

    def origin(self, policy: Policy) -> str:
        """The origin for `polling_url` and media URLs, as policy `public_origin` says."""
        if policy.public_origin not in ("caller", "forwarded"):
            return policy.public_origin
        host, scheme = self.host, self.scope["scheme"]
        if policy.public_origin == "forwarded":
            host = self.forwarded_host or host
            scheme = self.forwarded_proto if self.forwarded_proto in ("http", "https") else scheme
        if not _AUTHORITY.fullmatch(host):
            server = self.scope.get("server") or ("localhost", None)
            host = f"{server[0]}:{server[1]}" if server[1] else server[0]
        return f"{scheme}://{host}"


def incoming(scope: Scope, receive: Receive, send: Send) -> Incoming:
    """Read the headers of a request; of several with one name the first key counts, else the last."""
    found = Incoming(scope, receive, send)
    for name, value in scope["headers"]:
        if name == _KEY:
            found.key = found.key or value.decode("latin-1").strip()
        elif name == b"host":
            found.host = value.decode("latin-1")
        elif name == b"content-type":
            found.content_type = value.decode("latin-1")
        elif name == b"content-length":
            found.length = int(value[:18]) if value.isdigit() else 0  # more digits than that are too many anyhow
        elif name == _WEBHOOK_URL:
            found.webhook_url = value.decode("latin-1").strip()
        elif name == _WEBHOOK_MODE:
            found.webhook_mode = value.decode("latin-1")
        elif name == b"x-forwarded-host":
            found.forwarded_host = value.decode("latin-1").partition(",")[0].strip()
        elif name == b"x-forwarded-proto":
            found.forwarded_proto = value.decode("latin-1").partition(",")[0].strip().lower()
    return found
