"""Where the connections of redirected code lead: to a door, past a proxy to a door, or where they always did."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from .proxy import CONNECT_TIMEOUT, Address, Forward, Proxy, Refuse, Tunnel, Wish

HTTP, HTTPS = 80, 443
_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class Detour:
    """`hosts` lead to `door`; `violations` tells in a line each how else they were used.

    A host resolves to a stand-in: an address of its own in 127.0.0.0/8, always the same one, that is only ever exchanged for
    the door when somebody connects. So an address that a client keeps leads to the door of the day, and to nobody
    when there is none. A proxy that the environment names is another way to reach a host: connections to it go to a relay of ours
    that leads CONNECT for the hosts to the door, and passes everything else on.
    """

    def __init__(self, hosts: Sequence[str], door: Address) -> None:
        self.hosts = frozenset(hosts)
        self.violations: list[str] = []
        self._door = door
        self._stand_ins = {stand_in(host): host for host in hosts}
        self._said = said_of_proxies()
        self._proxies = set(named_proxies())
        self._relays: dict[Address, Proxy] = {}
        self._stack = ExitStack()
        self._lock = threading.Lock()
        # As they are before anything is replaced: the relays live in the same process as the code that is redirected.
        self._resolve = socket.getaddrinfo
        self._connect: Callable[[socket.socket, Any], None] = socket.socket.connect

    def covers(self, host: object) -> bool:
        """Whether this is one of the hosts."""
        return plain(host) in self.hosts

    def resolved(self, host: Any, port: object = HTTPS) -> Any:
        """What to look up in place of a host: the stand-in of one of ours or of a proxy, else the host itself.

        Raises ConnectionRefusedError as `leads` does: some libraries tell why a name has no address, but not why none answers.
        """
        name = plain(host)
        if self.covers(name):
            self._gateway(name, _number(port or HTTPS))
            return stand_in(name)
        if not _is_numeric(name) and (name, _number(port)) in self._known_proxies():
            return stand_in(name)
        return host

    def leads(self, host: object, port: object) -> Address | None:
        """Where a connection to this address is to go instead, None to leave it alone.

        Raises ConnectionRefusedError for a port of ours on which no gateway listens.
        """
        name, number = plain(host), _number(port)
        name = self._stand_ins.get(name, name)
        if self.covers(name):
            return self._gateway(name, number)
        for proxy in self._known_proxies():
            if number == proxy[1] and name in (proxy[0], stand_in(proxy[0])):
                return self._relay(proxy)
        return None

    def is_inside(self, peer: tuple[Any, ...] | None) -> bool:
        """Whether a connection to this peer leads to the door."""
        return peer is not None and peer[:2] in (self._door, *(relay.address for relay in self._relays.values()))

    def admit(self, host: str, peer: tuple[Any, ...] | None) -> None:
        """Let a connection to this peer be used for one of the hosts; a peer that is not known yet will be led.

        Raises ConnectionRefusedError when it does not lead to the door.
        """
        if peer is not None and not self.is_inside(peer):
            raise self.refusal(
                f"{host} was called by way of {peer[0]} port {peer[1]}, which is not the simulator: let the host be resolved "
                "by the system, and call it without a SOCKS or https proxy"
            )

    def cut(self, host: str) -> ConnectionError:
        """The error to raise when something is to be sent over a connection to a host that was opened before."""
        told = f"this connection to {host} was opened before the redirection: open a new one"
        return ConnectionResetError(errno.ECONNRESET, told)

    def refusal(self, violation: str) -> ConnectionRefusedError:
        """The error to raise for a violation, which is kept once however often it is tried."""
        if violation not in self.violations:
            self.violations.append(violation)
        return ConnectionRefusedError(errno.ECONNREFUSED, violation)

    def close(self) -> None:
        """End the relays and what goes through them."""
        with self._lock:
            self._stack.close()
            self._relays.clear()

    def _gateway(self, name: str, port: int) -> Address:
        if port == HTTPS:
            return self._door
        raise self.refusal(misuse(name, port))

    def _known_proxies(self) -> set[Address]:
        """The proxies that the environment names or named: clients keep what they once read."""
        if (said := said_of_proxies()) != self._said:
            self._said = said
            self._proxies.update(named_proxies())
        return self._proxies

    def _relay(self, proxy: Address) -> Address:
        with self._lock:
            if proxy not in self._relays:
                relay = Proxy(lambda wish: self._decide(wish, proxy), self._connected)
                self._relays[proxy] = self._stack.enter_context(relay)
            return self._relays[proxy].address

    def _decide(self, wish: Wish, proxy: Address) -> Tunnel | Forward | Refuse:
        if not self.covers(wish.host):
            return Forward(proxy, to_proxy=True)
        try:
            port = HTTP if wish.port == HTTPS and wish.method != "CONNECT" else wish.port
            return Tunnel(self.leads(wish.host, port) or self._door)
        except ConnectionRefusedError as refused:
            return Refuse(refused.args[1])

    def _connected(self, address: Address) -> socket.socket:
        """A connection to an address that is not redirected itself."""
        problem = OSError(f"{address[0]} has no address")
        for family, kind, protocol, _, found in self._resolve(*address, type=socket.SOCK_STREAM):
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(CONNECT_TIMEOUT)
            try:
                self._connect(connection, found)
            except OSError as error:
                connection.close()
                problem = error
            else:
                return connection
        raise problem


def misuse(name: str, port: int) -> str:
    """What is wrong with a call of one of the hosts on this port, and the remedy."""
    return f"{name} was called on port {port}, but the gateway speaks https on port {HTTPS} only: call https://{name}"


def plain(host: object) -> str:
    """A host as it is compared: text in lower case, as it is looked up (IDNA), without the final dot."""
    text = bytes(host).decode("latin-1") if isinstance(host, bytes | bytearray) else str(host)
    if not text.isascii():
        with suppress(UnicodeError):  # no name that anybody could look up
            text = text.encode("idna").decode()
    return text.lower().removesuffix(".")


def stand_in(name: str) -> str:
    """The address that stands for a name, always the same one: 127.83.x.y."""
    digest = hashlib.sha256(name.encode()).digest()
    return f"127.83.{digest[0]}.{digest[1]}"


def _number(port: object) -> int:
    """A port as a number; names of services other than these two are none of ours."""
    text = port.decode("latin-1") if isinstance(port, bytes) else str(port)
    return int(text) if text.isdecimal() else {"http": HTTP, "https": HTTPS}.get(text, -1)


def _is_numeric(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdecimal()


def said_of_proxies() -> list[str | None]:
    """What the environment says of proxies; to read it anew costs more than a connection."""
    return [os.environ.get(name) for name in _VARIABLES]


def named_proxies() -> Iterator[Address]:
    """The http proxies that the environment names."""
    for scheme, value in getproxies().items():
        with suppress(ValueError):  # a port that is no number is the user's own trouble
            url = urlsplit(value if "://" in value else f"http://{value}")
            if scheme in ("http", "https", "all") and url.scheme == "http" and url.hostname:
                yield url.hostname, url.port or HTTP
