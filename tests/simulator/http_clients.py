"""The HTTP clients of Python, each as a talker: something that sends one request and returns status and body."""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import httpx
import httpx2
import requests
import trio
import urllib3
import uvloop
from tests.patience import PATIENCE

__all__ = ["POOLED", "TALKERS", "Talk", "Talker"]


class Talk(Protocol):
    """Send one request with this key; raises whatever the library raises when no answer comes within `timeout` seconds."""

    def __call__(
        self, method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
    ) -> tuple[int, bytes]: ...


Talker = Callable[[], AbstractContextManager[Talk]]
"""Makes a client; leaving the context closes it."""


def _headers(key: str) -> dict[str, str]:
    return {"Ocp-Apim-Subscription-Key": key, "Content-Type": "application/json"}


@contextmanager
def _over_requests() -> Generator[Talk]:
    with requests.Session() as session:

        def talk(
            method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
        ) -> tuple[int, bytes]:
            answer = session.request(method, url, data=body, headers=_headers(key), timeout=timeout)
            return answer.status_code, answer.content

        yield talk


@contextmanager
def _over_urllib3() -> Generator[Talk]:
    with urllib3.PoolManager() as pool:

        def talk(
            method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
        ) -> tuple[int, bytes]:
            answer = pool.request(method, url, body=body, headers=_headers(key), timeout=timeout, retries=False)
            return answer.status, answer.data

        yield talk


@contextmanager
def _over_urllib() -> Generator[Talk]:
    opener = urllib.request.build_opener()

    def talk(
        method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
    ) -> tuple[int, bytes]:
        asked = urllib.request.Request(url, body, _headers(key), method=method)
        try:
            with opener.open(asked, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    yield talk


@contextmanager
def _over_http_client() -> Generator[Talk]:
    """One connection for all requests to one host, opened again when it has ended."""
    connections: dict[str, http.client.HTTPSConnection] = {}

    def talk(
        method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
    ) -> tuple[int, bytes]:
        parts = urlsplit(url)
        connection = connections.setdefault(parts.netloc, http.client.HTTPSConnection(parts.netloc, timeout=timeout))
        try:
            connection.request(method, parts.path, body, _headers(key))
            answer = connection.getresponse()
        except (ConnectionError, OSError):
            connection.close()
            raise
        return answer.status, answer.read()

    yield talk
    for connection in connections.values():
        connection.close()


def _over_httpx(library: Any) -> Talker:
    @contextmanager
    def make() -> Generator[Talk]:
        with library.Client() as client:

            def talk(
                method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
            ) -> tuple[int, bytes]:
                answer = client.request(method, url, content=body, headers=_headers(key), timeout=timeout)
                return answer.status_code, answer.content

            yield talk

    return make


def _over_async_httpx(library: Any, loop_factory: Any) -> Talker:
    @contextmanager
    def make() -> Generator[Talk]:
        client = library.AsyncClient()
        with asyncio.Runner(loop_factory=loop_factory) as runner:

            def talk(
                method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
            ) -> tuple[int, bytes]:
                asking = client.request(method, url, content=body, headers=_headers(key), timeout=timeout)
                answer = runner.run(asking)
                return answer.status_code, answer.content

            yield talk
            runner.run(client.aclose())

    return make


def _over_trio(library: Any) -> Talker:
    """A client for each request, since no connection outlives a run of trio; all believe in one context made before."""

    @contextmanager
    def make() -> Generator[Talk]:
        context = library.create_ssl_context()

        def talk(
            method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
        ) -> tuple[int, bytes]:
            async def ask() -> tuple[int, bytes]:
                async with library.AsyncClient(verify=context) as client:
                    answer = await client.request(method, url, content=body, headers=_headers(key), timeout=timeout)
                    return answer.status_code, answer.content

            return trio.run(ask)

        yield talk

    return make


def _over_aiohttp(loop_factory: Any) -> Talker:
    @contextmanager
    def make() -> Generator[Talk]:
        async def session() -> aiohttp.ClientSession:
            return aiohttp.ClientSession(trust_env=True)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            client = runner.run(session())

            async def ask(
                method: str, url: str, body: bytes | None, key: str, patience: aiohttp.ClientTimeout
            ) -> tuple[int, bytes]:
                async with client.request(method, url, data=body, headers=_headers(key), timeout=patience) as answer:
                    return answer.status, await answer.read()

            def talk(
                method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
            ) -> tuple[int, bytes]:
                return runner.run(ask(method, url, body, key, aiohttp.ClientTimeout(sock_read=timeout)))

            yield talk
            runner.run(client.close())

    return make


POOLED: dict[str, Talker] = {
    "requests": _over_requests,
    "urllib3": _over_urllib3,
    "httpx": _over_httpx(httpx),
    "httpx2": _over_httpx(httpx2),
    "httpx-asyncio": _over_async_httpx(httpx, None),
    "httpx2-asyncio": _over_async_httpx(httpx2, None),
    "httpx-uvloop": _over_async_httpx(httpx, uvloop.new_event_loop),
    "httpx2-uvloop": _over_async_httpx(httpx2, uvloop.new_event_loop),
    "aiohttp-asyncio": _over_aiohttp(None),
    "aiohttp-uvloop": _over_aiohttp(uvloop.new_event_loop),
}
"""Clients that keep connections for the next request."""

TALKERS: dict[str, Talker] = {
    **POOLED,
    "urllib": _over_urllib,
    "http.client": _over_http_client,
    "httpx-trio": _over_trio(httpx),
    "httpx2-trio": _over_trio(httpx2),
}
"""Every client."""
