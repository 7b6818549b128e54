"""HTTP/1.1 as bytes: heads and bodies read by h11, and written as received, except hop-by-hop fields."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import urlsplit

import h11

RawHeaders = list[tuple[bytes, bytes]]
#: A piece of a body, or its end: the fields of the trailer.
Piece = bytes | RawHeaders

#: The longest head in bytes, and how much is read at once.
LONGEST_HEAD: Final = 64 * 1024
CHUNK: Final = 64 * 1024

#: How long a connection may take to open, in seconds.
CONNECTING: Final = 30.0

#: RFC 9110, 7.6.1: fields about one connection, besides those that `Connection` names.
HOP_BY_HOP: Final = frozenset({b"keep-alive", b"proxy-connection", b"te", b"upgrade", b"proxy-authorization"})
CONNECTION: Final = frozenset({b"close", b"keep-alive"})


class LostError(ConnectionError):
    """The peer went away in the middle of a message; `reset` says how."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("the connection was lost")
        self.reset = reset


@dataclass(slots=True)
class Head:
    """The first line and the fields of a message, as received: `first` is a method and a target, or a status code and a reason."""

    first: tuple[bytes, bytes]
    version: bytes
    headers: RawHeaders = field(default_factory=RawHeaders)

    @property
    def status(self) -> int:
        return int(self.first[0])

    def get(self, name: bytes) -> bytes | None:
        """The first field of that name, in lower case."""
        return next(self._all(name), None)

    def _all(self, name: bytes) -> Iterator[bytes]:
        return (value for key, value in self.headers if key.lower() == name)

    @property
    def chunked(self) -> bool:
        return b"chunked" in (self.get(b"transfer-encoding") or b"").lower()

    @property
    def closes(self) -> bool:
        """Whether the sender closes the connection after this message."""
        tokens = b",".join(self._all(b"connection")).lower()
        return b"close" in tokens or (self.version == b"1.0" and b"keep-alive" not in tokens)

    def text(self) -> tuple[tuple[str, str], ...]:
        return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers)

    def passed_on(self) -> Head:
        """The same without fields about one connection only; the closing of a connection is announced on both."""
        kept = RawHeaders()
        named = {token.strip() for value in self._all(b"connection") for token in value.lower().split(b",")}
        for key, value in self.headers:
            if key.lower() == b"connection":
                tokens = [token.strip() for token in value.split(b",") if token.strip().lower() in CONNECTION]
                kept += [(key, b", ".join(tokens))] if tokens else []
            elif key.lower() not in HOP_BY_HOP | named - CONNECTION:
                kept.append((key, value))
        return replace(self, headers=kept)

    def dump(self) -> bytes:
        one, other = self.first
        start = (b"HTTP/" + self.version, one, other) if one.isdigit() else (one, other, b"HTTP/" + self.version)
        return b"".join([b" ".join(start), b"\r\n", *(b"%b: %b\r\n" % pair for pair in self.headers), b"\r\n"])


