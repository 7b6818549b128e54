"""Clients of a world, whose pauses advance its clock."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any

import httpx2
from anyio.to_thread import run_sync

from pixazo_client import AsyncPixazoClient, PixazoClient, Polling

if TYPE_CHECKING:
    from .pixazo import Pixazo

#: The defaults of a client, but without the proxies of the environment, and with one TLS context, which is slow to make, for all clients.
_OPTIONS: dict[str, Any] = {
    "timeout": (5.0, 30.0, 30.0, 10.0), "trust_env": False, "verify": httpx2.create_ssl_context(verify=False),
}  # fmt: skip


@contextmanager
def client_of(pixazo: Pixazo) -> Generator[PixazoClient]:
    """A blocking client."""
    with httpx2.Client(**_OPTIONS) as http:
        yield PixazoClient(http_client=http, sleep=pixazo.clock.sleep, **_common(pixazo))


@contextmanager
def async_client_of(pixazo: Pixazo) -> Generator[AsyncPixazoClient]:
    """A client for asyncio and trio. It keeps no connection open, so that it can be closed after the loop that it was used on has ended."""

    async def sleep(seconds: float) -> None:
        # In a thread: an app on the loop of the test may have to answer the callbacks that fall due.
        await run_sync(pixazo.clock.sleep, seconds)

    http = httpx2.AsyncClient(**_OPTIONS, limits=httpx2.Limits(max_keepalive_connections=0))
    yield AsyncPixazoClient(http_client=http, sleep=sleep, **_common(pixazo))
    with ThreadPoolExecutor(1) as thread:  # one without a running loop
        thread.submit(asyncio.run, http.aclose()).result()


def _common(pixazo: Pixazo) -> dict[str, Any]:
    """The arguments of both; the same seed gives the same pauses between polls."""
    polling = Polling(random=Random(pixazo.seed).random)  # noqa: S311 - reproducible by design, guards nothing
    return {
        "api_key": pixazo.api_key, "base_url": pixazo.url, "monotonic": pixazo.clock.monotonic, "polling": polling,
    }  # fmt: skip
