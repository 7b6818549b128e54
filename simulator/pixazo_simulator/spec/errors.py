"""Reasons to refuse a call, as values; each is a phrase for the journal, InvalidParameters is worded by `wire`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from .text import beginning


@dataclass(frozen=True, slots=True)
class UnknownRoute:
    """No documented route has this path and method; `allow` names the methods when only the method is wrong."""

    allow: str | None = None

    def __str__(self) -> str:
        return f"this path takes only {self.allow}" if self.allow else "no route of the gateway"


@dataclass(frozen=True, slots=True)
class MissingKey:
    """No key, or a blank one."""

    def __str__(self) -> str:
        return "no API key"


@dataclass(frozen=True, slots=True)
class InvalidKey:
    """A key that opens no world."""

    def __str__(self) -> str:
        return "the API key opens no world"


@dataclass(frozen=True, slots=True)
class KeySuspended:
    """A known key that may not do this."""

    def __str__(self) -> str:
        return "the API key is suspended"


@dataclass(frozen=True, slots=True)
class Throttled:
    """Over the rate limit; served again after so many seconds."""

    retry_after: int

    def __str__(self) -> str:
        return f"over the rate limit, retry after {self.retry_after} s"


@dataclass(frozen=True, slots=True)
class Broken:
    """The gateway fails, as the key `sim-broken` asks it to."""

    def __str__(self) -> str:
        return "the gateway fails, as the key wants it"


@dataclass(frozen=True, slots=True)
class TooManyPending:
    """A bound of the simulator itself: `limit` webhook deliveries wait already."""

    limit: int

    def __str__(self) -> str:
        return f"{self.limit} webhook deliveries wait already (bound pending)"


@dataclass(frozen=True, slots=True)
class TooManyBodies:
    """A bound of the simulator itself: the bodies of callers that are being served come to more than `limit` bytes."""

    limit: int

    def __str__(self) -> str:
        return f"the bodies under way come to more than {self.limit} bytes"


@dataclass(frozen=True, slots=True)
class BodyTooLarge:
    """More than `limit` bytes."""

    limit: int

    def __str__(self) -> str:
        return f"the body is larger than {self.limit} bytes"


@dataclass(frozen=True, slots=True)
class UnsupportedMediaType:
    """The body is not declared as JSON."""

    content_type: str | None

    def __str__(self) -> str:
        told = f"{beginning(self.content_type, 80)!r}" if self.content_type else "missing"
        return f"Content-Type is {told}: send application/json"


LONGEST_URL = 8000
"""Characters of a URL; RFC 9110, 4.1 asks every program to take so many."""
SMALL_BODY = 64 * 1024
"""Bytes; a body of this size may hold as many values as fit in."""
MOST_COMMAS = 1000
"""Commas in a larger body; those in texts count, too."""
MOST_BRACKETS = 100_000
"""Opening brackets in a larger body, and opening braces; those in texts count, too."""

_MISSHAPEN = {
    "empty": "empty",
    "malformed": "not valid JSON",
    "nested": "nested too deeply",
    "crowded": (
        f"larger than {SMALL_BODY} bytes and has more than {MOST_COMMAS} commas, or {MOST_BRACKETS} opening brackets or braces"
    ),
    "object": "no JSON object",
}


@dataclass(frozen=True, slots=True)
class InvalidBody:
    """Not a JSON object; `fault` is `empty`, `malformed`, `nested` (too deep) or `object` (some other JSON value).

    `crowded` is a bound of the simulator itself: a large body of more than MOST_COMMAS commas, or of more than MOST_BRACKETS
    opening brackets or braces.
    """

    fault: str

    def __str__(self) -> str:
        return f"the body is {_MISSHAPEN[self.fault]}"


@dataclass(frozen=True, slots=True)
class ModelNotFound:
    """No such model, or a disabled one."""

    model_id: str

    def __str__(self) -> str:
        return f"model {self.model_id} is unknown or disabled"


class Rule(Enum):
    """The rules that a member or header can break; `wire` words them."""

    REQUIRED = auto()
    STRING = auto()
    BOOLEAN = auto()
    NUMBER = auto()
    INTEGER = auto()
    POSITIVE = auto()
    ONE_OF = auto()
    BLANK = auto()
    LENGTH = auto()
    COMBO = auto()
    UNKNOWN = auto()
    MAGIC = auto()
    MODERATED = auto()
    URL = auto()
    URL_LENGTH = auto()
    HTTPS = auto()
    IMAGE_URL = auto()
    DATA_URL = auto()
    UNREACHABLE = auto()
    IMAGE_FORMAT = auto()
    IMAGE_SIZE = auto()
    IMAGE_SEGMENTS = auto()
    IMAGE_DAMAGED = auto()
    IMAGE_SIDE = auto()
    IMAGE_RATIO = auto()


@dataclass(frozen=True, slots=True)
class Problem:
    """One member (or header) that breaks one rule, with the values that the sentence about it needs."""

    member: str
    rule: Rule
    values: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class InvalidParameters:
    """Every rule that the parameters break."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class InsufficientFunds:
    """The wallet does not hold `required` (millionths of a dollar)."""

    required: int

    def __str__(self) -> str:
        return f"the wallet holds less than ${self.required / 1_000_000:g}"


@dataclass(frozen=True, slots=True)
class UnknownRequest:
    """No generation of this caller has this id; `foreign` when another caller's has."""

    request_id: str
    foreign: bool = False

    def __str__(self) -> str:
        told = f"request {self.request_id}"
        return f"{told} belongs to another key" if self.foreign else f"{told} is unknown"


Refusal = (
    UnknownRoute
    | MissingKey
    | InvalidKey
    | KeySuspended
    | Throttled
    | Broken
    | TooManyPending
    | TooManyBodies
    | BodyTooLarge
    | UnsupportedMediaType
    | InvalidBody
    | ModelNotFound
    | InvalidParameters
    | InsufficientFunds
    | UnknownRequest
)


HEAD_LIMIT = 64 * 1024
"""Bytes of a request line and headers together; a longer head is answered 431."""
