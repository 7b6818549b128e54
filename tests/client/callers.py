"""Calls each kind of client over real sockets: blocking or not, httpx2 or httpx."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import anyio
import httpx
import httpx2
from tests.client.scripted_socket import ScriptedSocket, unused_url

from pixazo_client import AsyncPixazoClient, PixazoClient

T = TypeVar("T")
Progress: TypeAlias = Callable[[int, int | None], object] | None

KEY = "canary-5f1d"

TLS = httpx2.create_ssl_context()
"""Of all these clients: it takes longer to make than many a call."""


class Caller:
    """Calls a client of one kind. The functions are written for the blocking one, which has the same names."""

    def __init__(self, kind: str) -> None:
        library, _, self._backend = kind.partition("-")
        self._library: Any = {"httpx": httpx, "httpx2": httpx2}[library]

    def call(self, base_url: str, use: Callable[[PixazoClient], T], **settings: Any) -> T:
        """The result of a function of the client of base_url."""
        common: dict[str, Any] = {"api_key": KEY, "base_url": base_url, **settings}

        async def main() -> T:
            async with self._library.AsyncClient(timeout=10, verify=TLS) as http:
                client: Any = AsyncPixazoClient(http_client=http, sleep=_async_sleep, **common)
                return await cast("Coroutine[Any, Any, T]", use(client))

        if self._backend:
            return anyio.run(main, backend=self._backend)
        with self._library.Client(timeout=10, verify=TLS) as http:
            return use(PixazoClient(http_client=http, sleep=_sleep, **common))

    def ask(self, gateway: ScriptedSocket, use: Callable[[PixazoClient], T], **settings: Any) -> T:
        """The same of a gateway that serves meanwhile."""
        with gateway.serving():
            return self.call(gateway.url, use, **settings)

    def fetch(
        self, media: ScriptedSocket, dest: Path, *, max_bytes: int | None = None, on_progress: Progress = None
    ) -> Path:
        """A video that a media host serves meanwhile, for a client whose gateway does not."""
        options: Any = {"max_bytes": max_bytes, "on_progress": on_progress}
        with media.serving():
            return self.call(unused_url(), lambda client: client.download(media.url + "/a.mp4", dest, **options))


def _sleep(_: float) -> None:
    pass


async def _async_sleep(_: float) -> None:
    pass
