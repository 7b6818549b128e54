"""Every kind of fault, by name. To add one, add a class here: lists of kinds and exports are made from the classes."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import reduce
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

import msgspec

from pixazo_simulator.spec import SUBMITS, Status

from .effects import Close, Discard, Effect, Reset, Respond, Send, Silence

_STATUS = frozenset({"status"})
_MEDIA = frozenset({"media"})
_WEBHOOK = frozenset({"webhook"})
_RESPONSES = SUBMITS | _STATUS | _MEDIA

_NO_TEXT = b"\xff"
"""A byte that begins neither JSON nor any UTF-8 text."""

_Code = Annotated[int, msgspec.Meta(ge=200, le=599)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
_Names = Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=100)], ...], msgspec.Meta(max_length=100)]
_Example = tuple[str, int | None, Mapping[str, Any]]
"""A rule that shows a fault: what it is about, how often it applies (None: always), the arguments of the fault."""


def _example(when: str, /, times: int | None = None, **arguments: Any) -> _Example:
    return when, times, arguments


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="fault", tag=_snake):
    """Something that goes wrong at a request or at a webhook delivery. Its name in JSON and TOML is that of its class in snake case."""

    applies_to: ClassVar[frozenset[str]] = _RESPONSES
    """The operations of the gateway at which it can happen."""
    excludes: ClassVar[frozenset[str]] = frozenset()
    """Names of faults that cannot happen together with it; one of two names the other."""
    example: ClassVar[_Example]
    needs_signature: ClassVar[bool] = False
    """Whether it acts on the signature of a webhook."""
    withholds: ClassVar[Literal["response", "body"] | None] = None
    """What the caller does not get: any response, or a readable body."""
    does: ClassVar[tuple[Effect, ...]] = ()
    """What it asks for if that depends on no parameter of the fault."""

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What it asks of the sender of the response."""
        return self.does

    def wait(self, _: Random, /) -> float:
        """Seconds by which it delays a response (real time) or a webhook delivery (the world's clock)."""
        return 0.0

    def edit(self, members: dict[str, Any]) -> dict[str, Any]:
        """What it makes of the members of a status response, or of a webhook's body before that is signed."""
        return members

    def corrupt(self, body: bytes, _: Random, /) -> bytes:
        """What it makes of a non-empty body in transit: a signature no longer fits."""
        return body

    def inapplicable(self, facts: Mapping[str, Any], /) -> str | None:
        """Why it cannot happen at a request with these facts, None when it can; its rule then does not match."""
        if not self.needs_signature or facts.get("signed"):
            return None
        return f"{self.__struct_config__.tag} needs policy webhook_signature to be standard"


class StatusCode(Fault, frozen=True):
    """An error response instead of the real one; nothing is committed."""

    excludes: ClassVar = frozenset({"html_page", "not_found_window", "media_gone"})
    example: ClassVar = _example("generate", times=1, status=502)
    status: _Code = 500

    @property
    def effects(self) -> tuple[Effect, ...]:
        return (Discard(), Respond(self.status))


class HtmlPage(Fault, frozen=True):
    """An HTML page of a proxy in front instead of JSON, as seen on status reads even with a valid key; nothing is committed."""

    excludes: ClassVar = frozenset({"not_found_window", "media_gone"})
    example: ClassVar = _example("status", times=1)
    status: _Code = 403

    @property
    def effects(self) -> tuple[Effect, ...]:
        return (Discard(), Respond(self.status, html=True))


class Delay(Fault, frozen=True):
    """The response is delayed by a number of real seconds; a webhook by that number of seconds of the world's clock."""

    applies_to: ClassVar = _RESPONSES | _WEBHOOK
    example: ClassVar = _example("status", seconds=0.2)
    seconds: _Seconds

    def wait(self, _: Random, /) -> float:
        return self.seconds


class UniformDelay(Fault, frozen=True):
    """As Delay, with seconds drawn evenly between two bounds, from the seed of the world."""

    applies_to: ClassVar = _RESPONSES | _WEBHOOK
    example: ClassVar = _example("status", low=0.1, high=0.3)
    low: _Seconds
    high: _Seconds

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is more than high {self.high:g}: write the smaller one first")

    def wait(self, random: Random, /) -> float:
        return random.uniform(self.low, self.high)


