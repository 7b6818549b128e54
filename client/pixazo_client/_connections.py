"""Which HTTP client carries an exchange: of our own one for each process and event loop, of the user's the one there is.

A connection belongs to the process and the event loop that opened it. After a fork, parent and child would read each
other's answers from it; on another loop it breaks after the request was written.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx2

from ._errors import PixazoError
from ._proxies import routes

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

    from anyio.lowlevel import RunVar

    from ._http import AsyncHTTPClient, HTTPClient, HTTPResponse


T = TypeVar("T")

DEFAULT_TIMEOUT = (5.0, 30.0, 30.0, 10.0)
"""Seconds to connect, between two reads, between two writes, and to get a free connection."""

CLOSED = "the client is closed, nothing was sent: make another"


class _Recipe:
    """How our own HTTP clients are made. The environment is read once; the slow TLS context is shared."""

    def __init__(self) -> None:
        self._context = httpx2.create_ssl_context()
        self._routes = routes(self._context)

    def client(self) -> httpx2.Client:
        """A blocking client, unused."""
        return httpx2.Client(mounts=self._mounts(httpx2.HTTPTransport), **self._options)

    def async_client(self) -> httpx2.AsyncClient:
        """An asynchronous client, unused."""
        return httpx2.AsyncClient(mounts=self._mounts(httpx2.AsyncHTTPTransport), **self._options)

    @property
    def _options(self) -> dict[str, Any]:
        return {"timeout": DEFAULT_TIMEOUT, "verify": self._context, "trust_env": False}

    def _mounts(self, transport: Any) -> dict[str, Any]:
        return {
            pattern: transport(proxy=way, verify=self._context) if isinstance(way, str) else way
            for pattern, way in self._routes.items()
        }


class Pool:
    """Our own blocking clients. There is no lock: one that another thread holds at a fork is held in the child for ever."""

    def __init__(self) -> None:
        self._recipe = _Recipe()
        self._clients: dict[int, httpx2.Client] = {os.getpid(): self._recipe.client()}
        self._closed = False

    def take(self) -> HTTPClient:
        """The client of this process. One inherited from the parent is left alone, since closing it would end TLS there.

        Raises:
            PixazoError: closed.
        """
        if self._closed:
            raise PixazoError(CLOSED)
        process = os.getpid()
        return self._clients.get(process) or self._clients.setdefault(process, self._recipe.client())

    def settle(self, response: HTTPResponse) -> None:
        """An exchange ended with this response."""

    def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        if (client := self._clients.pop(os.getpid(), None)) is not None:
            client.close()


class AsyncPool:
    """Our own asynchronous clients, each closed with its event loop."""

    def __init__(self) -> None:
        self._recipe = _Recipe()
        self._clients: dict[tuple[int, object], _Kept] = {}
        self._closed = False

    async def take(self) -> AsyncHTTPClient:
        """The client of this process and event loop.

        Raises:
            PixazoError: closed.
        """
        if self._closed:
            raise PixazoError(CLOSED)
        here = _here()
        kept = self._clients.get(here)
        if kept is None:
            self._forget_closed_loops()
            kept = self._clients[here] = _Kept(self._recipe.async_client())
            await kept.stay(self._clients, here)
        return kept.client

    def settle(self, response: HTTPResponse) -> None:
        """An exchange ended with this response."""

    async def aclose(self) -> None:
        """Close the connections of this loop; those of other loops of this process are closed there as soon as possible."""
        self._closed = True
        kept = self._clients.pop(_here(), None)
        for process, loop in list(self._clients):
            if process == os.getpid():
                self._clients.pop((process, loop), None)
        if kept is not None:
            await kept.leave()

    def _forget_closed_loops(self) -> None:
        for key, kept in list(self._clients.items()):
            if kept.is_stranded:
                self._clients.pop(key, None)


class _Kept:
    """One client and the means to close it when its loop ends: loops close the asynchronous generators that still run."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        self._loop = _asyncio_loop()
        self._stay: AsyncGenerator[None] | None = None

    @property
    def is_stranded(self) -> bool:
        """Was the loop closed without ending its generators first?"""
        return self._loop is not None and self._loop.is_closed()

    async def stay(self, among: dict[tuple[int, object], _Kept], key: tuple[int, object]) -> None:
        """Be among these under the key until the loop ends, or `leave`."""
        self._stay = _closing(self.client, among, key)
        await anext(self._stay)

    async def leave(self) -> None:
        """Close the client now."""
        if self._stay is not None:
            await self._stay.aclose()


async def _closing(
    client: httpx2.AsyncClient, among: dict[tuple[int, object], _Kept], key: tuple[int, object]
) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        among.pop(key, None)
        await client.aclose()


class _Lent(Generic[T]):
    """A client of the user's. It belongs where it first kept a connection open; mocks keep none, and go anywhere."""

    def __init__(self, client: T) -> None:
        self._client = client
        self._home: tuple[int, object] | None = None

    def settle(self, response: HTTPResponse) -> None:
        """An exchange ended with this response: did it leave a connection behind?"""
        if self._home is None and (stream := response.extensions.get("network_stream")) is not None:
            # An idle connection on which there is something to read has been closed.
            self._home = None if stream.get_extra_info("is_readable") else self._here()

    def _here(self) -> tuple[int, object]:
        return os.getpid(), None

    def _checked(self) -> T:
        if getattr(self._client, "is_closed", False):
            raise PixazoError("http_client is closed, nothing was sent: pass an open one")
        if self._home is not None and self._home != (here := self._here()):
            where = "process" if self._home[0] != here[0] else "event loop"
            raise PixazoError(
                f"http_client has connections of another {where}, nothing was sent: make one in each {where}, "
                "or pass none and the client does"
            )
        return self._client


class Lent(_Lent["HTTPClient"]):
    """A blocking client of the user's."""

    def take(self) -> HTTPClient:
        """The client.

        Raises:
            PixazoError: it is closed, or its connections belong elsewhere.
        """
        return self._checked()

    def close(self) -> None:
        """Leave it open."""


class AsyncLent(_Lent["AsyncHTTPClient"]):
    """An asynchronous client of the user's."""

    async def take(self) -> AsyncHTTPClient:
        """See Lent.take."""
        return self._checked()

    async def aclose(self) -> None:
        """Leave it open."""

    def _here(self) -> tuple[int, object]:
        return _here()


def _here() -> tuple[int, object]:
    """This process and this event loop."""
    try:
        loop = _mark().get()
    except LookupError:
        _mark().set(loop := object())
    return os.getpid(), loop


@cache
def _mark() -> RunVar[object]:
    """What an event loop is known by; the loop itself would be kept alive by the connections that refer to it."""
    from anyio.lowlevel import RunVar

    return RunVar("pixazo_client_loop")


def _asyncio_loop() -> asyncio.AbstractEventLoop | None:
    try:
        running: asyncio.AbstractEventLoop = sys.modules["asyncio"].get_running_loop()
    except (KeyError, RuntimeError):  # trio
        return None
    return running
