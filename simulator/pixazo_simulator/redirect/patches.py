"""What is replaced in this process while code is redirected: name resolution, connecting, and certificate verification."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import sys
from asyncio.proactor_events import BaseProactorEventLoop
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from importlib.util import find_spec
from typing import Any, ClassVar

from .proxy import normalized
from .routing import Redirection

_spec_of = cache(find_spec)


class Patches:
    """`with Patches(redirection, ca_pem):` resolves names, connects sockets and verifies certificates as the redirection says.

    A connection that an SSL context wraps keeps its settings (ALPN, host name check, verification) but trusts only the given
    authority; the context is not changed. Without an authority no certificate is trusted: such a redirection admits nothing.
    """

    active: ClassVar[list[Redirection]] = []
    """The redirections whose `with` block is active in this process."""

    def __init__(self, redirection: Redirection, ca_pem: str | None = None) -> None:
        self._redirection = redirection
        # The class of the standard library, even where truststore or gevent has put its own in its place. It is in no module:
        # gevent would warn of it.
        self._context: Any = next(kind for kind in ssl.SSLContext.__mro__ if kind.__module__ == "ssl")
        self._trust = self._context(ssl.PROTOCOL_TLS_CLIENT)
        if ca_pem is not None:
            self._trust.load_verify_locations(cadata=ca_pem)
        self._installed: set[object] = set()
        self._transports: list[tuple[asyncio.AbstractEventLoop, asyncio.Transport]] = []
        self._stack = ExitStack()

    def __enter__(self) -> None:
        self._trust.is_of_redirection = True
        with ExitStack() as entered:
            for owner, name, around in self._replacements():
                entered.enter_context(_replaced(owner, name, _wrapped(getattr(owner, name), around)))
            self._stack = entered.pop_all()
        self.active.append(self._redirection)

    def __exit__(self, *_: object) -> None:
        self.active.remove(self._redirection)
        self._trust.is_of_redirection = False
        self._stack.close()
        for loop, transport in self._transports:
            _abort(loop, transport)

    def install(self) -> None:
        """Replace everything until the process ends; a second call replaces what other code has replaced or restored meanwhile."""
        for owner, name, around in self._replacements():
            if (original := getattr(owner, name)) not in self._installed:
                setattr(owner, name, replacement := _wrapped(original, around))
                self._installed.add(replacement)

    def _replacements(self) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
        """Owners of functions, the names of these, and what is called in place of one: with the original and its arguments."""
        for module in filter(None, (socket, sys.modules.get("gevent.socket"))):
            for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
                yield module, name, self._resolve
        yield socket.socket, "connect", self._connect
        yield socket.socket, "connect_ex", self._connect_ex
        for name in ("_wrap_socket", "_wrap_bio"):
            yield self._context, name, self._secure
        for owner, name in ((ssl.SSLSocket, "send"), (ssl.SSLSocket, "write"), (ssl.SSLObject, "write")):
            yield owner, name, self._write
        yield asyncio.BaseEventLoop, "create_connection", self._open
        yield BaseProactorEventLoop, "sock_connect", self._connect_in_loop
        with suppress(ImportError):  # not installed, or too broken for any code to use
            from uvloop import Loop

            yield Loop, "create_connection", self._open
            yield Loop, "getaddrinfo", self._resolve_in_loop
        # aiohttp with aiodns queries name servers itself, without the system's resolver. Importing aiohttp is slow.
        if not {"aiohttp", "aiodns"}.isdisjoint(sys.modules) or _spec_of("aiodns"):
            with suppress(ImportError):
                from aiohttp.resolver import AsyncResolver, ThreadedResolver

                yield AsyncResolver, "resolve", partial(self._resolve_by, ThreadedResolver)

    # Names

    def _resolve(self, original: Callable[..., Any], host: Any, *args: Any, **options: Any) -> Any:
        port = args[0] if args else options.get("port", 0)
        return original(self._redirection.resolved(host, port), *args, **options)

    async def _resolve_in_loop(
        self, original: Callable[..., Any], loop: Any, host: Any, port: Any, **options: Any
    ) -> Any:
        return await original(loop, self._redirection.resolved(host, port), port, **options)

    async def _resolve_by(
        self, system: Callable[[], Any], original: Callable[..., Any], resolver: Any, host: str, port: int = 0, *args: Any, **options: Any
    ) -> Any:  # fmt: skip
        if self._redirection.resolved(host, port) == host:
            return await original(resolver, host, port, *args, **options)
        return await system().resolve(host, port, *args, **options)

    # Addresses

    def _destination(self, connection: socket.socket, address: Any) -> Any:
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.type != socket.SOCK_STREAM:
            return address
        return self._redirection.destination(*address[:2]) or address

    def _connect(self, original: Callable[..., None], connection: socket.socket, address: Any) -> None:
        original(connection, self._destination(connection, address))

    def _connect_ex(self, original: Callable[..., int], connection: socket.socket, address: Any) -> int:
        try:
            return original(connection, self._destination(connection, address))
        except ConnectionRefusedError:
            return errno.ECONNREFUSED

    async def _connect_in_loop(
        self, original: Callable[..., Any], loop: Any, connection: socket.socket, address: Any
    ) -> None:
        """The Windows loop connects a socket without calling its `connect`."""
        await original(loop, connection, self._destination(connection, address))

    async def _open(
        self, original: Callable[..., Any], loop: asyncio.AbstractEventLoop, factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> tuple[Any, Any]:  # fmt: skip
        destination = self._redirection.destination(host, port) if host else None
        if destination:
            if options.get("ssl") and options.get("server_hostname") is None:
                options["server_hostname"] = host
            host, port = destination
        elif options.get("sock") is not None:
            self._admit(options["sock"], options.get("server_hostname"))
        transport, protocol = await original(loop, factory, host, port, **options)
        if self._redirection.is_redirected(transport.get_extra_info("peername")):
            self._transports.append((loop, transport))
        return transport, protocol

    # Certificates

    def _secure(
        self, original: Callable[..., Any], context: ssl.SSLContext, carrier: Any, *args: Any, **options: Any
    ) -> Any:
        secured = original(context, carrier, *args, **options)
        if not secured.server_side and self._redirection.covers(secured.server_hostname):
            self._admit(carrier, secured.server_hostname)
            # SSL_set_SSL_CTX: the connection verifies against the authorities of this context, and keeps every other setting.
            secured.context = self._trust
        return secured

    def _write(self, original: Callable[..., Any], secured: Any, *args: Any, **options: Any) -> Any:
        inner = secured._sslobj  # noqa: SLF001 - only it tells which context it uses now; None before the connection
        # Of any redirection: in a program that `exec` started another one may have begun, of another copy of this module.
        is_outdated = inner is not None and not getattr(inner.context, "is_of_redirection", False)
        if is_outdated and self._redirection.covers(secured.server_hostname):
            raise self._redirection.outdated(secured.server_hostname)
        return original(secured, *args, **options)

    def _admit(self, carrier: Any, host: object) -> None:
        if self._redirection.covers(host):
            peer: tuple[Any, ...] | None = None
            with suppress(OSError):  # not connected yet: `connect` will redirect it
                peer = carrier.getpeername() if isinstance(carrier, socket.socket) else None
            self._redirection.admit(normalized(host), peer)


def _wrapped(original: Callable[..., Any], around: Callable[..., Any]) -> Callable[..., Any]:
    def replacement(*args: Any, **options: Any) -> Any:
        return around(original, *args, **options)

    return replacement


@contextmanager
def _replaced(owner: Any, name: str, replacement: Any) -> Generator[None]:
    """Replace an attribute; an inherited one is deleted afterwards, so it is inherited again."""
    own = name in vars(owner)
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)


def _abort(loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
    """Abort a transport on its loop, so the connection pool of a client notices immediately."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    with suppress(RuntimeError):  # the loop is closed, and so is everything on it
        if loop.is_running() and loop is not running:
            loop.call_soon_threadsafe(transport.abort)
        elif not loop.is_closed():
            transport.abort()