class LognormalDelay(Fault, frozen=True):
    """As Delay, with seconds drawn from a log-normal distribution, as real latencies are: median, and sigma of the logarithm."""

    applies_to: ClassVar = _RESPONSES | _WEBHOOK
    example: ClassVar = _example("generate", median=0.1, sigma=0.4)
    median: _Seconds
    sigma: Annotated[float, msgspec.Meta(ge=0, le=3)] = 0.5

    def wait(self, random: Random, /) -> float:
        return self.median * random.lognormvariate(0, self.sigma)


class ReplyLost(Fault, frozen=True):
    """The gateway carries out the request (and charges it), then the connection closes without a byte of the response."""

    excludes: ClassVar = frozenset({"empty_reply", "connection_reset", "hang", "truncated_body", "slow_drip"})
    withholds: ClassVar = "response"
    example: ClassVar = _example("generate", times=1)
    does: ClassVar = (Close(),)


class EmptyReply(Fault, frozen=True):
    """The connection closes without a byte, and nothing was done."""

    excludes: ClassVar = frozenset({"connection_reset", "hang", "truncated_body", "slow_drip"})
    withholds: ClassVar = "response"
    example: ClassVar = _example("generate", times=1)
    does: ClassVar = (Discard(), Close())


class ConnectionReset(Fault, frozen=True):
    """The connection is reset (TCP RST), after the commit or, with `committed=False`, before it."""

    excludes: ClassVar = frozenset({"hang"})
    withholds: ClassVar = "response"
    example: ClassVar = _example("status", times=1)
    committed: bool = True

    @property
    def effects(self) -> tuple[Effect, ...]:
        return (Reset(),) if self.committed else (Discard(), Reset())


class Hang(Fault, frozen=True):
    """The gateway carries out the request and never responds: the connection stays open until the client gives up."""

    withholds: ClassVar = "response"
    example: ClassVar = _example("status", times=1)
    does: ClassVar = (Silence(),)


class TruncatedBody(Fault, frozen=True):
    """The body ends early: its declared length is right, only this share of it arrives, then the connection closes."""

    withholds: ClassVar = "body"
    example: ClassVar = _example("media", times=1)
    keep: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5

    @property
    def effects(self) -> tuple[Effect, ...]:
        return (Send(self.keep), Close())


class LimitData(Fault, frozen=True):
    """The connection closes once this many bytes of the body have been sent; a body that is not longer arrives whole."""

    excludes: ClassVar = frozenset({"truncated_body", "reply_lost", "empty_reply"})
    example: ClassVar = _example("media", times=1, bytes=1000)
    bytes: Annotated[int, msgspec.Meta(ge=0, le=1 << 30)]

    @property
    def effects(self) -> tuple[Effect, ...]:
        return (Send(most=self.bytes),)


class GarbageBeforeHead(Fault, frozen=True):
    """Seeded random bytes, which are not HTTP, precede the status line; the connection closes after the response."""

    excludes: ClassVar = frozenset({"reply_lost", "empty_reply", "hang"})
    example: ClassVar = _example("status", times=1)
    length: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = 32


class GarbledBody(Fault, frozen=True):
    """The body is replaced by seeded random bytes of the same length, which are neither JSON nor a video."""

    applies_to: ClassVar = _RESPONSES | _WEBHOOK
    withholds: ClassVar = "body"
    example: ClassVar = _example("status", times=1)

    def corrupt(self, body: bytes, random: Random, /) -> bytes:
        return _NO_TEXT + random.randbytes(len(body) - 1)


class SlowDrip(Fault, frozen=True):
    """The body arrives in pieces, spread over a number of real seconds."""

    example: ClassVar = _example("media", seconds=0.5, pieces=5)
    seconds: _Seconds
    pieces: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 10

    @property
    def effects(self) -> tuple[Effect, ...]:
        return (Send(pieces=self.pieces, seconds=self.seconds),)


class Bandwidth(Fault, frozen=True):
    """The body arrives at this many bytes per real second, within an hour at most, as over a slow line."""

    excludes: ClassVar = frozenset({"slow_drip"})
    example: ClassVar = _example("media", bytes_per_second=120_000)
    bytes_per_second: Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]


