"""The simulator's ASGI application, driven without a socket."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import unquote

from pixazo_simulator.mutants import Mutant, Variant
from pixazo_simulator.server.asgi import Application
from pixazo_simulator.server.files import read_videos
from pixazo_simulator.world.registry import Settings, Worlds
from tests.caller import Reply

__all__ = ["InProcess"]

ADDRESS = "127.0.0.1:8900"


class InProcess:
    """`with InProcess() as send: send("GET", "/_sim/health", {}, b"")`; an exception of the application is raised here."""

    def __init__(
        self, settings: Settings | None = None, change: Mutant | Variant | None = None, peer: str = "127.0.0.1"
    ) -> None:
        self._peer = peer
        given = settings or Settings()
        self._app = Application(Worlds(change.edits.settings(given) if change else given, read_videos()), change)
        self._runner = asyncio.Runner()

    def __call__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request and return its answer."""
        path, _, query = target.partition("?")
        named = {"host": ADDRESS, "content-length": str(len(body))} | {name.lower(): headers[name] for name in headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()],
            "client": (self._peer, 50000),
            "server": ("127.0.0.1", 8900),
        }
        return self._runner.run(self._exchange(scope, body))

    async def _exchange(self, scope: dict[str, Any], body: bytes) -> Reply:
        request: dict[str, Any] = {"type": "http.request", "body": body, "more_body": False}
        incoming = itertools.chain([request], itertools.repeat({"type": "http.disconnect"}))
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(incoming)

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start, *rest = sent
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
        return Reply(start["status"], headers, b"".join(message.get("body", b"") for message in rest))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._app.tls_listeners.close_all())
        self._runner.close()
