"""The console as an ASGI application: access, routes of pages and forms, refusals, the events of an open page."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, Router

from pixazo_html.pages import templates
from pixazo_html.serving import CHANGED, HEADERS, is_from_our_page, static_routes
from pixazo_simulator.control import TOKEN_HEADER, Refused, check_access, read_body
from pixazo_simulator.gateway import serve_media
from pixazo_simulator.spec import beginning, raised_at
from pixazo_simulator.world import Settings, StateUnavailableError, World

from . import actions, pages
from .request import BASE, ConsoleRequest, Gateway, View, checksum, clock_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from pixazo_simulator.control import ControlHandler
    from pixazo_simulator.world import Worlds

log = logging.getLogger("pixazo_simulator")
COOKIE = "pixazo-console"
"""The cookie with a digest of the control token, set at login: a browser should not store the token itself."""
MOST_SENT = 4 * 1024 * 1024
"""Bytes of the longest form."""
TICK = 1.0
"""Seconds between two events with the time, and between two checks for changes without a notification, such as a new rule."""
PAUSE = 0.3
"""Least seconds between two `changed` events, so a burst of changes refreshes the page once."""
_LOGIN = f"{BASE}/login"
_SHOWN_PATH = 120
"""Characters of a path that a message shows."""


class Console:
    """The console over the worlds of one server; `gateway` responds to the requests of the page Try it."""

    def __init__(self, control: ControlHandler, worlds: Worlds, gateway: Gateway) -> None:
        self._control = control
        self._worlds = worlds
        self._gateway = gateway
        self._templates = templates(files("pixazo_simulator.server.console").joinpath("templates"))
        world = f"{BASE}/worlds/{{number:number}}"
        routes: list[BaseRoute] = [
            *static_routes(BASE),
            Route(f"{BASE}/receiver", _receive, methods=["POST", "PUT"]),
            Route(_LOGIN, self._log_in, methods=["POST"]),
            Route(f"{world}/events", self._events),
            Route(f"{world}/videos/{{request_id}}", self._video),
            *(Route(BASE + path, partial(self._page, show)) for path, show in pages.PAGES.items()),
            *(Route(BASE + path, partial(self._act, do), methods=["POST"]) for path, do in actions.ACTIONS.items()),
            Mount("/", _nothing),  # else Starlette words the 405
        ]
        router = Router(routes, redirect_slashes=False, default=_nothing)  # of a path with a line end
        self._app = ExceptionMiddleware(router, {Exception: self._failed})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. It never raises, whatever is sent."""
        response: ASGIApp = self._app
        if not scope["path"].startswith((f"{BASE}/static/", f"{BASE}/receiver")):  # neither shows a world
            try:
                _check(scope, self._worlds.settings)
            except Refused as refused:
                needs_token = self._worlds.settings.control_token is not None and refused.status == 403
                page = "login.jinja" if needs_token and scope["path"] != _LOGIN else "refused.jinja"
                response = self._refusal(page, refused, refused.status)
        await response(scope, receive, send)

    def _html(self, template: str, context: Mapping[str, Any], status: int = 200) -> Response:
        text = self._templates.get_template(template).render(base=BASE, **context)
        return HTMLResponse(text, status, headers=HEADERS)

    def _refusal(self, template: str, refused: Refused, status: int) -> Response:
        """A refusal as a page, without the keys that it may quote."""
        redacted = Refused(refused.status, self._worlds.redactor.text(str(refused)), refused.error)
        return self._html(template, {"refused": redacted}, status)

    def _message(self, title: str, text: str, tone: str) -> Response:
        shown = self._worlds.redactor.text(text)
        return self._html("message.jinja", {"title": title, "text": shown, "tone": tone})

    async def _failed(self, request: Request, error: Exception) -> Response:
        """Show a refusal, or that the console itself has failed, as a page."""
        if isinstance(error, Refused):
            refused = error
        elif isinstance(error, StateUnavailableError):
            refused = Refused(503, str(error), "Service unavailable")
        else:
            failed = f"the console failed with {type(error).__name__}"
            log.error("%s %s", failed, raised_at(error))  # a traceback may contain keys
            refused = Refused(500, f"{failed}: this is a fault of the simulator, please report it", "Internal error")
        # A part of a page that is refreshed shows the refusal in its place.
        return self._refusal("refused.jinja", refused, 200 if is_from_our_page(request) else refused.status)

    async def _page(self, show: pages.Page, request: Request) -> Response:
        shown = await show(await self._console_request(request))
        return self._html(shown.template, shown.context) if isinstance(shown, View) else shown

    async def _act(self, do: actions.Action, request: Request) -> Response:
        if not is_from_our_page(request):
            raise Refused(403, "only the console itself may do this: it needs JavaScript")
        try:
            call = await self._console_request(request)
            if (body := await read_body(request.receive, MOST_SENT)) is None:
                return Response(headers=HEADERS)  # not sent: the caller disconnected before the end
            call.form.update(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
            done = await do(call)
        except (Refused, StateUnavailableError) as error:
            return self._message("Refused:", str(error), "bad")
        response = self._message("Done.", done.text, "good" if done.is_good else "warn")
        response.headers.update({"hx-trigger": "changed", **({"hx-redirect": done.to} if done.to else {})})
        return response

    async def _console_request(self, request: Request) -> ConsoleRequest:
        number, worlds = request.path_params.get("number"), self._worlds
        if worlds.log:
            await worlds.log.catch_up()
        world = None if number is None else self._world(number)
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return ConsoleRequest(
            self._control, worlds, self._gateway, request.headers.get("host", ""), dict(request.path_params), dict(request.query_params),
            {}, target, world, checksum(world, worlds) if world else "",
        )  # fmt: skip

    def _world(self, number: int) -> World:
        with self._worlds.lock:
            if (world := self._worlds.numbered(number)) is None:
                raise Refused(
                    404, f"there is no world {number}: it was deleted, or never existed; {BASE} lists those that exist"
                )
            return world

    async def _log_in(self, request: Request) -> Response:
        body = dict(parse_qsl((await read_body(request.receive, MOST_SENT) or b"").decode(errors="replace")))
        token, sent = self._worlds.settings.control_token, body.get("token", "").strip()
        if token is None or not hmac.compare_digest(sent.encode(), token.encode()):
            refused = Refused(403, "this is not the control token: send the value of --control-token")
            return self._refusal("login.jinja", refused, 403)
        response = RedirectResponse(BASE, 303, headers=HEADERS)
        response.set_cookie(COOKIE, _digest(token), path=BASE, httponly=True, samesite="strict")
        return response

    async def _events(self, request: Request) -> Response:
        world = self._worlds.numbered(request.path_params["number"])
        stream = _events(world, self._worlds, request.query_params.get("shown", ""))
        return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)

    async def _video(self, request: Request) -> Response:
        """The video of a generation as the media host serves it, without an entry in the journal: the app did not ask for it."""
        world = self._world(request.path_params["number"])
        if (generation := world.generation_of(request.path_params["request_id"])) is None:
            raise Refused(404, "there is no such generation: the page Videos lists those that exist")
        answer = serve_media(generation, self._worlds.videos, request.method, request.headers.raw, world.policy)
        sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
        return Response(answer.body, answer.status, headers=HEADERS | sent)


