"""HTTP/1.1 that minds the letter case of header names, which ASGI forgets."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from .asgi import SPELLING
from .http import GatewayProtocol


class SpelledProtocol(GatewayProtocol):
    """Tells the application how the caller spelled the names of its headers."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a name as it was written."""
        cast("dict[str, Any]", self.scope).setdefault(SPELLING, []).append(name)
        super().on_header(name, value)


class TitleCaseProtocol(GatewayProtocol):
    """Writes the names of its headers in title case."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        """Write through a transport of ours."""
        super().connection_made(cast("Any", _TitleCased(transport)))


class _TitleCased:
    """A transport that writes the header names of every head that it is given in title case."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Write a head in title case, anything else as it is."""
        self._transport.write(_title_cased(data) if data.startswith(b"HTTP/1.1 ") else data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _title_cased(data: bytes) -> bytes:
    head, end, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    named = (line.partition(b":") for line in lines)
    return b"\r\n".join([first, *(name.title() + colon + value for name, colon, value in named)]) + end + rest
