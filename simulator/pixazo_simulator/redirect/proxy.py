"""A forward proxy on loopback that asks a function where each connection may go, and a port that relays each to one upstream."""

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
from functools import partial
from ipaddress import ip_address
from time import perf_counter, sleep
from typing import NamedTuple, Self, cast
from urllib.parse import urlsplit

HEAD_LIMIT = 64 * 1024
"""Bytes of the request line and headers."""
HEAD_TIMEOUT = 30.0
"""Seconds within which a client must send the request line and headers."""
CONNECT_TIMEOUT = 10.0
"""Seconds after which an address that does not respond counts as unreachable."""
STOP_DEADLINE = 2.0
"""Seconds after which closing returns, whatever is still open."""
ACCEPT_AGAIN = 0.1
"""Seconds between a failed accept and the next one."""
CHUNK = 64 * 1024
LAST_PORT = 65535

real_clock = partial(perf_counter)
"""Neither freezegun, which replaces functions in all modules but not partials, nor time-machine stops it."""

Address = tuple[str, int]

HTTP, HTTPS = 80, 443
PORTS = {"http": HTTP, "https": HTTPS}

_END = b"\r\n\r\n"
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d{1,5})")
_HOP_BY_HOP = re.compile(rb"\r\n(?:proxy-)?connection:[^\r]*", re.IGNORECASE)
_HOST_OR_CONNECTION = re.compile(rb"\r\n(?:host|(?:proxy-)?connection):[^\r]*", re.IGNORECASE)
_GOODBYE = 1.0
"""Seconds within which a caller of a relay must answer the end of TLS."""

log = logging.getLogger("pixazo_simulator")


class ProxyRequest(NamedTuple):
    """What a client asks of the proxy: a method, the host to reach, and the `path` of a target in absolute form.

    `secure` is true for an https target: the client, such as axios before 1.8, leaves TLS to the proxy.
    """

    method: str
    host: str
    port: int
    path: str = ""
    secure: bool = False


class Tunnel(NamedTuple):
    """Connect to this address, respond with 200, then copy bytes both ways (RFC 9110, 9.3.6)."""

    address: Address


class Forward(NamedTuple):
    """Forward the request to this address: unchanged to another proxy, or in origin form to the server itself."""

    address: Address
    to_proxy: bool = False


Decide = Callable[[ProxyRequest], Tunnel | Forward | str]
"""Says where a request goes; a string refuses it (403)."""


