"""The receiver as an ASGI application: any POST or PUT is a webhook, `/_sim` lists those that were received."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from starlette.responses import Response

from pixazo_simulator.control import Refused, check_access, read_body, responses
from pixazo_simulator.spec import CONTROL_PREFIX

from .callback import Answer, Callback, Kept, judge, to_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from pixazo_simulator.world import Settings

    from .forwarder import Forwarder

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest webhook; a longer one gets 413."""


class Receiver:
    """Keeps each webhook, and responds as the app behind a `forwarder`, else with `respond`; `now` is the real clock (milliseconds)."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], int],
        *,
        secrets: Sequence[bytes] = (),
        forwarder: Forwarder | None = None,
        respond: int = 204,
    ) -> None:
        self.kept = Kept()
        self._settings = settings
        self._now = now
        self._secrets = secrets
        self._forwarder = forwarder
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless the caller disconnects before its end."""
        response: ASGIApp | None
        try:
            if f"{scope['path']}/".startswith(f"{CONTROL_PREFIX}/"):
                check_access(scope, self._settings)
                response = self._page
            else:
                response = await self._received(scope, receive)
            if response:
                await response(scope, receive, send)
        except Refused as refused:
            refusal = to_json(responses.Refusal(refused.error, str(refused)))
            await Response(refusal, refused.status, media_type="application/json")(scope, receive, send)

    @cached_property
    def _page(self) -> ASGIApp:
        from .page import Page  # on first use: importing Jinja2 takes as long as a hundred webhooks

        return Page(self.kept, self._forwarder, self._respond).router

    async def _received(self, scope: Scope, receive: Receive) -> Response | None:
        """The response to a webhook, which is kept; None for a caller that disconnects."""
        if scope["method"] not in ("POST", "PUT"):
            raise Refused(405, "this URL receives webhooks: use POST or PUT", "Method not allowed")
        length = dict(scope["headers"]).get(b"content-length", b"")
        body = await read_body(receive, BODY_LIMIT, int(length) if length.isdigit() else 0)
        if body is None:
            return None
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        callback = Callback(
            at=self._now(), method=scope["method"], target=target.decode("latin-1"), headers=tuple(map(tuple, scope["headers"])), body=body,
        )  # fmt: skip
        entry = self.kept.add(callback, judge(callback, self._secrets, callback.at))
        if self._forwarder is None:
            answer = Answer(at=self._now(), status=self._respond)
        else:
            answer = await self._forwarder.forward(callback)
        self.kept.answered(entry, answer)
        response = Response(answer.body, answer.status)
        response.raw_headers += answer.headers
        return response
