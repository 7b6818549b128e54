"""Sends a response step by step: immediately and whole, or late, in pieces, cut short, or never, as the faults require."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from pixazo_simulator.gateway import Response
from pixazo_simulator.script import Close, Ending, Noise, Reset, Send, Wait

from .http import CONNECTION, GatewayProtocol

if TYPE_CHECKING:
    from starlette.types import Receive, Scope
    from starlette.types import Send as SendMessage

Step = Callable[[], Awaitable[object]] | float | Response | bytes | Noise | Ending
"""One step of the effects of a response: something to await, real seconds to wait, the response whose status line
and headers are sent, a piece of its body, what is sent before it, and how the connection ends."""


class ConnectionCutError(ConnectionError):
    """A fault should cut the connection, but the server that runs the application gives no access to it."""


def transmitted(response: Response) -> Iterator[Step]:
    """The steps by which a response is sent as its transmission says."""
    if not response.transmission:
        yield response
        yield response.body
    for effect in response.transmission:
        if isinstance(effect, Wait):
            yield effect.seconds
        elif isinstance(effect, Send):
            yield response
            parts = _pieces(response.body[: effect.length(len(response.body))], effect.pieces)
            for part in parts:
                if effect.seconds:
                    yield effect.seconds / len(parts)
                yield part
        else:
            yield effect


def _pieces(body: bytes, most: int) -> list[bytes]:
    """The body in pieces of nearly the same length, none of them empty unless the body is."""
    count = max(1, min(most, len(body)))
    bounds = [len(body) * number // count for number in range(count + 1)]
    return [body[first:last] for first, last in pairwise(bounds)]


async def transmit(
    response: Response, steps: Iterable[Step], scope: Scope, receive: Receive, send: SendMessage
) -> None:
    """Carry out the steps of a response; returns when it has been sent, or when the caller has disconnected.

    Raises ConnectionCutError where the connection must be cut and there is no access to it: with test clients and other servers.
    """
    left = math.inf if any(isinstance(each, Ending) for each in response.transmission) else len(response.body)
    connection: GatewayProtocol | None = None if response.leaves_at_once else scope.get(CONNECTION)
    if connection:
        connection.hold()
    try:
        for step in steps:
            if isinstance(step, bytes):
                left -= len(step)
                await send({"type": "http.response.body", "body": step, "more_body": left > 0})
            elif isinstance(step, Response):
                await send({"type": "http.response.start", "status": step.status, "headers": step.headers})
            elif isinstance(step, (int, float)):
                if not await _stays(scope, receive, step):
                    return
            elif isinstance(step, Noise):
                _lent(response, scope, step.description).transport.write(step.data)
            elif isinstance(step, Ending):
                await _end(step, response, scope, receive)
            else:
                await step()
    finally:
        if connection:
            connection.held = False


def _lent(response: Response, scope: Scope, what: str) -> GatewayProtocol:
    """The connection of the response. Raises ConnectionCutError where there is no access to it."""
    connection: GatewayProtocol | None = scope.get(CONNECTION)
    if connection is None:
        raise ConnectionCutError(
            f"fault {', '.join(response.faults)}: {what}, but this server gives no access to the connection: call the URL of the Simulator, or use Simulator.transport()"
        )
    return connection


async def _end(effect: Ending, response: Response, scope: Scope, receive: Receive) -> None:
    connection = _lent(response, scope, effect.description)
    if isinstance(effect, Reset):
        connection.reset()
    elif isinstance(effect, Close):
        connection.transport.close()
    await _gone(receive)


async def _stays(scope: Scope, receive: Receive, seconds: float) -> bool:
    """Wait; False as soon as the caller has disconnected, which cannot be seen without access to the connection."""
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
