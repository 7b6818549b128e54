"""Where the connections of redirected code go: to a TLS listener, to a relay in place of a proxy, or unchanged."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from .proxy import CONNECT_TIMEOUT, HTTP, HTTPS, PORTS, Address, Forward, Proxy, ProxyRequest, Tunnel, normalized

_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class Redirection:
    """Sends connections for `hosts` to `listener`; `violations` has one line for each other use of the hosts.

    A host resolves to a placeholder, always the same address in 127.0.0.0/8, which is replaced by the listener only when a socket
    connects: a client that caches it reaches the listener of the current redirection, and nothing after its end. Connections to a proxy in
    the environment go to a relay in this process, which tunnels CONNECT for the hosts to the listener and forwards the rest to the proxy.
    """

    def __init__(self, hosts: Sequence[str], listener: Address) -> None:
        self.hosts = frozenset(hosts)
        self.violations: list[str] = []
        self._listener = listener
        self._placeholders = {placeholder(host): host for host in hosts}
        self._proxies = set(environment_proxies())
        self._relays: dict[Address, Proxy] = {}
        self._stack = ExitStack()
        self._lock = threading.Lock()
        # The originals, taken before anything is replaced: the relays run in the same process as the redirected code.
        self._resolve = socket.getaddrinfo
        self._connect: Callable[[socket.socket, Any], None] = socket.socket.connect

    def covers(self, host: object) -> bool:
        """Whether this is one of the hosts."""
        return normalized(host) in self.hosts

    def resolved(self, host: Any, port: object = HTTPS) -> Any:
        """The name to look up: the placeholder of one of the hosts or of a proxy, else the host itself.

        Raises ConnectionRefusedError as `destination` does: some libraries report only why a name does not resolve.
        """
        name = normalized(host)
        if self.covers(name):
            self._gateway(name, _number(port or HTTPS))
            return placeholder(name)
        is_address = ":" in name or name.replace(".", "").isdecimal()
        if not is_address and (name, _number(port)) in self._known_proxies():
            return placeholder(name)
        return host

    def destination(self, host: object, port: object) -> Address | None:
        """Where a connection goes instead, None to leave it alone. Raises ConnectionRefusedError for a port without a gateway."""
        name, number = normalized(host), _number(port)
        name = self._placeholders.get(name, name)
        if self.covers(name):
            return self._gateway(name, number)
        for proxy in self._known_proxies():
            if number == proxy[1] and name in (proxy[0], placeholder(proxy[0])):
                return self._relay(proxy)
        return None

    def is_redirected(self, peer: tuple[Any, ...] | None) -> bool:
        """Whether a connection to this peer reaches the listener."""
        return peer is not None and peer[:2] in (self._listener, *(relay.address for relay in self._relays.values()))

    def admit(self, host: str, peer: tuple[Any, ...] | None) -> None:
        """Let a connection to this peer (None: not connected yet) be used for one of the hosts.

        Raises ConnectionRefusedError when it does not reach the listener.
        """
        if peer is not None and not self.is_redirected(peer):
            raise self.refusal(
                f"{host} was called through {peer[0]} port {peer[1]}, which is not the simulator: let the host be resolved "
                "by the system, and call it without a SOCKS or https proxy"
            )

    def outdated(self, host: str) -> ConnectionError:
        """The error to raise when a request is sent over a connection to a host that was opened before the redirection."""
        reason = f"this connection to {host} was opened before the redirection: open a new one"
        return ConnectionResetError(errno.ECONNRESET, reason)

    def refusal(self, violation: str) -> ConnectionRefusedError:
        """The error to raise for a violation, which is recorded once even if it is repeated."""
        if violation not in self.violations:
            self.violations.append(violation)
        return ConnectionRefusedError(errno.ECONNREFUSED, violation)

    def close(self) -> None:
        """Close the relays and their connections."""
        with self._lock:
            self._stack.close()
            self._relays.clear()

    def _gateway(self, name: str, port: int) -> Address:
        if port == HTTPS:
            return self._listener
        raise self.refusal(misuse(name, port))

    def _known_proxies(self) -> set[Address]:
        """The proxies in the environment, now or earlier: a client keeps those that it read when it was created."""
        self._proxies |= environment_proxies()
        return self._proxies

    def _relay(self, proxy: Address) -> Address:
        with self._lock:
            if proxy not in self._relays:
                relay = Proxy(lambda request: self._decide(request, proxy), self._connected)
                self._relays[proxy] = self._stack.enter_context(relay)
            return self._relays[proxy].address

    def _decide(self, request: ProxyRequest, proxy: Address) -> Tunnel | Forward | str:
        if not self.covers(request.host):
            return Forward(proxy, to_proxy=True)
        try:
            # Without CONNECT it is plain HTTP, which the listener does not speak: it is refused as one to port 80 is.
            port = HTTP if request.port == HTTPS and request.method != "CONNECT" else request.port
            return Tunnel(self.destination(request.host, port) or self._listener)
        except ConnectionRefusedError as refused:
            return str(refused.args[1])

    def _connected(self, address: Address) -> socket.socket:
        """A connection to an address, made with the original functions: it is not redirected itself."""
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
    return f"{name} was called on port {port}, but the gateway only serves https on port {HTTPS}: call https://{name}"


def placeholder(name: str) -> str:
    """The placeholder address of a name, always the same one: 127.83.x.y."""
    digest = hashlib.sha256(name.encode()).digest()
    return f"127.83.{digest[0]}.{digest[1]}"


def _number(port: object) -> int:
    """A port as a number; -1 for the name of any other service, on which no gateway listens."""
    text = port.decode("latin-1") if isinstance(port, bytes) else str(port)
    return int(text) if text.isdecimal() else PORTS.get(text, -1)


def environment_proxies() -> frozenset[Address]:
    return _environment_proxies(*map(os.environ.get, _VARIABLES))


@lru_cache(maxsize=8)  # keyed by the values of the variables: parsing them costs more than a connection
def _environment_proxies(*_values: str | None) -> frozenset[Address]:
    found = set[Address]()
    for scheme, value in getproxies().items():
        with suppress(ValueError):  # a port that is not a number: no client can use this proxy
            url = urlsplit(value if "://" in value else f"http://{value}")
            if scheme in ("http", "https", "all") and url.scheme == "http" and url.hostname:
                found.add((url.hostname, url.port or HTTP))
    return frozenset(found)
