"""A request handed to a WSGI app, without a socket."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from .server import Request, Response

WsgiApp = Callable[[dict[str, Any], Callable[..., Callable[[bytes], object]]], Iterable[bytes]]


class _Start:
    """The `start_response` of one request; returns a `write`, as old apps expect."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        self.status = int(status.split(" ", 1)[0])
        self.headers = dict(headers)
        return self.parts.append


def call_wsgi(app: WsgiApp, request: Request) -> Response:
    """The app's response, in this thread. Raises what the app raises, RuntimeError when it said nothing."""
    start = _Start()
    chunks = app(_environ(request), start)
    try:
        start.parts.extend(chunks)
    finally:
        if close := getattr(chunks, "close", None):
            close()
    if start.status is None:
        raise RuntimeError("the app returned without calling start_response")
    return Response(start.status, b"".join(start.parts), start.headers)


def _environ(request: Request) -> dict[str, Any]:
    parts = urlsplit(request.target)
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    return headers | {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
