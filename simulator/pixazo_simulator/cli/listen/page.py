"""What the receiver shows of its webhooks, live, as a page and as JSON: headers, body, signature and responses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from pixazo_html.pages import templates
from pixazo_html.serving import CHANGED, HEADERS, is_from_our_page, static_routes
from pixazo_simulator.control import Refused
from pixazo_simulator.spec import CONSOLE_PATH, CONTROL_PREFIX, is_success, json_or_text

from .callback import CallbackPage, Kept, KeptCallback, ordinal, shown, to_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from .forwarder import Forwarder

LISTED = 4096
"""Characters of each body in the list of `/_sim`."""
MOST_ROWS = 200
"""Webhooks that the list shows, the latest."""
PAUSE = 0.2
"""Least seconds between two `changed` events, so a burst of webhooks refreshes the page once."""


class Page:
    """Page and JSON, whose `router` serves callers that may see them; a webhook is answered by the app behind `forwarder`, or with `respond`."""

    def __init__(self, kept: Kept, forwarder: Forwarder | None, respond: int) -> None:
        self._kept = kept
        self._forwarder = forwarder
        answered_by = forwarder.shown_url if forwarder else f"this receiver, with {respond}"
        self._context: dict[str, Any] = {
            "base": CONSOLE_PATH, "answered_by": answered_by, "forwards": forwarder is not None,
            "is_success": is_success, "ordinal": ordinal, "value_of": json_or_text,
        }  # fmt: skip
        self._templates = templates(files("pixazo_simulator.cli.listen").joinpath("templates"))
        routes = {"": self._list, "/": self._list, "/{number:number}": self._list, "/events": self._events}
        found = [Route(CONSOLE_PATH + path, answer) for path, answer in routes.items()] + static_routes(CONSOLE_PATH)
        found += [
            Route(f"{CONSOLE_PATH}/{{number:number}}/resend", self._send_again, methods=["POST"]),
            Route(f"{CONTROL_PREFIX}/callbacks", self._listed),
            Route(f"{CONTROL_PREFIX}/callbacks/{{number:number}}/resend", self._resent, methods=["POST"]),
        ]
        self.router = Router(found, redirect_slashes=False, default=_nothing)

    async def _list(self, request: Request) -> Response:
        number: int | None = request.path_params.get("number")
        opened = None if number is None else self._kept.get(number)
        if number is not None and opened is None:
            return self._message(f"there is no webhook {number}", 404)
        newest = [shown(each, most=0) for each in list(self._kept)[: -MOST_ROWS - 1 : -1]]
        context = {
            "target": request.url.path, "url": f"http://{request.headers.get('host', '')}", "total": self._kept.total,
            "rows": newest, "opened": opened and shown(opened),
        }  # fmt: skip
        return self._html("receiver.jinja", context)

    def _html(self, template: str, context: dict[str, Any], status: int = 200) -> Response:
        text = self._templates.get_template(template).render(self._context | context)
        return HTMLResponse(text, status, headers=HEADERS)

    def _message(self, text: str, status: int = 200, *, is_good: bool = False) -> Response:
        title, tone = ("Done.", "good") if is_good else ("Refused:", "bad")
        return self._html("message.jinja", {"title": title, "text": text, "tone": tone}, status)

    async def _send_again(self, request: Request) -> Response:
        if not is_from_our_page(request):
            return self._message("only this page may do so", 403)
        try:
            entry = await self._resend(request.path_params["number"])
        except Refused as refused:
            return self._message(str(refused), refused.status)
        latest = entry.answers[-1]
        text = latest.problem or f"The app answered {latest.status} in {latest.milliseconds} ms."
        return self._message(text, is_good=is_success(latest.status))

    async def _resend(self, number: int) -> KeptCallback:
        entry = self._kept.get(number)
        if entry is None:
            raise Refused(404, f"there is no webhook {number}: it has not arrived, or is no longer kept", "Not found")
        if self._forwarder is None:
            raise Refused(409, "there is no app to send it to: start with --forward-to URL", "Not forwarding")
        return self._kept.answered(entry, await self._forwarder.forward(entry.callback))

    async def _listed(self, _: Request) -> Response:
        page = CallbackPage(self._kept.total, [shown(each, LISTED) for each in self._kept])
        return Response(to_json(page), media_type="application/json")

    async def _resent(self, request: Request) -> Response:
        # A page of another site could send any other request without a CORS preflight (a simple request).
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            needs = "a request that changes something needs Content-Type: application/json"
            raise Refused(415, needs, "Unsupported media type")
        entry = await self._resend(request.path_params["number"])
        return Response(to_json(shown(entry)), media_type="application/json")

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._event_stream(), media_type="text/event-stream", headers=HEADERS)

    async def _event_stream(self) -> AsyncIterator[str]:
        """Server-sent events: the number of webhooks as text, `changed` when the page is out of date."""
        happened = asyncio.Event()

        def watch(_: KeptCallback) -> None:
            happened.set()

        self._kept.watchers.append(watch)
        try:
            while True:
                yield f"data: {self._kept.total}\n\n{CHANGED}"
                await happened.wait()
                await asyncio.sleep(PAUSE)
                happened.clear()
        finally:
            self._kept.watchers.remove(watch)


async def _nothing(scope: Scope, _receive: Receive, _send: Send) -> None:
    asked = f"{scope['method']} {scope['path'][:120]!a}"
    raise Refused(404, f"{asked} is not a route of this receiver, whose page is {CONSOLE_PATH}", "Not found")
