"""A request handed to an ASGI app, without a socket."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import anyio

from .lifespan import AsgiApp, Message
from .server import Request, Response


class _Exchange:
    """The two channels of one request."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._answered = anyio.Event()
        self._status: int | None = None
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []

    async def receive(self) -> Message:
        """The body, and once it is answered: that the caller went away."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._answered.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Keep what the app says."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._answered.set()

    def response(self) -> Response:
        """What the app answered. Raises RuntimeError when it said nothing."""
        if self._status is None:
            raise RuntimeError("the app returned without a response")
        return Response(self._status, b"".join(self._parts), self._headers)


async def call_asgi(app: AsgiApp, request: Request, state: dict[str, object]) -> Response:
    """The app's response, once the app has returned: its background tasks are done, too. Raises what the app raises."""
    exchange = _Exchange(request.body)
    await app(_scope(request, state), exchange.receive, exchange.send)
    return exchange.response()


def _scope(request: Request, state: dict[str, object]) -> Message:
    parts = urlsplit(request.target)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
        "state": dict(state),
    }
