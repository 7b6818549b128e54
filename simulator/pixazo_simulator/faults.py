"""Kinds of fault, as values: what may go wrong on the wire, by name."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

__all__ = [
    "CALLBACKS", "FAULTS", "LONGEST", "MEDIA", "READS", "REPLIES", "SUBMITS", "AnyFault", "BeforeReply", "CompletedWithoutMedia",
    "ConnectionReset", "DeadReceiver", "Delay", "Drop", "Duplicate", "EmptyReply", "Fault", "GarbledBody", "Hang", "HtmlPage",
    "LognormalDelay", "MediaGone", "NotFoundWindow", "Reorder", "ReplyLost", "SlowDrip", "StatusCode", "Stuck", "TruncatedBody",
    "UniformDelay", "UnknownStatus", "WrongContentType", "kind_of",
]  # fmt: skip

SUBMITS = frozenset({"generate", "imageToVideo"})
READS = frozenset({"status"})
MEDIA = frozenset({"media"})
CALLBACKS = frozenset({"webhook"})
REPLIES = SUBMITS | READS | MEDIA
"""What a fault can strike, as operations of the gateway: submits, status reads, downloads, callbacks, replies of any kind."""

LONGEST = 3600.0
"""Seconds that a fault may hold something up at most."""

Code = Annotated[int, msgspec.Meta(ge=200, le=599)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=LONGEST)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="fault", tag=_snake):
    """Something that goes wrong; `strikes` says with which operations, `example` how a user writes it."""

    strikes: ClassVar[frozenset[str]] = REPLIES
    example: ClassVar[str] = ""


class StatusCode(Fault, frozen=True):
    """An error answer instead of the real one; nothing is committed."""

    example: ClassVar[str] = 'pixazo.when("generate").fault(StatusCode(502), times=1)'
    status: Code = 500


class HtmlPage(Fault, frozen=True):
    """An HTML page of a front door instead of JSON, as seen on status reads even with a valid key; nothing is committed."""

    example: ClassVar[str] = 'pixazo.when("status").fault(HtmlPage(403), times=1)'
    status: Code = 403


class Delay(Fault, frozen=True):
    """The reply leaves so many real seconds later; a callback so many seconds of the world's clock later."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS
    example: ClassVar[str] = 'pixazo.when("status").fault(Delay(0.2))'
    seconds: Seconds


class UniformDelay(Fault, frozen=True):
    """As Delay, with seconds drawn evenly between two bounds, from the seed of the world."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS
    example: ClassVar[str] = 'pixazo.when("status").fault(UniformDelay(0.1, 0.3))'
    low: Seconds
    high: Seconds


class LognormalDelay(Fault, frozen=True):
    """As Delay, with seconds drawn from a log-normal distribution, as real latencies are: median, and sigma of the logarithm."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS
    example: ClassVar[str] = 'pixazo.when("generate").fault(LognormalDelay(0.1, 0.5))'
    median: Seconds
    sigma: Annotated[float, msgspec.Meta(ge=0, le=3)] = 0.5


class ReplyLost(Fault, frozen=True):
    """What was asked for is done (and charged), then the connection closes without a byte of the reply."""

    example: ClassVar[str] = 'pixazo.when("generate").fault(ReplyLost(), times=1)'


class EmptyReply(Fault, frozen=True):
    """The connection closes without a byte, and nothing was done."""

    example: ClassVar[str] = 'pixazo.when("generate").fault(EmptyReply(), times=1)'


class ConnectionReset(Fault, frozen=True):
    """The connection is reset (TCP RST), after the commit or, with `committed=False`, before it."""

    example: ClassVar[str] = 'pixazo.when("status").fault(ConnectionReset(), times=1)'
    committed: bool = True


class Hang(Fault, frozen=True):
    """What was asked for is done, and no reply ever comes: the connection stays open until the caller gives up."""

    example: ClassVar[str] = 'pixazo.when("status").fault(Hang(), times=1)'


class TruncatedBody(Fault, frozen=True):
    """The body ends early: its declared length is right, only this share of it arrives, then the connection closes."""

    example: ClassVar[str] = 'pixazo.when("media").fault(TruncatedBody(0.5), times=1)'
    keep: Share = 0.5


