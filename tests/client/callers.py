"""Calls each kind of client over real sockets: blocking or not, httpx2 or httpx."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

import anyio
import httpx
import httpx2

from pixazo_client import AsyncPixazoClient, PixazoClient

T = TypeVar("T")

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


def _sleep(_: float) -> None:
    pass


async def _async_sleep(_: float) -> None:
    pass