class WrongContentType(Fault, frozen=True):
    """The right body under another Content-Type."""

    applies_to: ClassVar = _RESPONSES | _WEBHOOK
    example: ClassVar = _example("status", content_type="text/html")
    content_type: Annotated[str, msgspec.Meta(pattern=r"^[ -~]{1,200}\Z")] = "text/plain"


class CompletedWithoutMedia(Fault, frozen=True):
    """A COMPLETED response without any media in it: an empty `media_url`, `output` null, or no `output` at all."""

    applies_to: ClassVar = _STATUS | _WEBHOOK
    example: ClassVar = _example("status", output="null")
    output: Literal["empty", "null", "absent"] = "empty"

    def edit(self, members: dict[str, Any]) -> dict[str, Any]:
        if members.get("status") != Status.COMPLETED:
            return members
        if self.output == "absent":
            return {name: value for name, value in members.items() if name != "output"}
        if self.output == "null":
            return members | {"output": None}
        given = members.get("output")  # another fault may have changed it
        output = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
        return members | {"output": output | {"media_url": []}}

    def inapplicable(self, facts: Mapping[str, Any], /) -> str | None:
        word = facts.get("status") or "unknown"
        return None if word == Status.COMPLETED else f"completed_without_media needs COMPLETED, not {word}"


class UnknownStatus(Fault, frozen=True):
    """A status word that the page does not know, in place of the real one."""

    applies_to: ClassVar = _STATUS | _WEBHOOK
    example: ClassVar = _example("status", times=1)
    word: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "ARCHIVED"

    def edit(self, members: dict[str, Any]) -> dict[str, Any]:
        return members | {"status": self.word} if "status" in members else members

    def inapplicable(self, facts: Mapping[str, Any], /) -> str | None:
        return None if facts.get("status") else "unknown_status needs a status word, but the response has none"


class ChangedMembers(Fault, frozen=True):
    """A body whose members deviate: some are absent, renamed, null, or have another value; a dot leads into an object.

    `remove` and `null` are names, `rename` maps names to others, `set` maps names to values; an error response stays as it is.
    """

    applies_to: ClassVar = SUBMITS | _STATUS | _WEBHOOK
    example: ClassVar = _example("status", times=1, remove=("completed_at",))
    remove: _Names = ()
    rename: Annotated[dict[str, str], msgspec.Meta(max_length=100)] = {}
    null: _Names = ()
    set: Annotated[dict[str, Any], msgspec.Meta(max_length=100)] = {}

    def __post_init__(self) -> None:
        if not (self.remove or self.rename or self.null or self.set):
            raise ValueError("changed_members changes nothing: give it remove, rename, null or set")
        try:
            msgspec.json.encode(self.set)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"set cannot be written as JSON: {error}") from None

    def edit(self, members: dict[str, Any]) -> dict[str, Any]:
        if "error" in members and "status" not in members:
            return members
        members = deepcopy(members)
        for name in self.remove:
            _take(members, name)
        for name, other in self.rename.items():
            if (taken := _take(members, name)) is not msgspec.UNSET:
                _put(members, other, taken)
        for name, value in (dict.fromkeys(self.null) | self.set).items():
            _put(members, name, value)
        return members


