"""The HTTP clients that carry the exchanges: our own, one for each process and event loop, or the user's.

A connection belongs to the process and the event loop that opened it. After a fork, parent and child would read each
other's responses from it; on another loop it fails after the request was written.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, TypeAlias, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2

from ._errors import PixazoError

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import AsyncGenerator, Callable, Mapping

    from anyio.lowlevel import RunVar


C = TypeVar("C")
Place: TypeAlias = "tuple[int, object]"
"""A process and an event loop."""

DEFAULT_TIMEOUT = (5.0, 30.0, 30.0, 10.0)
"""Seconds to connect, between two reads, between two writes, and to get a free connection."""

_TLS_FILES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
CLOSED = "the client is closed, nothing was sent: make another"


class HTTPClient(Protocol):
    """What tells an `httpx2.Client` or `httpx.Client` from other objects."""

    def build_request(self, method: str, url: Any) -> Any: ...
    def send(self, request: Any) -> Any: ...
    def close(self) -> None: ...


class AsyncHTTPClient(Protocol):
    """What tells an `httpx2.AsyncClient` or `httpx.AsyncClient` from other objects."""

    def build_request(self, method: str, url: Any) -> Any: ...
    async def send(self, request: Any) -> Any: ...
    async def aclose(self) -> None: ...


def process() -> Place:
    """This process; blocking clients may be shared by its threads."""
    return os.getpid(), None


def event_loop() -> Place:
    """This process and this event loop."""
    try:
        loop = _mark().get()
    except LookupError:
        _mark().set(loop := object())
    return os.getpid(), loop


@cache
def _mark() -> RunVar[object]:
    """Identifies an event loop. The loop itself as a key would be kept alive by the connections that refer to it."""
    from anyio.lowlevel import RunVar

    return RunVar("pixazo_client_loop")


def tls_context() -> ssl.SSLContext:
    """How https is spoken, as the environment has it now. To read all the certificates takes tens of milliseconds: they are read once."""
    import ssl  # as late as httpx2 does

    file, folder, key_log = map(os.environ.get, _TLS_FILES)
    written = None
    with suppress(OSError):  # there need not be such a file, and what is wrong with it is for the library to say
        written = Path(file or ssl.get_default_verify_paths().openssl_cafile).stat().st_mtime_ns
    try:
        return _tls_context(file, folder, key_log, written)
    except OSError as error:
        named = (
            " and ".join(f"{name}={os.environ[name]}" for name in _TLS_FILES if os.environ.get(name))
            or "the system's certificates"
        )
        raise PixazoError(f"TLS cannot be set up: {error.strerror or error}: look at {named}") from error


@lru_cache(maxsize=8)
def _tls_context(*_environment: object) -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def _maker(kind: Callable[..., C], transport: Callable[..., object]) -> Callable[[], C]:
    """Makes our own HTTP clients of this kind, with transports of its kind, from the environment as it is now."""
    context, used = tls_context(), proxies()

    def make() -> C:
        mounts = {
            pattern: url and _mounted(partial(transport, verify=context), pattern.partition(":")[0], url)
            for pattern, url in used.items()
        }
        return kind(mounts=mounts, timeout=DEFAULT_TIMEOUT, verify=context, trust_env=False)

    return make


def _mounted(transport: Callable[..., object], scheme: str, url: str) -> object:
    """A transport that uses this proxy, or one that reports that it cannot be used, only when a request needs it."""
    try:
        parts = urlsplit(url)
        _ = parts.port, (parts.hostname or "").encode("idna")  # raise ValueError for what only a socket would refuse
        return transport(proxy=url)
    except ImportError:
        remedy = "pip install 'httpx2[socks]'"
    except (ValueError, httpx2.InvalidURL):
        remedy = "give http://host:port, or https:// or socks5:// in its place"
    name = next(filter(os.environ.get, (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")), "the system's proxy setting")
    # Without user and password, which end at its last @.
    shown = re.sub(r"\A([A-Za-z][\w+.-]*://)?.*@", r"\1", url, flags=re.DOTALL)
    return UnusableProxy(f"the proxy {name}={shown} cannot be used: {remedy}")


class Pool:
    """Our own blocking clients. There is no lock: one that another thread holds during a fork is never released in the child."""

    def __init__(self) -> None:
        self._new = _maker(httpx2.Client, httpx2.HTTPTransport)
        self._clients: dict[int, httpx2.Client] = {os.getpid(): self._new()}
        self._closed = False

    async def take(self) -> httpx2.Client:
        """The client of this process. One inherited from the parent stays open: to close it would end TLS there."""
        if self._closed:
            raise PixazoError(CLOSED)
        pid = os.getpid()
        return self._clients.get(pid) or self._clients.setdefault(pid, self._new())

    async def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        if (client := self._clients.pop(os.getpid(), None)) is not None:
            client.close()


class _Kept(NamedTuple):
    client: httpx2.AsyncClient
    loop: asyncio.AbstractEventLoop | None  # None on trio
    guard: AsyncGenerator[None]  # closes the client when it is closed itself


class AsyncPool:
    """Our own asynchronous clients, each closed with its event loop: a loop that ends closes the generators still open."""

    def __init__(self) -> None:
        self._new = _maker(httpx2.AsyncClient, httpx2.AsyncHTTPTransport)
        self._clients: dict[Place, _Kept] = {}
        self._closed = False

    async def take(self) -> httpx2.AsyncClient:
        """The client of this process and event loop."""
        if self._closed:
            raise PixazoError(CLOSED)
        here = event_loop()
        kept = self._clients.get(here)
        if kept is None:
            for place, each in list(self._clients.items()):
                if each.loop is not None and each.loop.is_closed():  # by loop.close(), which leaves generators open
                    self._clients.pop(place, None)
            try:
                loop: asyncio.AbstractEventLoop | None = sys.modules["asyncio"].get_running_loop()
            except (KeyError, RuntimeError):  # trio
                loop = None
            client = self._new()
            kept = self._clients[here] = _Kept(client, loop, _closing(client, self._clients, here))
            await anext(kept.guard)
        return kept.client

    async def close(self) -> None:
        """Close the connections of this loop. Those of other loops of this process are closed there when they are freed."""
        self._closed = True
        kept = self._clients.pop(event_loop(), None)
        for place in list(self._clients):
            if place[0] == os.getpid():
                self._clients.pop(place, None)
        if kept is not None:
            await kept.guard.aclose()


async def _closing(client: httpx2.AsyncClient, clients: dict[Place, _Kept], place: Place) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        clients.pop(place, None)
        await client.aclose()


class Lent:
    """A client of the user's. It belongs where it first kept a connection open; mocks keep none and may be used anywhere."""

    def __init__(self, client: HTTPClient | AsyncHTTPClient, here: Callable[[], Place]) -> None:
        self._client = client
        self._here = here
        self._home: Place | None = None

    async def take(self) -> HTTPClient | AsyncHTTPClient:
        """The client. Raises PixazoError when it is closed, or its connections belong elsewhere."""
        if getattr(self._client, "is_closed", False):
            raise PixazoError("http_client is closed, nothing was sent: pass an open one")
        if self._home is not None and self._home != (here := self._here()):
            where = "process" if self._home[0] != here[0] else "event loop"
            raise PixazoError(
                f"http_client has connections of another {where}, nothing was sent: make one in each {where}, "
                "or pass none and the client does"
            )
        return self._client

    def settle(self, response: httpx2.Response) -> None:
        """Note that an exchange has ended, and whether it left a connection open."""
        if self._home is None and (stream := response.extensions.get("network_stream")) is not None:
            # An idle connection that has something to read has been closed.
            self._home = None if stream.get_extra_info("is_readable") else self._here()

    async def close(self) -> None:
        """Leave the client open: the user closes it."""


