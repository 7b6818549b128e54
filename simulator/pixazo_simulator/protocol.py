"""HTTP/1.1 as uvicorn speaks it, with a bounded head and JSON errors."""

from __future__ import annotations

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_LIMIT", "GatewayProtocol"]

HEAD_LIMIT = 64 * 1024
"""Bytes of a request line and headers together; a longer head is answered 431."""


class GatewayProtocol(HttpToolsProtocol):
    """What cannot be parsed is answered in the shape of every other error (HDR-04)."""

    _head = 0

    def on_message_begin(self) -> None:
        """Start counting the head of a request."""
        self._head = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a piece of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def _count(self, length: int) -> None:
        self._head += length
        if self._head > HEAD_LIMIT:
            raise _HeadTooLongError

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, or one with too long a head, then close the connection."""
        if self.transport.is_closing():
            return
        line, title = b"400 Bad Request", "Bad Request"
        if self._head > HEAD_LIMIT:
            line, title = b"431 Request Header Fields Too Large", "Request Header Fields Too Large"
            msg = f"The request line and headers are longer than {HEAD_LIMIT} bytes."
        body = msgspec.json.encode({"error": title, "message": msg})
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
            % (line, len(body), body)
        )
        self.transport.close()


class _HeadTooLongError(Exception):
    """Ends the parsing of a request; httptools reports it as a parser error."""
