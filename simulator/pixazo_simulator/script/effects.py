"""What a fault asks of whoever sends a response, delivers a webhook or plans a generation, as values."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Discard(msgspec.Struct, frozen=True):
    """Do nothing of what was asked for: nothing is accepted, and nothing is charged."""


class Respond(msgspec.Struct, frozen=True):
    """Send an error response with this status code, in place of the real one; `html` asks for a page instead of JSON."""

    status: int
    html: bool = False


class Wait(msgspec.Struct, frozen=True):
    """Wait before the next effect: real seconds for a response, seconds of the world's clock for a webhook delivery.

    Whoever sends a response may stop waiting, and leave out all that follows, once the client has gone.
    """

    seconds: float


class Send(msgspec.Struct, frozen=True):
    """Send status line, headers and this share of the body, in pieces that are spread evenly over so many real seconds."""

    share: float = 1.0
    pieces: int = 1
    seconds: float = 0.0


class Declare(msgspec.Struct, frozen=True):
    """Put another Content-Type in place of the right one."""

    content_type: str


class Close(msgspec.Struct, frozen=True):
    """Close the connection (TCP FIN) after what was sent."""

    description: ClassVar[str] = "the connection was closed"


class Reset(msgspec.Struct, frozen=True):
    """Reset the connection at once (TCP RST)."""

    description: ClassVar[str] = "the connection was reset"


class Silence(msgspec.Struct, frozen=True):
    """Send nothing more, and keep the connection open until the client closes it."""

    description: ClassVar[str] = "the connection was held open until the caller gave up"


class Stall(msgspec.Struct, frozen=True):
    """Let the generation stay PROCESSING for ever."""


class Skip(msgspec.Struct, frozen=True):
    """Do not post the webhook, and do not try again."""


class Repeat(msgspec.Struct, frozen=True):
    """Post the webhook so many times in all."""

    copies: int


class GiveWay(msgspec.Struct, frozen=True):
    """Let the next webhook of the world go first, but wait no longer than so many seconds of the world's clock."""

    within: float


class BeforeResponse(msgspec.Struct, frozen=True):
    """Post the webhook before the response to its submission is sent."""


class RefuseConnection(msgspec.Struct, frozen=True):
    """Post the webhook to a port on which nothing listens."""


Ending = Close | Reset | Silence
"""How a connection ends."""
Transmission = tuple[Wait | Send | Ending, ...]
"""How a response is sent, each effect after the one before; empty: at once, whole, and the connection stays usable."""
Effect = (
    Discard | Respond | Wait | Send | Declare | Ending  # of a response
    | Stall  # of a generation
    | Skip | Repeat | GiveWay | BeforeResponse | RefuseConnection  # of a webhook delivery
)  # fmt: skip


def cut(transmission: Transmission, length: int) -> str | None:
    """What a client does not get of a response with a body of `length` bytes, None when it gets all of it."""
    ending = next((each for each in transmission if isinstance(each, Ending)), None)
    if ending is None:
        return None
    sent = next((each for each in transmission if isinstance(each, Send)), None)
    left = f"{int(length * sent.share)} of {length} bytes of the body left" if sent else "nothing left"
    return f"{left}, then {ending.description}"