class UnusableProxy(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Refuses the requests of a proxy that cannot be used: they must not go straight to the host instead."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    def handle_request(self, request: httpx2.Request) -> NoReturn:
        """Raise PixazoError with the remedies."""
        host = request.url.host
        raise PixazoError(
            f"{host} cannot be reached, nothing was sent: {self._problem}, add {host} to NO_PROXY, or pass http_client="
        )

    async def handle_async_request(self, request: httpx2.Request) -> NoReturn:
        """See handle_request."""
        self.handle_request(request)


def proxies() -> Mapping[str, str | None]:
    """The environment's proxies by URL pattern, as HTTP clients mount them: a proxy's URL, or None where NO_PROXY applies."""
    named = getproxies()
    excepted = [entry.strip() for entry in named.get("no", "").split(",")]
    used = {f"{scheme}://": named[scheme] for scheme in ("http", "https", "all") if named.get(scheme)}
    if "*" in excepted or not used:
        return {}
    direct: dict[str, str | None] = dict.fromkeys(filter(None, map(_pattern, excepted)))
    return {pattern: url if "://" in url else f"http://{url}" for pattern, url in used.items()} | direct


def _pattern(entry: str) -> str | None:
    """The pattern of a NO_PROXY entry: a URL, an address, a network, or a domain, which includes its subdomains."""
    host, slash, bits = entry.partition("/")
    is_domain = not (entry.startswith(("*.", "[")) or host.lower() == "localhost" or host.replace(".", "").isdecimal())
    pattern = f"all://{'*' * is_domain}{entry}"
    if "://" in entry:
        pattern = entry
    elif host.count(":") > 1 and host[0] != "[":  # IPv6
        pattern = f"all://[{host}]{slash}{bits}"
    try:
        httpx2.Client(mounts={pattern: None}, transport=UnusableProxy(""), trust_env=False)
    except (ValueError, httpx2.InvalidURL):
        return None
    return pattern if entry else None
