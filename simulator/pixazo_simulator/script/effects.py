"""What faults ask of the sender of a response, and how it is sent, as values."""

from __future__ import annotations

from typing import ClassVar

import msgspec

__all__ = ["Close", "Ending", "Noise", "Reset", "Send", "Transmission", "Wait", "came", "cut"]


class Discard(msgspec.Struct, frozen=True):
    """Do nothing of what was requested: nothing is accepted, and nothing is charged."""


class Respond(msgspec.Struct, frozen=True):
    """Send an error response with this status code, in place of the real one; `html` asks for a page instead of JSON."""

    status: int
    html: bool = False


class Wait(msgspec.Struct, frozen=True):
    """Wait a number of real seconds before the next effect; skip all that follows if the client has disconnected."""

    seconds: float


class Send(msgspec.Struct, frozen=True):
    """Send status line, headers and this share of the body, at most `most` bytes, in pieces spread evenly over a number of real seconds."""

    share: float = 1.0
    pieces: int = 1
    seconds: float = 0.0
    most: int | None = None

    def length(self, whole: int) -> int:
        """How many bytes of a body of `whole` bytes are sent."""
        return int(whole * self.share) if self.most is None else min(int(whole * self.share), self.most)


class Noise(msgspec.Struct, frozen=True):
    """Send these bytes, which belong to no response."""

    description: ClassVar[str] = "garbage before the response"
    data: bytes


class Close(msgspec.Struct, frozen=True):
    """Close the connection (TCP FIN) after what was sent."""

    description: ClassVar[str] = "the connection was closed"


class Reset(msgspec.Struct, frozen=True):
    """Reset the connection immediately (TCP RST)."""

    description: ClassVar[str] = "the connection was reset"


class Silence(msgspec.Struct, frozen=True):
    """Send nothing more, and keep the connection open until the client closes it."""

    description: ClassVar[str] = "the connection was held open until the caller gave up"


Ending = Close | Reset | Silence
"""How a connection ends."""
Transmission = tuple[Wait | Noise | Send | Ending, ...]
"""How a response is sent, each effect after the one before; empty: immediately, whole, and the connection stays usable."""
Effect = Discard | Respond | Send | Ending
"""What a fault asks for."""


def cut(transmission: Transmission, length: int) -> str | None:
    """What a client misses of a response with a body of `length` bytes, or gets in addition; None when it gets exactly that."""
    ending = next((each for each in transmission if isinstance(each, Ending)), None)
    if ending is None:
        return None
    noise = next((f"{each.description}, {len(each.data)} B; " for each in transmission if isinstance(each, Noise)), "")
    sent = next((each for each in transmission if isinstance(each, Send)), None)
    return f"{noise}{came(sent.length(length) if sent else None, length)}, then {ending.description}"


def came(sent: int | None, length: int) -> str:
    """How much was sent of a body of `length` bytes; None: not even the head of its response."""
    return "nothing was sent" if sent is None else f"{sent} of {length} bytes of the body were sent"
