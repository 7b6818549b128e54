"""The gateway as its callers meet it: the documented routes and the media, without our own routes."""

from __future__ import annotations

import logging
import traceback
from pathlib import PurePath

from starlette.types import Message, Receive, Scope, Send

from pixazo_simulator.spec import MEDIA_PATH, Broken, beginning, refusal_answer
from pixazo_simulator.webhooks import Dispatcher
from pixazo_simulator.world import Worlds

from .fault_injection import ConnectionCutError
from .media import Library
from .request import Turns
from .responder import Replies
from .routes import Gateway

log = logging.getLogger("pixazo_simulator")

_SHOWN = 120


class Front:
    """An ASGI application over some worlds. Never raises for anything a caller sends."""

    def __init__(self, worlds: Worlds, dispatcher: Dispatcher, turns: Turns | None = None) -> None:
        replies = Replies(worlds)
        self._policy = worlds.settings.policy
        self._gateway = Gateway(worlds, replies, dispatcher, turns)
        self._library = Library(worlds, replies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what fails before an answer has begun is logged, and answered 500."""
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._answer(scope, receive, sent)
        except ConnectionCutError:  # for the server that runs us
            raise
        except Exception as error:
            if begun:
                raise
            what = f"{beginning(scope['method'], _SHOWN)!a} {beginning(scope['path'], _SHOWN)!a}"
            log.error("%s failed with %s %s", what, type(error).__name__, place(error))  # noqa: TRY400 - a traceback may hold keys
            answer = refusal_answer(Broken(), self._policy, "")
            length = (b"content-length", b"%d" % len(answer.body))
            await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length]})
            await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith("/v1/") and scope["method"] in ("GET", "HEAD") and (media := MEDIA_PATH.fullmatch(path)):
            await self._library({**scope, "path_params": media.groupdict()}, receive, send)
        else:
            await self._gateway(scope, receive, send)


def place(error: BaseException) -> str:
    """Where in the source an error was raised; its message, which may hold keys, is left out."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"in {last.name}, {PurePath(last.filename).name}:{last.lineno}"