class Peer:
    """One side of a connection: reads messages, and writes bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._left = b""
        self._parser: h11.Connection | None = None

    def _new(self, role: type[h11.CLIENT] | type[h11.SERVER]) -> h11.Connection:
        parser = h11.Connection(role, max_incomplete_event_size=LONGEST_HEAD)
        if self._left:
            parser.receive_data(self._left)
            self._left = b""
        return parser

    async def _event(self) -> h11.Event | None:
        parser = cast("h11.Connection", self._parser)
        while (event := parser.next_event()) is h11.NEED_DATA:
            try:
                data = await self.reader.read(CHUNK)
            except ConnectionError:
                raise LostError(reset=True) from None
            if not data and parser.trailing_data[1]:
                raise LostError(reset=False)
            try:
                parser.receive_data(data)
            except RuntimeError:
                raise LostError(reset=False) from None
        return event if isinstance(event, h11.Event) else None

    async def request(self) -> Head | None:
        """The next request; None when the peer has closed. Raises `h11.RemoteProtocolError`, `LostError`."""
        self._parser = self._new(h11.SERVER)
        event = await self._event()
        if not isinstance(event, h11.Request):
            return None
        names = [name for name, _ in event.headers]
        if b"transfer-encoding" in names and b"content-length" in names:
            # Two parsers may see two different bodies (RFC 9112, 6.1), of which only one was recorded and paid for.
            raise h11.RemoteProtocolError("it has both Content-Length and Transfer-Encoding")
        return Head((event.method, event.target), event.http_version, event.headers.raw_items())

    def expect(self, method: bytes) -> None:
        """Begin to read the response to a request."""
        self._parser = self._new(h11.CLIENT)
        self._parser.send(h11.Request(method=method, target="/", headers=[("Host", "-")]))
        self._parser.send(h11.EndOfMessage())

    async def response(self) -> Head:
        """The next head of a response, including informational ones."""
        event = await self._event()
        if not isinstance(event, h11.Response | h11.InformationalResponse):
            raise LostError(reset=False)
        reason = bytes(event.reason)
        return Head((b"%d" % event.status_code, reason), event.http_version, event.headers.raw_items())

    async def body(self) -> AsyncGenerator[Piece]:
        """The pieces of a body, then its end. Raises `LostError` if it is cut."""
        while True:
            try:
                event = await self._event()
            except h11.RemoteProtocolError as error:
                raise LostError(reset=False) from error
            if isinstance(event, h11.EndOfMessage):
                self._left = cast("h11.Connection", self._parser).trailing_data[0]
                yield event.headers.raw_items()
                return
            if isinstance(event, h11.Data):
                yield bytes(event.data)

    async def wait_closed(self) -> None:
        """Wait until the peer closes its side; bytes that it sends meanwhile are kept for the next request. Raises `LostError`."""
        while True:
            try:
                data = await self.reader.read(CHUNK)
            except ConnectionError:
                raise LostError(reset=True) from None
            if not data:
                return
            self._left += data
            while len(self._left) > LONGEST_HEAD:
                await asyncio.Event().wait()  # reading continues when the exchange has ended

    async def write(self, data: bytes) -> None:
        """Send bytes, as fast as the peer takes them. Raises `LostError`."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except (ConnectionError, RuntimeError):
            raise LostError(reset=True) from None

    def write_eof(self) -> bool:
        """Signal the end of sending; return whether that is possible without closing, which TLS cannot do."""
        try:
            self.writer.write_eof()
        except (NotImplementedError, OSError, RuntimeError):
            return False
        return True

    @property
    def gone(self) -> bool:
        return self.reader.at_eof() or self.writer.is_closing()

    def close(self, *, reset: bool = False) -> None:
        if reset:
            sock = self.writer.get_extra_info("socket")
            with suppress(OSError):  # it is already closed
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        else:
            self.writer.close()


def framed(piece: Piece, *, chunked: bool) -> bytes:
    """A piece of a body, or its end, as sent."""
    if isinstance(piece, bytes):
        return b"%x\r\n%b\r\n" % (len(piece), piece) if chunked and piece else piece
    return b"".join([b"0\r\n", *(b"%b: %b\r\n" % pair for pair in piece), b"\r\n"]) if chunked else b""


async def connect(origin: str) -> Peer:
    """A new connection to an origin. Raises OSError."""
    parts = urlsplit(origin)
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if tls else 80)
    try:
        opening = asyncio.open_connection(parts.hostname, port, ssl=tls)
        return Peer(*await asyncio.wait_for(opening, CONNECTING))
    except TimeoutError:
        raise OSError(f"no connection within {CONNECTING:g} s") from None


async def refuse(app: Peer, status: int, why: str, error: str = "pixazo-contracts proxy") -> None:
    """Send our own response, which says why there is no other, and close the connection."""
    body = json.dumps({"error": error, "message": f"pixazo-contracts proxy: {why}"}).encode()
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    await app.write((line + fields).encode() + body)
