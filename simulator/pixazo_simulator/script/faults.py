"""Kinds of fault, as values: what may go wrong on the wire, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec

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
    """Something that goes wrong; `strikes` says with which operations."""

    strikes: ClassVar[frozenset[str]] = REPLIES

    def idle(self, facts: Mapping[str, Any]) -> str | None:  # noqa: ARG002 - for those that override it
        """Why there is nothing to strike in a call of these facts, None when there is."""
        return None


class StatusCode(Fault, frozen=True):
    """An error answer instead of the real one; nothing is committed."""

    status: Code = 500


class HtmlPage(Fault, frozen=True):
    """An HTML page of a front door instead of JSON, as seen on status reads even with a valid key; nothing is committed."""

    status: Code = 403


class Delay(Fault, frozen=True):
    """The reply leaves so many real seconds later; a callback so many seconds of the world's clock later."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS
    seconds: Seconds


class UniformDelay(Fault, frozen=True):
    """As Delay, with seconds drawn evenly between two bounds, from the seed of the world."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS
    low: Seconds
    high: Seconds

    def __post_init__(self) -> None:
        """Raise ValueError for bounds the wrong way round."""
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is more than high {self.high:g}: write the smaller one first")


class LognormalDelay(Fault, frozen=True):
    """As Delay, with seconds drawn from a log-normal distribution, as real latencies are: median, and sigma of the logarithm."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS
    median: Seconds
    sigma: Annotated[float, msgspec.Meta(ge=0, le=3)] = 0.5


class ReplyLost(Fault, frozen=True):
    """What was asked for is done (and charged), then the connection closes without a byte of the reply."""


class EmptyReply(Fault, frozen=True):
    """The connection closes without a byte, and nothing was done."""


class ConnectionReset(Fault, frozen=True):
    """The connection is reset (TCP RST), after the commit or, with `committed=False`, before it."""

    committed: bool = True


class Hang(Fault, frozen=True):
    """What was asked for is done, and no reply ever comes: the connection stays open until the caller gives up."""


class TruncatedBody(Fault, frozen=True):
    """The body ends early: its declared length is right, only this share of it arrives, then the connection closes."""

    keep: Share = 0.5


class GarbledBody(Fault, frozen=True):
    """The body is spoilt by seeded random bytes of the same length: no JSON, no video."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS


class SlowDrip(Fault, frozen=True):
    """The body arrives in pieces, spread over so many real seconds."""

    seconds: Seconds
    pieces: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 10


class WrongContentType(Fault, frozen=True):
    """The right body under another Content-Type."""

    strikes: ClassVar[frozenset[str]] = REPLIES | CALLBACKS
    content_type: Annotated[str, msgspec.Meta(pattern=r"^[ -~]{1,200}$")] = "text/plain"


class CompletedWithoutMedia(Fault, frozen=True):
    """A COMPLETED answer without any media in it: an empty `media_url`, `output` null, or no `output` at all."""

    strikes: ClassVar[frozenset[str]] = READS | CALLBACKS
    output: Literal["empty", "null", "absent"] = "empty"

    def idle(self, facts: Mapping[str, Any]) -> str | None:
        """It waits for COMPLETED."""
        word = facts.get("status")
        return (
            None if word == "COMPLETED" else f"completed_without_media strikes COMPLETED, status is {word or 'unknown'}"
        )


class UnknownStatus(Fault, frozen=True):
    """A status word that the page does not know, in place of the real one."""

    strikes: ClassVar[frozenset[str]] = READS | CALLBACKS
    word: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "ARCHIVED"

    def idle(self, facts: Mapping[str, Any]) -> str | None:
        """It needs a status word to replace."""
        return None if facts.get("status") else "unknown_status strikes a status word, the answer has none"


class NotFoundWindow(Fault, frozen=True):
    """A status read is answered 404 until so many seconds (of the world's clock) after the submit was accepted."""

    strikes: ClassVar[frozenset[str]] = READS
    seconds: Seconds = 3

    def idle(self, facts: Mapping[str, Any]) -> str | None:
        """The window closes."""
        age = facts.get("age")
        if age is not None and age < self.seconds:
            return None
        told = "no generation has this id" if age is None else f"it was {age:g} s ago"
        return f"not_found_window strikes for {self.seconds:g} s after the submit, {told}"


class Stuck(Fault, frozen=True):
    """The generation is accepted and stays PROCESSING for ever."""

    strikes: ClassVar[frozenset[str]] = SUBMITS


class MediaGone(Fault, frozen=True):
    """The video can no longer be had."""

    strikes: ClassVar[frozenset[str]] = MEDIA
    status: Annotated[int, msgspec.Meta(ge=400, le=499)] = 404


class Drop(Fault, frozen=True):
    """The callback is never posted, and not repeated."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS


class Duplicate(Fault, frozen=True):
    """The callback is posted so many times in all, at the same instant."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS
    copies: Annotated[int, msgspec.Meta(ge=2, le=10)] = 2


class Reorder(Fault, frozen=True):
    """The callback lets the next one of its world go first; without a next one it is posted `within` seconds of the clock."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS
    within: Seconds = 60


class BeforeReply(Fault, frozen=True):
    """The generation ends and its callback is posted before the 202 of its submit leaves."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS


class DeadReceiver(Fault, frozen=True):
    """The callback meets a port on which nobody listens, as if the receiver were down; it is repeated as policy says."""

    strikes: ClassVar[frozenset[str]] = CALLBACKS


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


def commits(fault: Fault) -> bool:
    """Whether the gateway does all the same what it was asked to do."""
    if isinstance(fault, ConnectionReset):
        return fault.committed
    return not isinstance(fault, StatusCode | HtmlPage | EmptyReply)


ANSWERS = (StatusCode, HtmlPage, NotFoundWindow, MediaGone)
"""Kinds that are an answer in the place of the real one."""
_EXCLUSIVE: tuple[tuple[type[Fault], ...], ...] = (
    ANSWERS,
    (ReplyLost, EmptyReply, ConnectionReset, Hang),
    (ReplyLost, EmptyReply, TruncatedBody),
    (ReplyLost, EmptyReply, SlowDrip),
    (Reorder, Delay, BeforeReply),
    (Reorder, UniformDelay, BeforeReply),
    (Reorder, LognormalDelay, BeforeReply),
)
"""Kinds of which one call can meet only one: answers in the place of the real one, ends of a connection, times of a callback."""


def quarrel(faults: Iterable[Fault]) -> str | None:
    """Why these faults cannot strike one call together, None when they can."""
    kinds = [type(fault) for fault in faults]
    for group in _EXCLUSIVE:
        found = [kind_of(kind) for kind in dict.fromkeys(kinds) if kind in group]
        if len(found) > 1:
            return f"faults {found[0]!r} and {found[1]!r} exclude each other"
    if Drop in kinds and len(kinds) > 1:
        return "fault 'drop' leaves nothing for another to strike"
    return None
