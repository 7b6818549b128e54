"""How faults strike the bytes of an answer on their way out: late, in pieces, cut short, or never."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from enum import Enum
from itertools import pairwise
from random import Random
from typing import Protocol

import msgspec
from starlette.types import Message, Receive, Scope, Send

from pixazo_simulator.script import (
    ConnectionReset,
    Delay,
    EmptyReply,
    Fault,
    Hang,
    LognormalDelay,
    ReplyLost,
    SlowDrip,
    TruncatedBody,
    UniformDelay,
    commits,
    delay,
    kind_of,
)

CONNECTION = "pixazo.connection"
"""Key of the ASGI scope under which the protocol hands over the connection."""
STRIKES = "pixazo.strikes"
"""Key of the ASGI scope of a list: whoever puts it there takes the strikes upon itself, and gets an answer unharmed."""


class Connection(Protocol):
    """What can be done to a connection beside answering; `held` says that an answer is being held back on purpose."""

    held: bool

    def close(self) -> None:
        """End it (TCP FIN) after what was written."""

    def reset(self) -> None:
        """End it at once (TCP RST)."""


class ConnectionCutError(ConnectionError):
    """A fault wants to cut the connection, and the server that runs the application has none to offer."""


class Ending(Enum):
    """How an answer ends."""

    WHOLE = "whole"
    CLOSED = "the connection was closed"
    RESET = "the connection was reset"
    HUNG = "the connection was held open until the caller gave up"


class Strike(msgspec.Struct, frozen=True):
    """What is done to one answer: real seconds of delay, then the share `keep` of its body, in pieces over seconds, then its end.

    Without `keep` an ending other than WHOLE comes before the first byte.
    """

    name: str
    delay: float = 0
    keep: float | None = None
    drip: SlowDrip | None = None
    ending: Ending = Ending.WHOLE

    def cut(self, length: int) -> str | None:
        """What a caller does not get of an answer with a body of so many bytes, None when it gets everything."""
        if self.ending is Ending.WHOLE:
            return None
        left = "nothing left" if self.keep is None else f"{int(length * self.keep)} of {length} bytes of the body left"
        return f"{left}, then {self.ending.value}"


_ENDINGS: dict[type[Fault], Ending] = {
    ReplyLost: Ending.CLOSED,
    EmptyReply: Ending.CLOSED,
    ConnectionReset: Ending.RESET,
    Hang: Ending.HUNG,
}


def strike_of(faults: Iterable[Fault], random: Random) -> Strike | None:
    """What faults do to an answer together, whatever their order; None when they leave its bytes alone.

    Delays add up and come first, then the share of the body that a truncation leaves, dripping where it is to drip, then
    the end: lost, empty, reset or hanging.
    """
    striking = [fault for fault in faults if isinstance(fault, _STRIKING)]
    if not striking:
        return None
    said = not any(isinstance(fault, EmptyReply | ConnectionReset) and not commits(fault) for fault in striking)
    keep = next((fault.keep for fault in striking if isinstance(fault, TruncatedBody) and said), None)
    ending = next((_ENDINGS[type(fault)] for fault in striking if type(fault) in _ENDINGS), None)
    return Strike(
        name=", ".join(map(kind_of, striking)),
        delay=delay(striking, random),
        keep=keep,
        drip=next((fault for fault in striking if isinstance(fault, SlowDrip)), None),
        ending=ending or (Ending.WHOLE if keep is None else Ending.CLOSED),
    )


_STRIKING = (
    Delay, UniformDelay, LognormalDelay, ReplyLost, EmptyReply, ConnectionReset, Hang, TruncatedBody, SlowDrip,
)  # fmt: skip


async def leave(strike: Strike, scope: Scope, receive: Receive, send: Send, start: Message, body: bytes) -> None:
    """Send an answer as the strike has it; returns when it has left, or when the caller has gone.

    Raises ConnectionCutError where the connection is to be cut and the scope holds none: in-process transports, other servers.
    """
    with holding(scope):
        if strike.delay and not await _stays(scope, receive, strike.delay):
            return
        if strike.ending is Ending.WHOLE or strike.keep is not None:
            await send(start)
            if not await _send_body(strike, scope, receive, send, body):
                return
        if strike.ending is not Ending.WHOLE:
            await _end(strike, scope, receive)


@contextmanager
def holding(scope: Scope) -> Generator[None]:
    """While an answer is held back on purpose, a server that stops need not wait for it."""
    connection: Connection | None = scope.get(CONNECTION)
    if connection is None:
        yield
        return
    connection.held = True
    try:
        yield
    finally:
        connection.held = False


async def _send_body(strike: Strike, scope: Scope, receive: Receive, send: Send, body: bytes) -> bool:
    """Send what is to arrive of the body; False when the caller has gone before the end."""
    kept = body if strike.keep is None else body[: int(len(body) * strike.keep)]
    pieces = _pieces(kept, strike.drip)
    for number, piece in enumerate(pieces, 1):
        if strike.drip and not await _stays(scope, receive, strike.drip.seconds / len(pieces)):
            return False
        more = number < len(pieces) or strike.ending is not Ending.WHOLE
        await send({"type": "http.response.body", "body": piece, "more_body": more})
    return True


def _pieces(body: bytes, drip: SlowDrip | None) -> list[bytes]:
    """The body in pieces of nearly the same length, none of them empty unless the body is."""
    count = min(drip.pieces, len(body)) if drip else 1
    if count < 2:
        return [body]
    bounds = [len(body) * number // count for number in range(count + 1)]
    return [body[first:last] for first, last in pairwise(bounds)]


async def _end(strike: Strike, scope: Scope, receive: Receive) -> None:
    connection: Connection | None = scope.get(CONNECTION)
    if connection is None:
        raise ConnectionCutError(
            f"fault {strike.name}: {strike.ending.value}, but this server lends no connection: use pixazo_simulator.Simulator"
        )
    if strike.ending is Ending.RESET:
        connection.reset()
    elif strike.ending is Ending.CLOSED:
        connection.close()
    await _gone(receive)


async def _stays(scope: Scope, receive: Receive, seconds: float) -> bool:
    """Wait; False as soon as the caller has gone, which cannot be told where no connection is lent."""
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
    """Wait until the caller has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