class GarbledBody(Fault, frozen=True):
    """The body is spoilt by seeded random bytes of the same length: no JSON, no video."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS
    example: ClassVar[str] = 'pixazo.when("status").fault(GarbledBody(), times=1)'


class SlowDrip(Fault, frozen=True):
    """The body arrives in pieces, spread over so many real seconds."""

    example: ClassVar[str] = 'pixazo.when("media").fault(SlowDrip(0.5, pieces=5))'
    seconds: Seconds
    pieces: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 10


class WrongContentType(Fault, frozen=True):
    """The right body under another Content-Type."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS
    example: ClassVar[str] = 'pixazo.when("status").fault(WrongContentType("text/html"))'
    content_type: Annotated[str, msgspec.Meta(pattern=r"^[ -~]{1,200}$")] = "text/plain"


class CompletedWithoutMedia(Fault, frozen=True):
    """A COMPLETED answer without any media in it."""

    strikes: ClassVar[frozenset[str]] = READS | CALLBACKS
    example: ClassVar[str] = 'pixazo.when("status").fault(CompletedWithoutMedia())'


class UnknownStatus(Fault, frozen=True):
    """A status word that the page does not know, in place of the real one."""

    strikes: ClassVar[frozenset[str]] = READS | CALLBACKS
    example: ClassVar[str] = 'pixazo.when("status").fault(UnknownStatus("ARCHIVED"), times=1)'
    word: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "ARCHIVED"


class NotFoundWindow(Fault, frozen=True):
    """A status read is answered 404 until so many seconds (of the world's clock) after the submit was accepted."""

    strikes: ClassVar[frozenset[str]] = READS
    example: ClassVar[str] = 'pixazo.when("status").fault(NotFoundWindow(3))'
    seconds: Seconds = 3


class Stuck(Fault, frozen=True):
    """The generation is accepted and stays PROCESSING for ever."""

    strikes: ClassVar[frozenset[str]] = SUBMITS
    example: ClassVar[str] = 'pixazo.when("generate").fault(Stuck())'


class MediaGone(Fault, frozen=True):
    """The video can no longer be had."""

    strikes: ClassVar[frozenset[str]] = MEDIA
    example: ClassVar[str] = 'pixazo.when("media").fault(MediaGone(410))'
    status: Annotated[int, msgspec.Meta(ge=400, le=499)] = 404


class Drop(Fault, frozen=True):
    """The callback is never posted, and not repeated."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS
    example: ClassVar[str] = 'pixazo.when("webhook").fault(Drop(), times=1)'


class Duplicate(Fault, frozen=True):
    """The callback is posted so many times in all, at the same instant."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS
    example: ClassVar[str] = 'pixazo.when("webhook").fault(Duplicate())'
    copies: Annotated[int, msgspec.Meta(ge=2, le=10)] = 2


class Reorder(Fault, frozen=True):
    """The callback lets the next one of its world go first; without a next one it is posted `within` seconds of the clock."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS
    example: ClassVar[str] = 'pixazo.when("webhook").fault(Reorder(), times=1)'
    within: Seconds = 60


class BeforeReply(Fault, frozen=True):
    """The generation ends and its callback is posted before the 202 of its submit leaves."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS
    example: ClassVar[str] = 'pixazo.when("webhook").fault(BeforeReply())'


class DeadReceiver(Fault, frozen=True):
    """The callback meets a port on which nobody listens, as if the receiver were down; it is repeated as policy says."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS
    example: ClassVar[str] = 'pixazo.when("webhook").fault(DeadReceiver(), times=1)'


AnyFault = (
    StatusCode | HtmlPage | Delay | UniformDelay | LognormalDelay | ReplyLost | EmptyReply | ConnectionReset | Hang | TruncatedBody
    | GarbledBody | SlowDrip | WrongContentType | CompletedWithoutMedia | UnknownStatus | NotFoundWindow | Stuck | MediaGone | Drop
    | Duplicate | Reorder | BeforeReply | DeadReceiver
)  # fmt: skip


def kind_of(fault: Fault | type[Fault]) -> str:
    """The name of a fault in JSON and TOML, such as `connection_reset`."""
    return str(fault.__struct_config__.tag)


FAULTS: dict[str, type[Fault]] = {kind_of(fault): fault for fault in Fault.__subclasses__()}
"""Every kind of fault by its name, in the order of this file."""
