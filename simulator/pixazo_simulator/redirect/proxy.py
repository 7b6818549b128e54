"""A forward proxy on loopback that asks for every connection where it may lead."""

from __future__ import annotations

import logging
import re
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Self, cast
from urllib.parse import urlsplit

HEAD_LIMIT = 64 * 1024
"""Bytes of the head of a request."""
HEAD_TIMEOUT = 30.0
"""Seconds that a caller has to send the head."""
CONNECT_TIMEOUT = 10.0
"""Seconds until an address that does not answer cannot be reached."""
STOP_DEADLINE = 2.0
"""Seconds after which closing returns, whatever is still open."""
ACCEPT_AGAIN = 0.1
"""Seconds after which somebody who could not be accepted is accepted."""
CHUNK = 64 * 1024
LAST_PORT = 65535

Address = tuple[str, int]

_END = b"\r\n\r\n"
_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d{1,5})")
_HOP_BY_HOP = re.compile(rb"\r\n(?:proxy-)?connection:[^\r]*", re.IGNORECASE)


log = logging.getLogger("pixazo_simulator")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks the proxy for: a method and whom to reach; `path` is what a request in absolute form asks of it.

    `secure` says that this was an https URI: the caller, such as axios before 1.8, leaves TLS to the proxy.
    """

    method: str
    host: str
    port: int
    path: str = ""
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Connect to this address, say so, then carry bytes both ways."""

    address: Address


