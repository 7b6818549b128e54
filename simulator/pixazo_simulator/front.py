"""The gateway as its callers meet it: the documented routes and the media, without our own routes."""

from __future__ import annotations

import re

from starlette.types import Receive, Scope, Send

from .courier import Courier
from .gateway import Gateway
from .incoming import Turns
from .library import Library
from .reply import Replies
from .worlds import Worlds

__all__ = ["MEDIA_PATH", "Front"]

MEDIA_PATH = re.compile(r"/v1/(?P<request_id>[^/]+)/output\.(?P<extension>[^/]+)")


class Front:
    """An ASGI application over some worlds. Never raises for anything a caller sends."""

    def __init__(self, worlds: Worlds, courier: Courier, turns: Turns | None = None) -> None:
        replies = Replies(worlds)
        self._gateway = Gateway(worlds, replies, courier, turns)
        self._library = Library(worlds, replies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if path.startswith("/v1/") and scope["method"] in ("GET", "HEAD") and (media := MEDIA_PATH.fullmatch(path)):
            await self._library({**scope, "path_params": media.groupdict()}, receive, send)
        else:
            await self._gateway(scope, receive, send)
