"""Protocol classes that preserve or change the letter case of header names, for gateways that get it wrong on purpose.

Header names are case-insensitive (RFC 9110, 5.1), and ASGI passes them in lower case only.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from .asgi import SPELLING
from .http import GatewayProtocol


class HeaderCaseProtocol(GatewayProtocol):
    """Passes the header names of a request as the client wrote them, in the ASGI scope."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the name as it was written."""
        cast("dict[str, Any]", self.scope).setdefault(SPELLING, []).append(name)
        super().on_header(name, value)


class TitleCaseProtocol(GatewayProtocol):
    """Writes the header names of responses in title case."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        """Write through a transport that changes them."""
        super().connection_made(cast("Any", _TitleCased(transport)))


class _TitleCased:
    """A transport that writes the header names of each response in title case."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Write data, which is the beginning of a response if it has a status line."""
        self._transport.write(_title_cased(data) if data.startswith(b"HTTP/1.1 ") else data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _title_cased(data: bytes) -> bytes:
    head, end, rest = data.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    fields = (line.partition(b":") for line in lines)
    return b"\r\n".join([status, *(name.title() + colon + value for name, colon, value in fields)]) + end + rest
