"""TlsListeners: TLS ports, each of which leads into one world, whatever key the caller sends."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus
from weakref import WeakSet

from starlette.types import ASGIApp, Receive, Scope, Send

from pixazo_simulator.control import TlsListener
from pixazo_simulator.spec import INVITATION_PATH, KEY_HEADER, QUERY_KEY, beginning
from pixazo_simulator.world import AddAlias, World

from .asgi import LISTENER
from .http import BACKLOG, Connections, GatewayProtocol, configuration

if TYPE_CHECKING:
    from trustme import CA


MOST_DOORS = 256
"""Doors of one server that are open at a time."""
MOST_HOSTS = 32
"""Host names in the certificate of one door."""
HANDSHAKE_TIMEOUT = 10.0
"""Seconds that a caller has to say hello in TLS."""
ADDRESS = "127.0.0.1"
_TURNS = 100
"""Turns of the loop within which a connection that was aborted has ended; a few are enough."""

_KEY = KEY_HEADER.lower().encode()
_KEY_QUERY = re.compile(rf"((?:^|&){QUERY_KEY}=)([^&]+)".encode())
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII | re.IGNORECASE
)
_OWN_PATHS = ("/_sim", INVITATION_PATH)


@dataclass(frozen=True, slots=True)
class _Entrance:
    """What stands behind a door: the world, the listener, and the connections through it."""

    world: World
    listener: asyncio.Server
    state: Connections = field(default_factory=Connections)

    async def close(self) -> None:
        """Listen no more, hang up on everybody; returns when they can have noticed."""
        self.state.is_closed = True
        self.listener.close()
        for connection in list(self.state.connections):
            connection.transport.abort()
        for _ in range(_TURNS):
            if not self.state.connections:
                break
            await asyncio.sleep(0)
        for task in list(self.state.tasks):
            task.cancel()


class TlsListeners:
    """The open doors of one server, on whose loop all of this runs.

    `entry` is the application that callers meet, `gateway` the one that knows only the vendor's routes.
    """

    def __init__(self, entry: ASGIApp, gateway: ASGIApp, protocol: type[GatewayProtocol]) -> None:
        self._entry = entry
        self._gateway = gateway
        self._protocol = protocol
        self._open: dict[int, _Entrance] = {}
        self._opening = 0
        self._deserted: WeakSet[World] = WeakSet()  # no door opens into them any more
        self._made = 0

    async def open(self, world: World, hosts: Sequence[str]) -> TlsListener:
        """Open a door into a world with a certificate for these hosts.

        Raises ValueError with the remedy when a host is no name, or when there are too many hosts or doors, and LookupError when
        the doors of the world were closed for good meanwhile.
        """
        if len(self._open) + self._opening >= MOST_DOORS:
            raise ValueError(
                f"{MOST_DOORS} doors are open already: close one with DELETE /_sim/tls-listeners/NUMBER first"
            )
        context = _context(_named(hosts))
        state = Connections()
        config = configuration(_threshold(world, self._entry, self._gateway), self._protocol, lifespan="off")
        self._opening += 1
        try:
            listener = await asyncio.get_running_loop().create_server(
                lambda: self._protocol(config, state, {}), ADDRESS, 0,
                ssl=context, ssl_handshake_timeout=HANDSHAKE_TIMEOUT, backlog=BACKLOG,
            )  # fmt: skip
        finally:
            self._opening -= 1
        if world in self._deserted:
            listener.close()
            raise LookupError("the world was deleted while its door was opened")
        self._made += 1
        self._open[self._made] = _Entrance(world, listener, state)
        return TlsListener(self._made, listener.sockets[0].getsockname()[1], _authority().cert_pem.bytes().decode())

    async def close(self, world: World, number: int) -> bool:
        """Close a door of this world and reset the connections through it; False when it has none of this number."""
        if number not in self._open or self._open[number].world is not world:
            return False
        await self._open.pop(number).close()
        return True

    async def close_all(self, world: World | None = None) -> None:
        """Close the doors of a world for good, or all doors."""
        if world is not None:
            self._deserted.add(world)
        for number, entrance in list(self._open.items()):
            if world is None or entrance.world is world:
                await self._open.pop(number).close()


def _threshold(world: World, entry: ASGIApp, gateway: ASGIApp) -> ASGIApp:
    """The application behind a door: any key becomes that of the world, and our own routes do not exist."""

    async def cross(scope: Scope, receive: Receive, send: Send) -> None:
        app = gateway if scope["path"].startswith(_OWN_PATHS) else entry
        await app(_inside(scope, world), receive, send)

    return cross


def _inside(scope: Scope, world: World) -> Scope:
    """What the caller sent, with the world's key in the place of each key; no key stays no key (AUTH-01)."""
    key = world.key.encode("latin-1")

    def exchanged(match: re.Match[bytes]) -> bytes:
        world.apply(AddAlias(world.clock.now(), unquote_plus(match[2].decode("latin-1"))))
        return match[1] + quote(key).encode()

    headers: list[tuple[bytes, bytes]] = []
    for name, value in scope["headers"]:
        if name == _KEY and value.strip():
            world.apply(AddAlias(world.clock.now(), value.strip().decode("latin-1")))
            headers.append((name, key))
        else:
            headers.append((name, value))
    query = _KEY_QUERY.sub(exchanged, scope["query_string"])
    return {**scope, "headers": headers, "query_string": query, LISTENER: world}


def _named(hosts: Sequence[str]) -> tuple[str, ...]:
    """The hosts in lower case, each once."""
    if not 1 <= len(hosts) <= MOST_HOSTS:
        raise ValueError(f"{len(hosts)} hosts were named: a door has 1 to {MOST_HOSTS}")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ValueError(
                f"host {beginning(host, 80)!r} is no host name: name it without scheme, port or path, in letters, digits, dots and inner hyphens"
            )
    return tuple(sorted({host.lower() for host in hosts}))


@cache
def _authority() -> CA:
    """The private authority of this process, made when the first door opens."""
    from trustme import CA

    return CA(organization_name="pixazo-testkit")


@lru_cache(maxsize=64)
def _context(hosts: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        certificate: Any = _authority().issue_cert(  # half of its types are unknown
            *hosts, organization_name="pixazo-testkit"
        )
    except UnicodeError as error:  # such as a label that begins with xn-- and stands for nothing
        raise ValueError(
            f"no certificate can be made for {', '.join(hosts)[:80]!r} ({error}): name hosts without such labels"
        ) from None
    certificate.configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    return context
