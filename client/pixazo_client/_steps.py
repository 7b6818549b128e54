"""What a conversation asks of its driver, and what it is told."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from ._transfer import Transfer


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Send:
    """Send this to the gateway, following no redirect. Answered with a Reply or a Lost."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)  # holds the key
    content: bytes | None = field(default=None, repr=False)
    within: float = math.inf  # seconds for the whole exchange, besides the limits of its phases


@dataclass(frozen=True, slots=True)
class Pause:
    """Let so many seconds pass. Answered with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fetch:
    """Bring a file from a media host, without the key. Answered with its path, or a Reply that is not 200, or a Lost."""

    url: str
    transfer: Callable[[], Transfer]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer came, at this time (seconds since 1970)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received: float
    problem: str | None = None  # why the body is not whole, such as "has more than 4194304 bytes"

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 become replacement characters."""
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came; `sent` is False only if no connection was made."""

    sent: bool
    timed_out: bool
    reason: str
    cause: Exception


Answer: TypeAlias = Reply | Lost
Step: TypeAlias = Send | Pause | Fetch
# What is sent in depends on what was yielded, which a Generator cannot say: hence Any.
Flow: TypeAlias = "Generator[Step, Any, T]"
