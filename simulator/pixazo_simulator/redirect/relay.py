"""A port with TLS that relays every connection to one upstream, byte for byte."""

from __future__ import annotations

import re
import socket
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

from .context import is_loopback
from .proxy import CONNECT_TIMEOUT, HEAD_TIMEOUT, Proxy, read_head, respond
from .routing import HTTP, HTTPS, normalized

_HOST_OR_CONNECTION = re.compile(rb"\r\n(?:host|(?:proxy-)?connection):[^\r]*", re.IGNORECASE)
_GOODBYE = 1.0
"""Seconds within which a caller must answer the end of TLS."""


class Upstream:
    """The origin to which connections are relayed.

    The caller's Host header reaches an upstream on this machine: a gateway derives its URLs from it, and a proxy the intended host.
    One elsewhere gets its own (RFC 9110, 7.2), and one request per connection. Raises ValueError for a string that is not an http(s) origin.
    """

    def __init__(self, text: str) -> None:
        problem = f"--upstream {text!r} is not an origin: write http(s)://HOST[:PORT], such as http://127.0.0.1:8901"
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError:
            raise ValueError(problem) from None
        has_more = url.path not in ("", "/") or url.query or url.fragment or "@" in url.netloc
        if url.scheme not in ("http", "https") or not url.hostname or has_more or url.netloc.endswith(":"):
            raise ValueError(problem)
        self.url = f"{url.scheme}://{url.netloc}"
        self.address = (url.hostname, port or (HTTPS if url.scheme == "https" else HTTP))
        self.is_local = is_loopback(url.hostname)
        self.host = url.netloc
        self._trust = ssl.create_default_context() if url.scheme == "https" else None

    @property
    def names(self) -> tuple[str, ...]:
        """The host of the URLs in its responses, if it is not an address on this machine and is reached as the vendor's is."""
        is_named = (
            self._trust
            and not self.is_local
            and self.address[1] == HTTPS
            and not self.address[0].replace(".", "").isdecimal()
        )
        return (normalized(self.address[0]),) if is_named and ":" not in self.address[0] else ()

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
        return (
            line + b"\r\nHost: " + host + _HOST_OR_CONNECTION.sub(b"", end + fields) + b"\r\nConnection: close\r\n\r\n"
        )

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
            return self._lead(client)
        client.settimeout(HEAD_TIMEOUT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a session ticket would delay the response
        with self._context.wrap_socket(client, server_side=True) as secured:
            self._open.add(secured)
            try:
                if error := self._lead(secured):
                    respond(secured, *error)
                secured.settimeout(_GOODBYE)
                with suppress(ValueError):  # from a connection that the end of the relay has shut down meanwhile
                    secured.unwrap()  # without it a response that ends with the connection would look truncated
            finally:
                self._open.discard(secured)
        return None

    def _lead(self, client: socket.socket) -> tuple[str, str] | None:
        """Relay one connection to the upstream; returns status line and message of an error."""
        head, rest = read_head(client)
        if not head:
            return "431 Request Header Fields Too Large", "the head of the request is too long"
        try:
            server = self._upstream.connect()
        except (OSError, ValueError) as error:  # ValueError: a label that IDNA cannot encode
            return "502 Bad Gateway", f"the upstream {self._upstream.url} cannot be reached: {error}"
        self._relay(client, server, b"", self._upstream.headed(head) + rest)
        return None
