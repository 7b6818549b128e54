"""Clients of a world, whose pauses advance its clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any, TypeAlias

import httpx2
from anyio.to_thread import run_sync

from pixazo_client import AsyncPixazoClient, PixazoClient, Polling

Sleep: TypeAlias = Callable[[float], object]
#: The defaults of a client, but without the proxies of the environment, and with one TLS context for all clients, since it is slow to make.
_OPTIONS: dict[str, Any] = {
    "timeout": (5.0, 30.0, 30.0, 10.0), "trust_env": False, "verify": httpx2.create_ssl_context(verify=False),
}  # fmt: skip


@contextmanager
def client_of(sleep: Sleep, *, seed: int, **options: Any) -> Generator[PixazoClient]:
    with httpx2.Client(**_OPTIONS) as http:
        yield PixazoClient(http_client=http, sleep=sleep, polling=_polling(seed), **options)


@contextmanager
def async_client_of(sleep: Sleep, *, seed: int, **options: Any) -> Generator[AsyncPixazoClient]:
    """A client for asyncio and trio. It keeps no connection open, so it can be closed after the loop on which it was used has ended."""

    async def in_a_thread(seconds: float) -> None:
        # In a thread: an app on the loop of the test may have to answer the callbacks that fall due.
        await run_sync(sleep, seconds)

    http = httpx2.AsyncClient(**_OPTIONS, limits=httpx2.Limits(max_keepalive_connections=0))
    yield AsyncPixazoClient(http_client=http, sleep=in_a_thread, polling=_polling(seed), **options)
    with ThreadPoolExecutor(1) as thread:  # one without a running loop
        thread.submit(asyncio.run, http.aclose()).result()


def _polling(seed: int) -> Polling:
    """The same seed gives the same pauses between polls."""
    return Polling(random=Random(seed).random)  # noqa: S311 - reproducible by design, guards nothing