class Proxy:
    """`with Proxy(decide) as proxy: ... proxy.url`: listens on a free port of 127.0.0.1 until its end; a thread per connection.

    `connect` opens a connection to an address. `ca_pem` is the authority to trust when TLS is left to the proxy; else that gets
    400.
    """

    def __init__(
        self, decide: Decide, connect: Callable[[Address], socket.socket] | None = None, ca_pem: str | None = None
    ) -> None:
        self._decide = decide
        self._connect = connect or partial(socket.create_connection, timeout=CONNECT_TIMEOUT)
        self._trust = ssl.create_default_context(cadata=ca_pem) if ca_pem else None
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
        until = real_clock() + STOP_DEADLINE
        self._closing = True
        with suppress(OSError):
            self._connect(self.address).close()  # wakes the thread that is blocked in accept()
        self._accepting.join(STOP_DEADLINE)
        self._listener.close()
        for each in tuple(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        threads = tuple(self._threads)
        for thread in threads:
            thread.join(max(0, until - real_clock()))
        if late := sum(thread.is_alive() for thread in (self._accepting, *threads)):
            log.warning("the proxy on port %d was stopped while %d connections were still open", self.address[1], late)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError as error:  # such as EMFILE: the process has too many open files
                if self._closing:
                    return
                log.warning("the proxy on port %d cannot accept connections: %s", self.address[1], error.strerror)
                sleep(ACCEPT_AGAIN)
                continue
            if self._closing:
                client.close()
                return
            thread = threading.Thread(target=self._serve, args=(client,), name=self._accepting.name, daemon=True)
            self._open.add(client)
            self._threads.add(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if error := self._handle(client):
                _respond(client, *error)
        self._open.discard(client)
        self._threads.discard(threading.current_thread())

    def _handle(self, client: socket.socket) -> tuple[str, str] | None:
        """Serve one connection; returns status line and message of an error, None when it was relayed."""
        try:
            head, rest = _read_head(client)
        except TimeoutError:
            return "408 Request Timeout", f"the head of the request was not complete within {HEAD_TIMEOUT:g} s"
        if not head:
            reason = f"the head of the request has no end within {HEAD_LIMIT} bytes"
            return "431 Request Header Fields Too Large", reason
        return self._lead(client, head, rest)

    def _lead(self, client: socket.socket, head: bytes, rest: bytes) -> tuple[str, str] | None:
        """Relay a connection whose first request has arrived to where it may go; returns as `_handle`."""
        request = _parsed(head)
        if request is None or (request.secure and not self._trust):
            return "400 Bad Request", "this is a proxy: send CONNECT HOST:PORT, or GET http://HOST/PATH"
        decision = self._decide(request)
        if isinstance(decision, str):
            return "403 Forbidden", decision
        try:
            server = self._connect(decision.address)
            if self._trust and request.secure:
                with server:  # the handshake detaches its descriptor, so closing it closes nothing
                    server.settimeout(CONNECT_TIMEOUT)
                    server = self._trust.wrap_socket(server, server_hostname=request.host.removesuffix("."))
        except (OSError, ValueError) as error:  # ValueError: a label that IDNA cannot encode
            return "502 Bad Gateway", f"{decision.address[0]} port {decision.address[1]} cannot be reached: {error}"
        if isinstance(decision, Tunnel):
            self._relay(client, server, b"HTTP/1.1 200 Connection established\r\n\r\n", rest)
        else:
            self._relay(client, server, b"", _forwarded(head, request, to_proxy=decision.to_proxy) + rest)
        return None

    def _relay(self, client: socket.socket, server: socket.socket, to_client: bytes, to_server: bytes) -> None:
        """Send each side its first bytes, then copy both ways. Raises ConnectionError for a reset of one side, and prepares one of both."""
        self._open.add(server)
        with server:
            server.settimeout(None)
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                client.sendall(to_client)
                server.sendall(to_server)
                _copy(client, server)
            except ConnectionError:
                for each in (client, server):
                    # SO_LINGER with a time of zero: close() sends RST instead of FIN.
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise
            finally:
                self._open.discard(server)


class Upstream:
    """The origin to which connections are relayed. Raises ValueError for a string that is not an http(s) origin.

    An upstream on this machine gets the caller's Host header: a gateway derives its URLs from it, and a proxy the intended host.
    One elsewhere gets its own (RFC 9110, 7.2), and one request per connection.
    """

    def __init__(self, text: str) -> None:
        problem = f"--upstream {text!r} is not an origin: write http(s)://HOST[:PORT], such as http://127.0.0.1:8901"
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError:
            raise ValueError(problem) from None
        has_more = url.path not in ("", "/") or url.query or url.fragment or "@" in url.netloc
        if url.scheme not in PORTS or not url.hostname or has_more or url.netloc.endswith(":"):
            raise ValueError(problem)
        self.url = f"{url.scheme}://{url.netloc}"
        self.address = (url.hostname, port or PORTS[url.scheme])
        self.is_local = is_loopback(url.hostname)
        self.host = url.netloc
        self._trust = ssl.create_default_context() if url.scheme == "https" else None

    @property
    def names(self) -> tuple[str, ...]:
        """The host of the URLs in its responses, if it is not an address on this machine and is reached as the vendor's is."""
        host, port = self.address
        is_address = ":" in host or host.replace(".", "").isdecimal()
        is_named = self._trust and not self.is_local and port == HTTPS and not is_address
        return (normalized(host),) if is_named else ()

    @property
    def is_direct(self) -> bool:
        """Whether a program that trusts only our authority and reaches only this machine can call it."""
        return self.is_local and self._trust is None

    def headed(self, head: bytes) -> bytes:
        """The head of a request as it is sent."""
        if self.is_local:
            return head
        line, end, fields = head.removesuffix(b"\r\n\r\n").partition(b"\r\n")
        host = self.host.encode("ascii" if self.host.isascii() else "idna")
        others = _HOST_OR_CONNECTION.sub(b"", end + fields)
        return line + b"\r\nHost: " + host + others + b"\r\nConnection: close\r\n\r\n"

    def connect(self) -> socket.socket:
        """A connection, verified as usual where it is https."""
        server = socket.create_connection(self.address, timeout=CONNECT_TIMEOUT)
        if self._trust is None:
            return server
        with server:  # the handshake detaches its descriptor
            return self._trust.wrap_socket(server, server_hostname=self.address[0])


class Relay(Proxy):
    """`with Relay(upstream, context) as relay: ... relay.address`: listens on a free port of 127.0.0.1, without a context without TLS."""

    def __init__(self, upstream: Upstream, context: ssl.SSLContext | None = None) -> None:
        super().__init__(lambda _: "this port is not a proxy")
        self._upstream = upstream
        self._context = context

    def _handle(self, client: socket.socket) -> tuple[str, str] | None:
        if self._context is None:
            return super()._handle(client)
        client.settimeout(HEAD_TIMEOUT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a session ticket would delay the response
        with self._context.wrap_socket(client, server_side=True) as secured:
            self._open.add(secured)
            try:
                if error := super()._handle(secured):
                    _respond(secured, *error)
                secured.settimeout(_GOODBYE)
                with suppress(ValueError):  # from a connection that the end of the relay has shut down meanwhile
                    secured.unwrap()  # without it a response that ends with the connection would look truncated
            finally:
                self._open.discard(secured)
        return None

    def _lead(self, client: socket.socket, head: bytes, rest: bytes) -> tuple[str, str] | None:
        try:
            server = self._upstream.connect()
        except (OSError, ValueError) as error:  # ValueError: a label that IDNA cannot encode
            return "502 Bad Gateway", f"the upstream {self._upstream.url} cannot be reached: {error}"
        self._relay(client, server, b"", self._upstream.headed(head) + rest)
        return None


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    """The request line and headers, and the bytes after them; both empty when there is no end within HEAD_LIMIT.

    Raises TimeoutError when it is not complete in time, however slowly it arrives, ConnectionError when the client disconnects.
    """
    until = real_clock() + HEAD_TIMEOUT
    received = bytearray()
    try:
        while _END not in received and len(received) < HEAD_LIMIT:
            client.settimeout(max(0.001, until - real_clock()))
            data = client.recv(CHUNK)
            if not data:
                raise ConnectionAbortedError
            if real_clock() > until:
                raise TimeoutError
            received += data
    finally:
        client.settimeout(None)
    head, end, rest = received.partition(_END)
    return (bytes(head + end), bytes(rest)) if end else (b"", b"")


def normalized(host: object) -> str:
    """A host in the form for comparison: lower case, as it is looked up (IDNA), without the final dot."""
    text = bytes(host).decode("latin-1") if isinstance(host, bytes | bytearray) else str(host)
    if not text.isascii():
        with suppress(UnicodeError):  # not a name that can be looked up
            text = text.encode("idna").decode()
    return text.lower().removesuffix(".")


def is_loopback(host: object) -> bool:
    """Whether a host, by name or by address, is this machine. Not `spec.plain_ip`: this folder imports only the standard library."""
    name = normalized(host)
    try:
        return ip_address(name).is_loopback or ip_address(name).is_unspecified
    except ValueError:
        return name in ("", "localhost") or name.endswith(".localhost")


def _parsed(head: bytes) -> ProxyRequest | None:
    """The request of the first line, None when it is not one for a proxy."""
    method, _, target = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    target = target.rpartition(" ")[0]
    if method == "CONNECT":
        found = _AUTHORITY.fullmatch(target)
        if not found or int(found[2]) > LAST_PORT:
            return None
        return ProxyRequest(method, found[1].strip("[]"), int(found[2]))
    try:
        url = urlsplit(target)
        if url.scheme not in PORTS or not url.hostname:
            return None
        path = url._replace(scheme="", netloc="").geturl() or "/"
        return ProxyRequest(method, url.hostname, url.port or PORTS[url.scheme], path, secure=url.scheme == "https")
    except ValueError:  # such as a port that is not a number
        return None


def _forwarded(head: bytes, request: ProxyRequest, *, to_proxy: bool) -> bytes:
    """The head to forward; the connection ends with the response, since the next request may be for another host."""
    if request.method == "CONNECT":
        return head
    line, _, fields = _HOP_BY_HOP.sub(b"", head.removesuffix(b"\r\n\r\n")).partition(b"\r\n")
    if not to_proxy:
        line = f"{request.method} {request.path} HTTP/1.1".encode("latin-1")
    return b"\r\n".join([line, fields, b"Connection: close", b"", b""])


def _respond(client: socket.socket, status: str, sentence: str) -> None:
    body = f"{sentence}\n".encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    client.sendall(head.encode() + body)


def _copy(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes both ways until both sides have ended; TLS has no half-closed connections, so one end closes it."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while selector.get_map():
            for key, _ in selector.select():
                source, sink = cast("socket.socket", key.fileobj), cast("socket.socket", key.data)
                data = _received(source)
                if data is None:
                    continue
                if data:
                    sink.sendall(data)
                elif isinstance(sink, ssl.SSLSocket):
                    return
                else:
                    selector.unregister(source)
                    sink.shutdown(socket.SHUT_WR)


def _received(source: socket.socket) -> bytes | None:
    """What has arrived, None for a record of TLS without data, such as a session ticket, which also wakes `select`."""
    if not isinstance(source, ssl.SSLSocket):
        return source.recv(CHUNK)
    source.settimeout(0.0)
    try:
        return source.recv(CHUNK)
    except ssl.SSLWantReadError:
        return None
    finally:
        source.settimeout(None)
