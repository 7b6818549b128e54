"""Sends a response as its transmission says: at once and whole, or late, in pieces, cut short, or never, as the faults require."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from pixazo_simulator.gateway import Response
from pixazo_simulator.script import Close, Ending, Noise, Reset, Send, Wait

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope
    from starlette.types import Send as SendMessage

CONNECTION = "pixazo.connection"
"""Key of the ASGI scope under which the protocol lends the connection."""
_NO_LINGER = struct.pack("ii", 1, 0)
"""The value of SO_LINGER with which close() sends RST instead of FIN."""


class Connection:
    """What can be done to a connection beside sending; `held` says that a fault is holding a response back on purpose."""

    __slots__ = ("_transport", "held")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.held = False

    def write(self, data: bytes) -> None:
        """Send bytes before, or in place of, a response."""
        self._transport.write(data)

    def close(self) -> None:
        """Close it (TCP FIN) after what was written."""
        self._transport.close()

    def reset(self) -> None:
        """Reset it at once (TCP RST), also under TLS."""
        if not self._transport.is_closing():
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()


class ConnectionCutError(ConnectionError):
    """A fault should cut the connection, but the server that runs the application lends none."""


@contextmanager
def holding(scope: Scope) -> Generator[None]:
    """While a response is held back on purpose, a server that stops does not wait for it."""
    connection: Connection | None = scope.get(CONNECTION)
    if connection:
        connection.held = True
    try:
        yield
    finally:
        if connection:
            connection.held = False


async def transmit(response: Response, scope: Scope, receive: Receive, send: SendMessage) -> None:
    """Send a response as its transmission says; returns when it was sent, or when the caller has gone.

    Raises ConnectionCutError where the connection is to be cut and none was lent: by test clients, by other servers.
    """
    start: Message = {"type": "http.response.start", "status": response.status, "headers": response.headers}
    if not response.transmission:
        await send(start)
        await send({"type": "http.response.body", "body": response.body})
        return
    ends = any(isinstance(each, Ending) for each in response.transmission)
    with holding(scope):
        for effect in response.transmission:
            match effect:
                case Wait(seconds):
                    if not await _stays(scope, receive, seconds):
                        return
                case Noise(data):
                    _lent(response, scope, effect.description).write(data)
                case Send():
                    await send(start)
                    if not await _send_body(effect, response.body, scope, receive, send, more=ends):
                        return
                case _:
                    await _end(effect, response, scope, receive)


async def _send_body(
    effect: Send, body: bytes, scope: Scope, receive: Receive, send: SendMessage, *, more: bool
) -> bool:
    """Send what is to arrive of the body; False when the caller has gone before the end."""
    parts = pieces(body[: effect.length(len(body))], effect.pieces)
    for number, piece in enumerate(parts, 1):
        if effect.seconds and not await _stays(scope, receive, effect.seconds / len(parts)):
            return False
        await send({"type": "http.response.body", "body": piece, "more_body": more or number < len(parts)})
    return True


def pieces(body: bytes, most: int) -> list[bytes]:
    """The body in pieces of nearly the same length, none of them empty unless the body is."""
    count = max(1, min(most, len(body)))
    bounds = [len(body) * number // count for number in range(count + 1)]
    return [body[first:last] for first, last in pairwise(bounds)]


def _lent(response: Response, scope: Scope, what: str) -> Connection:
    """The connection of the response. Raises ConnectionCutError where none was lent."""
    connection: Connection | None = scope.get(CONNECTION)
    if connection is None:
        raise ConnectionCutError(
            f"fault {', '.join(response.faults)}: {what}, but this server lends no connection: call the URL of the Simulator, or use Simulator.transport()"
        )
    return connection


async def _end(effect: Ending, response: Response, scope: Scope, receive: Receive) -> None:
    connection = _lent(response, scope, effect.description)
    if isinstance(effect, Reset):
        connection.reset()
    elif isinstance(effect, Close):
        connection.close()
    await _gone(receive)


async def _stays(scope: Scope, receive: Receive, seconds: float) -> bool:
    """Wait; False as soon as the caller has gone, which cannot be seen where no connection was lent."""
    if CONNECTION not in scope:
        await asyncio.sleep(seconds)
        return True
    gone = asyncio.ensure_future(_gone(receive))
    try:
        done, _ = await asyncio.wait({gone}, timeout=seconds)
        return not done
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
