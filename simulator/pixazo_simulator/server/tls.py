"""TLS listeners: ports with a certificate for hard-coded hosts, each of which serves one world, whatever key the client sends."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus

import msgspec

from pixazo_simulator.spec import CONTROL_PREFIX, DISCOVERY_PATH, KEY_HEADER, QUERY_KEY, Header, beginning, regex
from pixazo_simulator.world import AddAlias, StateUnavailableError, World, Worlds

from .http import GatewayProtocol
from .threaded import BACKLOG, Configuration, Connections

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from trustme import CA

    from pixazo_simulator.control import TlsListener


LISTENER = "pixazo.listener"
"""Key of the ASGI scope under which a TLS listener names the world that it serves."""
MOST_LISTENERS = 256
"""TLS listeners of one server that are open at the same time."""
MOST_HOSTS = 32
"""Host names in the certificate of one TLS listener."""
HANDSHAKE_TIMEOUT = 10.0
"""Seconds that a client has for the TLS handshake."""
ADDRESS = "127.0.0.1"
_TURNS = 100
"""Iterations of the loop in which an aborted connection ends; it needs only a few."""

_KEY = KEY_HEADER.lower().encode()
_KEY_QUERY = regex(rf"((?:^|&){QUERY_KEY}=)([^&]+)".encode())
_HOST = regex(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII | re.IGNORECASE
)


class _Open(msgspec.Struct, frozen=True):
    world: World
    server: asyncio.Server
    state: Connections

    async def close(self) -> None:
        self.state.is_closed = True
        self.server.close()
        for connection in list(self.state.connections):
            connection.transport.abort()
        for _ in range(_TURNS):
            if not self.state.connections:
                break
            await asyncio.sleep(0)
        for task in list(self.state.tasks):
            task.cancel()


class TlsListeners:
    """The TLS listeners of one server, on its loop; `entry` is what clients reach, `gateway` knows only the vendor's routes."""

    def __init__(self, entry: ASGIApp, gateway: ASGIApp, protocol: type[GatewayProtocol], worlds: Worlds) -> None:
        self._worlds = worlds
        self._entry = entry
        self._gateway = gateway
        self._protocol = protocol
        self._open: dict[int, _Open] = {}
        self._count = 0

    async def open(self, world: World, hosts: Sequence[str]) -> TlsListener:
        from pixazo_simulator.control import TlsListener

        context, ca_pem = tls_context(hosts)
        state = Connections()
        config = Configuration(self._serving(world), protocol=self._protocol)
        try:
            listener = socket.create_server((ADDRESS, 0), backlog=BACKLOG)
        except OSError as error:
            raise ValueError(
                f"no port can be opened: {error.strerror}: close listeners or connections, or raise `ulimit -n`"
            ) from error
        server = await asyncio.get_running_loop().create_server(
            lambda: self._protocol(config, state, {}), sock=listener,
            ssl=context, ssl_handshake_timeout=HANDSHAKE_TIMEOUT, backlog=BACKLOG,
        )  # fmt: skip
        # Not earlier: meanwhile the world may be deleted, and others may open.
        if self._worlds.get(world.key) is not world:
            server.close()
            raise LookupError("the world was deleted while its TLS listener was opened")
        if len(self._open) >= MOST_LISTENERS:
            server.close()
            raise ValueError(
                f"{MOST_LISTENERS} TLS listeners are open already: close one with DELETE /_sim/tls-listeners/NUMBER first"
            )
        self._count += 1
        self._open[self._count] = _Open(world, server, state)
        return TlsListener(self._count, server.sockets[0].getsockname()[1], ca_pem)

    def _serving(self, world: World) -> ASGIApp:
        """The application of a TLS listener: every key becomes the key of the world, and our own routes do not exist."""
        worlds = self._worlds

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            app = self._gateway if scope["path"].startswith((CONTROL_PREFIX, DISCOVERY_PATH)) else self._entry
            with worlds.lock:
                scope, others = _with_key(scope, world)
            with suppress(StateUnavailableError):  # which applies to the request, too
                for key in others:
                    await worlds.in_steps(worlds.apply, world, AddAlias(world.clock.now(), key))
            await app(scope, receive, send)

        return serve

    async def close(self, world: World, number: int) -> bool:
        if number not in self._open or self._open[number].world is not world:
            return False
        await self._open.pop(number).close()
        return True

    async def close_all(self, world: World | None = None) -> None:
        for number, each in list(self._open.items()):
            if world is None or each.world is world:
                await self._open.pop(number).close()


def _with_key(scope: Scope, world: World) -> tuple[Scope, list[str]]:
    """The request with the world's key in place of each key, if any (AUTH-01), and keys that the world does not redact yet."""
    key, found = world.key.encode("latin-1"), list[str]()

    def replaced(match: re.Match[bytes]) -> bytes:
        found.append(unquote_plus(match[2].decode("latin-1")))
        return match[1] + quote(key).encode()

    headers: list[Header] = []
    for name, value in scope["headers"]:
        is_key = name == _KEY and value.strip()
        if is_key:
            found.append(value.strip().decode("latin-1"))
        headers.append((name, key if is_key else value))
    query = _KEY_QUERY.sub(replaced, scope["query_string"])
    changed = {**scope, "headers": headers, "query_string": query, LISTENER: world}
    return changed, [each for each in found if not world.knows(each)]


def tls_context(hosts: Sequence[str]) -> tuple[ssl.SSLContext, str]:
    """A context with a certificate for these hosts, and the authority (PEM) that issued it. Raises ValueError as `TlsListeners.open` does."""
    if not 1 <= len(hosts) <= MOST_HOSTS:
        raise ValueError(f"{len(hosts)} hosts were given: a TLS listener has 1 to {MOST_HOSTS}")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ValueError(
                f"host {beginning(host, 80)!r} is not a host name: give it without scheme, port or path, in letters, digits, dots and inner hyphens"
            )
    return _context(tuple(sorted({host.lower() for host in hosts}))), _authority().cert_pem.bytes().decode()


@cache
def _authority() -> CA:
    from trustme import CA

    return CA(organization_name="pixazo-testkit")


@lru_cache(maxsize=64)
def _context(hosts: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Any: half of its types are unknown.
        certificate: Any = _authority().issue_cert(*hosts, organization_name="pixazo-testkit")
    except UnicodeError as error:  # such as a label that begins with xn-- and decodes to nothing
        raise ValueError(
            f"no certificate can be made for {', '.join(hosts)[:80]!r} ({error}): give hosts without such labels"
        ) from None
    certificate.configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])  # a client that prefers HTTP/2 uses HTTP/1.1 then (RFC 7301)
    return context