async def _events(world: World | None, worlds: Worlds, shown: str) -> AsyncIterator[str]:
    """Server-sent events: the time as text; `changed` when the page with checksum `shown` is out of date or its world gone."""
    if world is None:
        yield CHANGED
        return
    happened, loop = asyncio.Event(), asyncio.get_running_loop()
    with world.notifier.listening(lambda: loop.call_soon_threadsafe(happened.set)):
        sent = ""
        yield ": the events of a world\n\n"
        while worlds.numbered(world.number) is world:
            if (time := clock_text(world)) != sent:
                sent = time
                yield f"data: {time}\n\n"
            if (now := checksum(world, worlds)) != shown:
                shown = now
                yield CHANGED
                await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await happened.wait()
            happened.clear()
        yield CHANGED


async def _nothing(scope: Scope, _receive: Receive, _send: Send) -> None:
    line = f"{scope['method']} {beginning(scope['path'], _SHOWN_PATH)}"
    raise Refused(404, f"the console has no page for {line!a}: start at {BASE}", "Not found")


async def _receive(request: Request) -> Response:
    """Receive a webhook and discard it: the page Webhooks shows what was sent."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return Response(status_code=204, headers=HEADERS)


def _digest(token: str) -> str:
    return hmac.new(token.encode(), b"pixazo-console", hashlib.sha256).hexdigest()


def _check(scope: Scope, settings: Settings) -> None:
    """Raise Refused unless the caller may use `/_sim`; the cookie counts as the token whose digest it contains.

    The login needs no token, since its form sends one; every other condition applies to it, too.
    """
    token = settings.control_token
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    if token is not None and not any(name == TOKEN_HEADER.lower().encode() for name, _ in headers):
        # By hand: SimpleCookie stops at the first cookie of another app that it cannot read.
        sent = b";".join(value for name, value in headers if name == b"cookie").split(b";")
        ours = f"{COOKIE}={_digest(token)}".encode()
        is_known = any(hmac.compare_digest(each.strip(), ours) for each in sent)
        if is_known or scope["path"] == _LOGIN:
            scope = {**scope, "headers": [*headers, (TOKEN_HEADER.lower().encode(), token.encode())]}
    check_access(scope, settings)