@dataclass(frozen=True, slots=True)
class Forward:
    """Pass the request on to this address: to another proxy as it is, or else to the server that it is meant for."""

    address: Address
    to_proxy: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer 403 with this sentence."""

    sentence: str


Decide = Callable[[Wish], Tunnel | Forward | Refuse]


class Proxy:
    """`with Proxy(decide) as proxy: ... proxy.url`; `connect` opens a connection to an address, `ca_pem` is the authority to
    believe where a request is for an https URI; without it, such a request is nothing that a proxy can do.

    Listens on a free port of 127.0.0.1 and serves each connection in a thread of its own; leaving resets what is open.
    """

    def __init__(
        self,
        decide: Decide,
        connect: Callable[[Address], socket.socket] | None = None,
        ca_pem: str | None = None,
    ) -> None:
        self._decide = decide
        self._connect = connect or _connected
        self._trust = _trust(ca_pem) if ca_pem else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self._listener.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self._closing = False
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._accepting = threading.Thread(target=self._accept, name=f"pixazo-proxy:{self.address[1]}", daemon=True)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        until = monotonic() + STOP_DEADLINE
        self._closing = True
        with suppress(OSError):
            self._connect(self.address).close()  # wakes the thread that waits for callers
        self._accepting.join(STOP_DEADLINE)
        self._listener.close()
        for each in tuple(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        threads = tuple(self._threads)
        for thread in threads:
            thread.join(max(0, until - monotonic()))
        if late := sum(thread.is_alive() for thread in (self._accepting, *threads)):
            log.warning("the proxy on port %d was stopped while %d connections were still open", self.address[1], late)

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError as error:  # as of a process with too many open files
                if self._closing:
                    return
                log.warning("the proxy on port %d can accept nobody: %s", self.address[1], error.strerror)
                sleep(ACCEPT_AGAIN)
                continue
            if self._closing:
                caller.close()
                return
            thread = threading.Thread(target=self._serve, args=(caller,), name=self._accepting.name, daemon=True)
            self._open.add(caller)
            self._threads.add(thread)
            thread.start()

    def _serve(self, caller: socket.socket) -> None:
        with caller, suppress(OSError):
            self._answer(caller)
        self._open.discard(caller)
        self._threads.discard(threading.current_thread())

    def _answer(self, caller: socket.socket) -> None:
        try:
            head, rest = _head(caller)
        except TimeoutError:
            _say(caller, "408 Request Timeout", f"the head of the request was not complete within {HEAD_TIMEOUT:g} s")
            return
        finally:
            caller.settimeout(None)
        if not head:
            _say(
                caller,
                "431 Request Header Fields Too Large",
                f"the head of the request has no end within {HEAD_LIMIT} bytes",
            )
            return
        wish = _wish(head)
        if wish is None or (wish.secure and not self._trust):
            _say(caller, "400 Bad Request", "this is a proxy: ask for CONNECT HOST:PORT, or GET http://HOST/PATH")
            return
        route = self._decide(wish)
        if isinstance(route, Refuse):
            _say(caller, "403 Forbidden", route.sentence)
            return
        try:
            callee = self._reached(route.address, wish)
        except OSError as error:
            _say(caller, "502 Bad Gateway", f"{route.address[0]} port {route.address[1]} cannot be reached: {error}")
            return
        if isinstance(route, Tunnel):
            self._lead(caller, callee, b"HTTP/1.1 200 Connection established\r\n\r\n", rest)
        else:
            self._lead(caller, callee, b"", _passed_on(head, wish, to_proxy=route.to_proxy) + rest)

    def _reached(self, address: Address, wish: Wish) -> socket.socket:
        """A connection to an address, in TLS where that is left to the proxy."""
        callee = self._connect(address)
        if not (self._trust and wish.secure):
            return callee
        with callee:  # which is empty after the handshake
            callee.settimeout(CONNECT_TIMEOUT)
            return self._trust.wrap_socket(callee, server_hostname=wish.host.removesuffix("."))

    def _lead(self, caller: socket.socket, callee: socket.socket, told: bytes, passed_on: bytes) -> None:
        """Say to each what is to be said first, then let them talk; a reset on one side is a reset on the other."""
        self._open.add(callee)
        with callee:
            callee.settimeout(None)
            for each in (caller, callee):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                caller.sendall(told)
                callee.sendall(passed_on)
                _carry(caller, callee)
            except ConnectionError:
                for each in (caller, callee):
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            finally:
                self._open.discard(callee)


def _connected(address: Address) -> socket.socket:
    return socket.create_connection(address, CONNECT_TIMEOUT)


def _trust(ca_pem: str) -> ssl.SSLContext:
    """TLS of a version in which everything that arrives is to be passed on: later ones send tickets, which may arrive alone."""
    context = ssl.create_default_context(cadata=ca_pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _head(caller: socket.socket) -> tuple[bytes, bytes]:
    """The head of a request with its empty line, and what came after it; no head when it has no end.

    Raises TimeoutError when it is not complete in time, however it drips in, ConnectionError when the caller leaves.
    """
    until = monotonic() + HEAD_TIMEOUT
    taken = bytearray()
    while (end := taken.find(_END, max(0, len(taken) - CHUNK - len(_END)))) < 0 and len(taken) < HEAD_LIMIT:
        caller.settimeout(max(0.001, until - monotonic()))
        data = caller.recv(CHUNK)
        if not data:
            raise ConnectionAbortedError
        if monotonic() > until:
            raise TimeoutError
        taken += data
    cut = end + len(_END) if end >= 0 else 0
    return bytes(taken[:cut]), bytes(taken[cut:])


def _wish(head: bytes) -> Wish | None:
    """What the first line asks for, None when it is nothing that a proxy can do."""
    method, _, target = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    target = target.rpartition(" ")[0]
    if method == "CONNECT":
        found = _AUTHORITY.fullmatch(target)
        return Wish(method, found[1].strip("[]"), int(found[2])) if found and int(found[2]) <= LAST_PORT else None
    try:
        url = urlsplit(target)
        if url.scheme not in _PORTS or not url.hostname:
            return None
        path = url._replace(scheme="", netloc="").geturl() or "/"
        return Wish(method, url.hostname, url.port or _PORTS[url.scheme], path, secure=url.scheme == "https")
    except ValueError:
        return None


def _passed_on(head: bytes, wish: Wish, *, to_proxy: bool) -> bytes:
    """The head for the next one; the connection ends with the answer, for the next request may be for somebody else."""
    if wish.method == "CONNECT":
        return head
    line, _, fields = _HOP_BY_HOP.sub(b"", head.removesuffix(b"\r\n\r\n")).partition(b"\r\n")
    if not to_proxy:
        line = f"{wish.method} {wish.path} HTTP/1.1".encode("latin-1")
    return b"\r\n".join([line, fields, b"Connection: close", b"", b""])


def _say(caller: socket.socket, status: str, sentence: str) -> None:
    body = f"{sentence}\n".encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    caller.sendall(head.encode() + body)


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until both sides have ended; TLS cannot be ended one way only."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while selector.get_map():
            for key, _ in selector.select():
                source, sink = cast("socket.socket", key.fileobj), cast("socket.socket", key.data)
                data = source.recv(CHUNK)
                if data:
                    sink.sendall(data)
                elif isinstance(sink, ssl.SSLSocket):
                    return
                else:
                    selector.unregister(source)
                    sink.shutdown(socket.SHUT_WR)
