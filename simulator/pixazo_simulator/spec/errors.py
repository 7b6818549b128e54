"""Reasons to refuse a request, as values. Each reads as a phrase for the journal; what a client gets is in `responses`."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

import msgspec

from .text import beginning, dollars

__all__ = [
    "HEAD_LIMIT", "LONGEST_URL", "SMALL_BODY", "BodyTooLarge", "Broken", "InsufficientFunds", "InvalidBody",
    "InvalidKey", "InvalidParameters", "KeySuspended", "MissingKey", "ModelNotFound", "Problem", "Refusal", "Throttled",
    "TooManyBodies", "TooManyPending", "TooManyUnfinished", "UnknownRequest", "UnknownRoute", "UnsupportedMediaType",
    "Violation",
]  # fmt: skip

LONGEST_URL = 8000
"""Characters of a URL; RFC 9110, 4.1 asks every program to support at least this many."""
HEAD_LIMIT = 64 * 1024
"""Bytes of a request line and headers together; a longer head gets 431."""
SMALL_BODY = 64 * 1024
"""Bytes; a body of this size may contain any number of values, since they are read in milliseconds."""
MOST_COMMAS = 1000
"""Commas in a larger body, which contains an image or a long prompt; those in strings count, too. The page lists eight members."""
MOST_BRACKETS = 100_000
"""Opening brackets in a larger body, and opening braces; those in strings count, too."""

MISSHAPEN = {
    "empty": "is empty: a JSON object is expected",
    "byte_order_mark": "begins with a byte order mark: send UTF-8 without one",
    "compressed": "is compressed ({}): send it uncompressed",
    "encoding": "is not UTF-8: {}",
    "form": "is form data: send a JSON object",
    "malformed": "is not valid JSON: {}",
    "nested": "is nested too deeply",
    "number": "contains a number with too many digits or too large an exponent",
    "too_many_values": (
        f"is larger than {SMALL_BODY} bytes and has more than {MOST_COMMAS} commas, or {MOST_BRACKETS} opening brackets or braces"
    ),
    "object": "must be a JSON object, not {}",
}
"""What is wrong with a body that is not a JSON object, by `InvalidBody.fault`, with a placeholder for its detail."""


class Refusal(msgspec.Struct, frozen=True):
    """A reason to refuse a request; `phrase` is filled in with the members."""

    phrase: ClassVar[str] = ""

    def __str__(self) -> str:
        return self.phrase.format(self)


class UnknownRoute(Refusal, frozen=True):
    """No documented route has this path and method; `allow` names the method when only the method is wrong."""

    allow: str | None = None

    def __str__(self) -> str:
        return f"this path takes only {self.allow}" if self.allow else "no route of the gateway"


class MissingKey(Refusal, frozen=True):
    """No key, or a blank one."""

    phrase: ClassVar = "no API key"


class InvalidKey(Refusal, frozen=True):
    phrase: ClassVar = "the API key opens no world"


class KeySuspended(Refusal, frozen=True):
    phrase: ClassVar = "the API key is suspended"


class Throttled(Refusal, frozen=True):
    phrase: ClassVar = "over the rate limit, retry after {0.retry_after} s"
    retry_after: int


class TooManyUnfinished(Throttled, frozen=True):
    """As many generations as policy `concurrency` allows have not ended."""

    phrase: ClassVar = "{0.counted} not ended (policy concurrency), retry after {0.retry_after} s"
    unfinished: int

    @property
    def counted(self) -> str:
        return "1 generation has" if self.unfinished == 1 else f"{self.unfinished} generations have"


class Broken(Refusal, frozen=True):
    """The gateway fails, as the key `sim-broken` asks it to."""

    phrase: ClassVar = "the key makes the gateway fail"


class TooManyPending(Refusal, frozen=True):
    """A bound of the simulator itself: `limit` webhook deliveries wait already."""

    phrase: ClassVar = "{0.limit} webhook deliveries wait already (bound pending)"
    limit: int


class TooManyBodies(Refusal, frozen=True):
    """A bound of the simulator itself: the bodies of the requests in progress exceed `limit` bytes."""

    phrase: ClassVar = "the bodies in progress exceed {0.limit} bytes"
    limit: int


class BodyTooLarge(Refusal, frozen=True):
    """More than `limit` bytes (policy `body_limit`)."""

    phrase: ClassVar = "the body is larger than {0.limit} bytes"
    limit: int


class UnsupportedMediaType(Refusal, frozen=True):
    """The body is not declared as JSON (policy `content_type`)."""

    content_type: str | None

    @property
    def given(self) -> str:
        """The Content-Type in words."""
        return f"{beginning(self.content_type, 80)!r}" if self.content_type else "missing"

    phrase: ClassVar = "Content-Type is {0.given}: send application/json"


class InvalidBody(Refusal, frozen=True):
    """Not a JSON object, or one of more values than the simulator takes; `fault` is a name in MISSHAPEN, `detail` what was found, or where."""

    fault: str
    detail: str = ""

    def __str__(self) -> str:
        return f"the body {MISSHAPEN[self.fault].format(self.detail)}"


class ModelNotFound(Refusal, frozen=True):
    """No such model, or a disabled one."""

    phrase: ClassVar = "model {0.model_id} is unknown or disabled"
    model_id: str


class Violation(Enum):
    """The rules of the page that a member or header can break; the value is the sentence about it, with placeholders for values."""

    REQUIRED = "is required"
    WANTED = "must be {}, not {}"
    HAS = "must have {}, not {}"
    BLANK = "must not be blank"
    LENGTH = "must have at most {} characters, not {}"
    COMBO = "1080P is not available with a duration of 10 seconds"
    UNKNOWN = "is not a parameter of this operation{}"
    MAGIC = "contains {}, which is not a magic mark of the simulator: {}"
    MODERATED = "was rejected by content moderation: it may contain sensitive content"
    URL = "must be an absolute http or https URL: {}"
    HTTPS = "must be an https URL"
    # page, Request Parameters, first_frame_image: public URLs or Base64 data URLs; JPG/JPEG/PNG/WebP, <20MB, short side >300px,
    # aspect ratio 2:5 to 5:2
    IMAGE_URL = "must be a public http or https URL, or a Base64 data URL: {}"
    DATA_URL = "must be a Base64 data URL of a JPEG, PNG or WebP image: {}"
    UNREACHABLE = "could not be fetched"
    IMAGE_FORMAT = "must be a JPEG, PNG or WebP image, not {}"
    IMAGE_TYPE = "is declared as {} and contains {}"
    IMAGE_SIZE = "must be smaller than 20 MB ({} bytes), not {} bytes"
    IMAGE_DAMAGED = "is damaged or cut short"
    IMAGE_SIDE = "must have a short side of more than 300 px, not {}"
    IMAGE_RATIO = "must have an aspect ratio from 2:5 to 5:2, not {}:{}"


class Problem(msgspec.Struct, frozen=True):
    """One member (or header) that breaks one rule, with the values that the sentence about it needs."""

    member: str
    violation: Violation
    values: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        return f"{self.member} {self.violation.value.format(*self.values)}"


class InvalidParameters(Refusal, frozen=True):
    """Every rule that the parameters break."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.problems))


class InsufficientFunds(Refusal, frozen=True):
    """The wallet does not have `required` (millionths of a dollar)."""

    required: int

    def __str__(self) -> str:
        return f"the wallet has less than ${dollars(self.required)}"


class UnknownRequest(Refusal, frozen=True):
    """No generation of this caller has this id; `foreign` when another caller's has."""

    request_id: str
    foreign: bool = False

    def __str__(self) -> str:
        return f"request {self.request_id} {'belongs to another key' if self.foreign else 'is unknown'}"
