"""The direct way from the protocol to the gateway, without ASGI, and the caches of request and response heads that it uses."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from pixazo_simulator.gateway import Request, Response, RoutedRequest
from pixazo_simulator.spec import Header

MOST_HEADS = 1024
"""Parsed heads of requests that are kept; each is part of a piece of 2 KiB."""
_BLANK = b"\r\n\r\n"


class DirectWay(Protocol):
    """Answers requests without ASGI, as `GatewayApp` does."""

    def begin(self, request: Request) -> RoutedRequest | None: ...

    def answer(self, request: Request, route: RoutedRequest, *, keep_alive: bool) -> bytes | Response: ...


class Heads:
    """The latest heads of requests that were answered directly, by their bytes: a polling client sends the same head each time.

    They belong to clients that called one address, since that is the origin of a request without a usable Host header.
    """

    def __init__(self) -> None:
        self._requests: dict[bytes, Request] = {}

    def find(self, data: bytes) -> tuple[Request, bytes] | None:
        """The request in these bytes, and its body; None when the head is not known, or when there is more or less than one request."""
        request = self._requests.get(data)
        if request and not request.content_length:  # otherwise the head has arrived without the blank line that ends it
            return request, b""
        head, _, body = data.partition(_BLANK)
        request = self._requests.get(head)
        return (request, body) if request and len(body) == request.content_length else None

    def keep(self, data: bytes, request: Request) -> None:
        """Keep the head of the one request in these bytes, as it is before routing."""
        head, _, body = data.partition(_BLANK)
        if len(body) != request.content_length:
            return  # the head ends otherwise, or blank lines follow
        if len(self._requests) >= MOST_HEADS:
            self._requests.clear()
        self._requests[head if body else data] = request


def encoded(response: Response, *, keep_alive: bool) -> bytes | None:
    """The bytes of a response as uvicorn sends them; None when there is more to do than to send them immediately.

    None for effects that wait or cut, for headers about the connection, and for a length that is not that of the body.
    """
    if not response.leaves_at_once:
        return None
    head, length = _head(response.status, response.headers, keep_alive)
    body = response.body
    if response.request.method == "HEAD":
        return head
    return head + body if head and length == len(body) else None


@lru_cache(maxsize=256)
def _head(status: int, headers: tuple[Header, ...], keep_alive: bool) -> tuple[bytes | None, int | None]:  # noqa: FBT001
    """Status line and headers of a response, and the length of its body; None where uvicorn would add to them, or refuse them."""
    parts, length = [STATUS_LINE.get(status, b"")], 0 if status in (204, 304) else None
    for name, value in headers:
        lower = name.lower()
        if lower == b"content-length":
            length = int(value) if value.isdigit() else None
        elif lower in (b"connection", b"transfer-encoding"):
            return None, None
        parts += (lower, b": ", value, b"\r\n")
    parts.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    head = b"".join(parts)
    is_sound = parts[0] and length is not None and head.count(b"\n") == len(headers) + (2 if keep_alive else 3)
    return (head, length) if is_sound else (None, None)
