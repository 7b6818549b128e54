"""The page of the receiver: the webhooks that were received, live, with headers, body, signature and answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from pixazo_html import HEADERS, STATIC, templates
from pixazo_simulator.control import Refused
from pixazo_simulator.spec import CONSOLE_PATH

from .kept import Entry, Kept
from .shown import is_taken, ordinal, shown

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

MOST_ROWS = 200
"""Webhooks that the list shows, the latest."""
PAUSE = 0.2
"""Least seconds between two `changed` events, so that a burst of webhooks refreshes the page once."""


class Page:
    """The page as an ASGI application, for callers that may see it; `resend` posts a webhook to the app again, where there is one."""

    def __init__(
        self, kept: Kept, resend: Callable[[int], Awaitable[Entry]], answered_by: str, *, forwards: bool
    ) -> None:
        self._kept = kept
        self._resend = resend
        self._context: dict[str, Any] = {
            "base": CONSOLE_PATH, "answered_by": answered_by, "forwards": forwards,
            "is_taken": is_taken, "ordinal": ordinal, "value_of": _value_of,
        }  # fmt: skip
        self._templates = templates(files("pixazo_simulator.receiver").joinpath("templates"))
        routes = {
            "": self._list, "/": self._list, "/{number:int}": self._list, "/events": self._events, "/static/{name}": self._static,
        }  # fmt: skip
        found = [Route(CONSOLE_PATH + path, answer) for path, answer in routes.items()]
        found.append(Route(f"{CONSOLE_PATH}/{{number:int}}/resend", self._send_again, methods=["POST"]))
        self._router = Router(found, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._router(scope, receive, send)

    async def _list(self, request: Request) -> Response:
        number: int | None = request.path_params.get("number")
        opened = None if number is None else self._kept.get(number)
        if number is not None and opened is None:
            return self._html("message.jinja", {"text": f"there is no webhook {number}", "is_good": False}, 404)
        newest = [shown(each, most=0) for each in list(self._kept)[: -MOST_ROWS - 1 : -1]]
        context = {
            "target": request.url.path, "url": f"http://{request.headers.get('host', '')}", "total": self._kept.total,
            "rows": newest, "opened": opened and shown(opened),
        }  # fmt: skip
        return self._html("receiver.jinja", context)

    def _html(self, template: str, context: dict[str, Any], status: int = 200) -> Response:
        text = self._templates.get_template(template).render(self._context | context)
        return HTMLResponse(text, status, headers=HEADERS)

    async def _send_again(self, request: Request) -> Response:
        if "hx-request" not in request.headers:  # another site cannot add this header without a CORS preflight
            return self._html("message.jinja", {"text": "only this page may do so", "is_good": False}, 403)
        try:
            entry = await self._resend(request.path_params["number"])
        except Refused as refused:
            return self._html("message.jinja", {"text": str(refused), "is_good": False}, refused.status)
        latest = entry.answers[-1]
        text = latest.problem or f"The app answered {latest.status} in {latest.milliseconds} ms."
        return self._html("message.jinja", {"text": text, "is_good": is_taken(latest.status)})

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._event_stream(), media_type="text/event-stream", headers=HEADERS)

    async def _event_stream(self) -> AsyncIterator[str]:
        """Server-sent events: the number of webhooks as text, `changed` when the page is out of date."""
        happened = asyncio.Event()

        def watch(_: Entry) -> None:
            happened.set()

        self._kept.watchers.append(watch)
        try:
            while True:
                yield f"data: {self._kept.total}\n\nevent: changed\ndata: -\n\n"
                await happened.wait()
                await asyncio.sleep(PAUSE)
                happened.clear()
        finally:
            self._kept.watchers.remove(watch)

    async def _static(self, request: Request) -> Response:
        kind, content = STATIC.get(request.path_params["name"], ("text/plain", b""))
        headers = HEADERS | {"cache-control": "max-age=3600"}
        return Response(content, 200 if content else 404, media_type=kind, headers=headers)


def _value_of(text: str) -> object:
    """The value of a text that is JSON, any other text as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