def _holder(members: dict[str, Any], name: str) -> tuple[dict[str, Any] | None, str]:
    """The object that has a member, None where there is none, and the last part of the member's name."""
    *outer, last = name.split(".")
    found: Any = members
    for each in outer:
        found = cast("dict[str, Any]", found).get(each) if isinstance(found, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None, last


def _take(members: dict[str, Any], name: str) -> Any:
    """Remove a member; returns its value, or UNSET where it is absent."""
    found, last = _holder(members, name)
    return msgspec.UNSET if found is None else found.pop(last, msgspec.UNSET)


def _put(members: dict[str, Any], name: str, value: Any) -> None:
    found, last = _holder(members, name)
    if found is not None:
        found[last] = value


class NotFoundWindow(Fault, frozen=True):
    """A status read gets 404 until this many seconds (of the world's clock) after the submission was accepted."""

    applies_to: ClassVar = _STATUS
    excludes: ClassVar = frozenset({"media_gone"})
    example: ClassVar = _example("status", seconds=2)
    seconds: _Seconds = 3

    @property
    def effects(self) -> tuple[Effect, ...]:
        return (Respond(404),)

    def inapplicable(self, facts: Mapping[str, Any], /) -> str | None:
        age = facts.get("age")
        if age is not None and age < self.seconds:
            return None
        passed = "no generation has this id" if age is None else f"{age:g} s have passed"
        return f"not_found_window lasts for {self.seconds:g} s after the submission, {passed}"


class Stuck(Fault, frozen=True):
    """The generation is accepted and stays PROCESSING forever."""

    applies_to: ClassVar = SUBMITS
    example: ClassVar = _example("generate")


class MediaGone(Fault, frozen=True):
    """The video is no longer available."""

    applies_to: ClassVar = _MEDIA
    example: ClassVar = _example("media", status=410)
    status: Annotated[int, msgspec.Meta(ge=400, le=499)] = 404

    @property
    def effects(self) -> tuple[Effect, ...]:
        return (Respond(self.status),)


class Drop(Fault, frozen=True):
    """The webhook is never posted, and not retried."""

    applies_to: ClassVar = _WEBHOOK
    example: ClassVar = _example("webhook", times=1)


class Duplicate(Fault, frozen=True):
    """The webhook is posted this many times in all, at the same instant."""

    applies_to: ClassVar = _WEBHOOK
    example: ClassVar = _example("webhook", copies=3)
    copies: Annotated[int, msgspec.Meta(ge=2, le=10)] = 2


class Reorder(Fault, frozen=True):
    """The webhook lets the next one of its world go first; without a next one it is posted `within` seconds of the clock."""

    applies_to: ClassVar = _WEBHOOK
    excludes: ClassVar = frozenset({"delay", "uniform_delay", "lognormal_delay", "before_reply"})
    example: ClassVar = _example("webhook", times=1)
    within: _Seconds = 60


class BeforeReply(Fault, frozen=True):
    """The generation ends and its webhook is posted before the 202 of its submission is sent."""

    applies_to: ClassVar = _WEBHOOK
    excludes: ClassVar = frozenset({"delay", "uniform_delay", "lognormal_delay"})
    example: ClassVar = _example("webhook")


class StaleSignature(Fault, frozen=True):
    """The webhook is signed correctly, but as if this many seconds ago: a replay, which receivers refuse after five minutes."""

    applies_to: ClassVar = _WEBHOOK
    excludes: ClassVar = frozenset({"bad_signature"})
    needs_signature: ClassVar = True
    example: ClassVar = _example("webhook", times=1)
    seconds: Annotated[float, msgspec.Meta(ge=1, le=1e9)] = 600


class BadSignature(Fault, frozen=True):
    """The webhook is signed with a secret that is not the world's, as a forged one."""

    applies_to: ClassVar = _WEBHOOK
    needs_signature: ClassVar = True
    example: ClassVar = _example("webhook", times=1)


class TamperedBody(Fault, frozen=True):
    """One member of the webhook is changed after signing: still valid JSON, but not what the gateway signed."""

    applies_to: ClassVar = _WEBHOOK
    excludes: ClassVar = frozenset({"garbled_body"})
    example: ClassVar = _example("webhook", times=1)
    member: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "error"
    value: Annotated[str, msgspec.Meta(max_length=2000)] | None = "tampered with in transit"

    def corrupt(self, body: bytes, _: Random, /) -> bytes:
        try:
            members = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):  # a mutant's
            return body
        return msgspec.json.encode(members | {self.member: self.value})


class DeadReceiver(Fault, frozen=True):
    """The webhook is posted to a port on which nothing listens, as if the receiver were down; retries follow the policy."""

    applies_to: ClassVar = _WEBHOOK
    example: ClassVar = _example("webhook", times=1)


if TYPE_CHECKING:
    AnyFault = Fault
else:  # msgspec tells the kinds apart by their names
    AnyFault = reduce(lambda kinds, kind: kinds | kind, Fault.__subclasses__())
