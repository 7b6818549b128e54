"""The static files of the pages of a server with their routes, and the headers of its responses."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import Route

from .pages import STYLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every page: no other origin, no inline script, no inline style."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""The headers of every page."""
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_STATIC: dict[str, tuple[str, bytes]] = {
    each.name: (_TYPES[kind], each.read_bytes())
    for each in files("pixazo_html").joinpath("static").iterdir()
    if (kind := each.name.rpartition(".")[2]) in _TYPES
} | {"style.css": (_TYPES["css"], STYLE.encode())}
"""Media type and content of each static file, by name: stylesheet, htmx with its SSE extension, our script, an icon."""
CHANGED = "event: changed\ndata: -\n\n"
"""The server-sent event on which an open page refreshes itself."""


class _Number(IntegerConvertor):
    """`{name:number}` in the path of a route. Starlette's own `int` matches more digits than `int` reads."""

    regex = "[0-9]{1,15}"


register_url_convertor("number", _Number())


def static_routes(base: str) -> list[Route]:
    """The routes to the static files, below `base`."""
    return [Route(f"{base}/static/{name}", _serving(kind, content)) for name, (kind, content) in _STATIC.items()]


def _serving(kind: str, content: bytes) -> Callable[[Request], Awaitable[Response]]:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = HEADERS | {"cache-control": "no-cache", "etag": tag}  # revalidated, since another version has other files

    async def serve(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return serve


def is_from_our_page(request: Request) -> bool:
    """Whether one of our pages sends it: htmx adds this header, for which another site needs a CORS preflight."""
    return request.headers.get("hx-request") == "true"
