"""The HTTP clients of Python, each as a function that sends one request and returns status code and body."""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
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

__all__ = ["HTTP_CLIENTS", "POOLED_CLIENTS", "HttpClient"]


Response = tuple[int, bytes]
"""Status code and body."""


class HttpClient(Protocol):
    """Sends one request with this key; raises whatever the library raises when no answer comes within `timeout` seconds."""

    def __call__(
        self, method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
    ) -> Response: ...


Opened = Callable[[], AbstractContextManager[HttpClient]]
"""Makes a client; leaving the context closes it."""


@dataclass(frozen=True)
class _Asked:
    """One request, and how many seconds its answer may take."""

    method: str
    url: str
    body: bytes | None
    headers: dict[str, str]
    timeout: float

    @property
    def parts(self) -> dict[str, Any]:
        """All but the body, by the names that every library gives them."""
        return {"method": self.method, "url": self.url, "headers": self.headers, "timeout": self.timeout}


_Send = Callable[[_Asked], Response]


def _client(open_library: Callable[[], Generator[_Send]]) -> Opened:
    """A client of a function that opens a library, yields how to send a request, and closes the library."""

    @contextmanager
    def opened() -> Generator[HttpClient]:
        with contextmanager(open_library)() as send:

            def client(
                method: str, url: str, body: bytes | None = None, *, key: str = "any-key", timeout: float = PATIENCE
            ) -> Response:
                headers = {"Ocp-Apim-Subscription-Key": key, "Content-Type": "application/json"}
                return send(_Asked(method, url, body, headers, timeout))

            yield client

    return opened


def _over_requests() -> Generator[_Send]:
    with requests.Session() as session:

        def send(asked: _Asked) -> Response:
            response = session.request(data=asked.body, **asked.parts)
            return response.status_code, response.content

        yield send


def _over_urllib3() -> Generator[_Send]:
    with urllib3.PoolManager() as pool:

        def send(asked: _Asked) -> Response:
            response = pool.request(body=asked.body, **asked.parts, retries=False)
            return response.status, response.data

        yield send


def _over_urllib() -> Generator[_Send]:
    opener = urllib.request.build_opener()

    def send(asked: _Asked) -> Response:
        try:
            request = urllib.request.Request(asked.url, asked.body, asked.headers, method=asked.method)
            with opener.open(request, timeout=asked.timeout) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    yield send


def _over_http_client() -> Generator[_Send]:
    """One connection for all requests to one host, opened again when it has ended."""
    connections: dict[str, http.client.HTTPSConnection] = {}

    def send(asked: _Asked) -> Response:
        parts = urlsplit(asked.url)
        connection = connections.setdefault(
            parts.netloc, http.client.HTTPSConnection(parts.netloc, timeout=asked.timeout)
        )
        try:
            connection.request(asked.method, parts.path, asked.body, asked.headers)
            response = connection.getresponse()
        except OSError:
            connection.close()
            raise
        return response.status, response.read()

    yield send
    for connection in connections.values():
        connection.close()


def _over_httpx(library: Any) -> Opened:
    def open_library() -> Generator[_Send]:
        with library.Client() as client:

            def send(asked: _Asked) -> Response:
                response = client.request(content=asked.body, **asked.parts)
                return response.status_code, response.content

            yield send

    return _client(open_library)


def _over_async_httpx(library: Any, loop_factory: Any) -> Opened:
    def open_library() -> Generator[_Send]:
        client = library.AsyncClient()
        with asyncio.Runner(loop_factory=loop_factory) as runner:

            def send(asked: _Asked) -> Response:
                response = runner.run(client.request(content=asked.body, **asked.parts))
                return response.status_code, response.content

            yield send
            runner.run(client.aclose())

    return _client(open_library)


def _over_trio(library: Any) -> Opened:
    """A client for each request, since no connection outlives a run of trio; all use one TLS context, made before."""

    def open_library() -> Generator[_Send]:
        context = library.create_ssl_context()

        def send(asked: _Asked) -> Response:
            async def ask() -> Response:
                async with library.AsyncClient(verify=context) as client:
                    response = await client.request(content=asked.body, **asked.parts)
                    return response.status_code, response.content

            return trio.run(ask)

        yield send

    return _client(open_library)


def _over_aiohttp(loop_factory: Any) -> Opened:
    def open_library() -> Generator[_Send]:
        async def session() -> aiohttp.ClientSession:
            return aiohttp.ClientSession(trust_env=True)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            client = runner.run(session())

            async def ask(asked: _Asked) -> Response:
                limited: dict[str, Any] = asked.parts | {"timeout": aiohttp.ClientTimeout(sock_read=asked.timeout)}
                async with client.request(data=asked.body, **limited) as response:
                    return response.status, await response.read()

            def send(asked: _Asked) -> Response:
                return runner.run(ask(asked))

            yield send
            runner.run(client.close())

    return _client(open_library)


POOLED_CLIENTS: dict[str, Opened] = {
    "requests": _client(_over_requests),
    "urllib3": _client(_over_urllib3),
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

HTTP_CLIENTS: dict[str, Opened] = {
    **POOLED_CLIENTS,
    "urllib": _client(_over_urllib),
    "http.client": _client(_over_http_client),
    "httpx-trio": _over_trio(httpx),
    "httpx2-trio": _over_trio(httpx2),
}
"""Every client."""
