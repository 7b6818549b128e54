"""When the next request is sent: the interval between two reads, which calls are repeated, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from ._exchange import Outcome, Response

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 8.0
LONGEST_RETRY_AFTER = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Polling:
    """The interval between two reads of a wait: 5 to 10 seconds, as the page advises (Typical Workflow, step 3).

    Attributes:
        shortest: seconds between two reads, at least.
        longest: seconds between two reads, at most.
        random: returns a number in [0, 1), which places each read within that range. It also spreads the backoffs, so
            that clients that failed together do not return together.

    Raises:
        ValueError: not 0 <= shortest <= longest.
    """

    shortest: float = 5.0
    longest: float = 10.0
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if not 0 <= self.shortest <= self.longest:
            raise ValueError(f"Polling from {self.shortest} to {self.longest} s: give 0 <= shortest <= longest")

    def interval(self) -> float:
        """Seconds until the next read."""
        return self.shortest + (self.longest - self.shortest) * self.random()


@dataclass(frozen=True, slots=True)
class Retry:
    """Repeats a call at most `limit` times; `jitter` returns a number in [0, 1)."""

    limit: int
    jitter: Callable[[], float]

    def pause(self, method: str, outcome: Outcome, attempt: int) -> float | None:
        """Seconds to wait before the repetition numbered attempt (from 0); None if the call is not repeated."""
        if attempt >= self.limit or not _is_repeatable(method, outcome):
            return None
        asked = outcome.retry_after if isinstance(outcome, Response) else None
        if asked is None:
            ceiling = min(FIRST_BACKOFF * 2.0 ** min(attempt, 10), LONGEST_BACKOFF)
            return ceiling * (1 - self.jitter() / 2)
        # A longer wait is the caller's decision: the error carries retry_after.
        return asked if asked <= LONGEST_RETRY_AFTER else None


def is_transient(outcome: Outcome) -> bool:
    """Whether the same read might succeed later: there was no response, or it was 408, 429 or 5xx."""
    return not isinstance(outcome, Response) or outcome.status in {408, 429} or outcome.status >= 500


def _is_repeatable(method: str, outcome: Outcome) -> bool:
    if method == "GET":
        return is_transient(outcome)
    # The gateway documents no idempotency key. A submission may have been accepted and charged unless it was never
    # sent, or was refused for its rate.
    return outcome.status == 429 if isinstance(outcome, Response) else not outcome.sent
