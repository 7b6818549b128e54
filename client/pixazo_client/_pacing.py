"""What may be repeated, and after how long."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ._steps import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._steps import Answer


FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 8.0
LONGEST_RETRY_AFTER = 60.0


@dataclass(frozen=True, slots=True)
class Retry:
    """At most `limit` repetitions; `jitter` draws from [0, 1)."""

    limit: int
    jitter: Callable[[], float]

    def pause(self, method: str, answer: Answer, attempt: int) -> float | None:
        """Seconds to wait before the repetition numbered attempt (from 0); None if there may not be one."""
        if attempt >= self.limit or not _is_repeatable(method, answer):
            return None
        asked = retry_after(answer.headers, answer.received) if isinstance(answer, Reply) else None
        if asked is None:
            return self._backoff(attempt)
        return asked if asked <= LONGEST_RETRY_AFTER else None

    def _backoff(self, attempt: int) -> float:
        ceiling = min(FIRST_BACKOFF * 2.0 ** min(attempt, 10), LONGEST_BACKOFF)
        return ceiling * (1 - self.jitter() / 2)


def is_transient(answer: Answer) -> bool:
    """Might the same read succeed later? Lost, 408, 429 or 5xx."""
    return not isinstance(answer, Reply) or answer.status in {408, 429} or answer.status >= 500


def _is_repeatable(method: str, answer: Answer) -> bool:
    if method == "GET":
        return is_transient(answer)
    # A submission may have been accepted and charged unless it was never sent, or was turned away for its rate.
    return answer.status == 429 if isinstance(answer, Reply) else not answer.sent


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that Retry-After asks for, as a number or an HTTP-date; None if absent or unreadable.

    A date is measured against the answer's own Date, since clocks differ; against now (seconds since 1970) if it has none.
    """
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        until = _http_date(value)
        sent = _http_date(headers.get("Date") or "")
        seconds = math.nan if until is None else max(0.0, until - (now if sent is None else sent))
    return seconds if 0 <= seconds < math.inf else None


def _http_date(value: str) -> float | None:
    try:
        instant = parsedate_to_datetime(value)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
