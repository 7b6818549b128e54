"""Instants as the gateway writes them, and the gateway's clock as far as a trace shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from .exchange import Exchange
from .trace import Generation

#: The three timestamps of the page's Response (Completed), and their printed form: "2026-03-31T10:00:00.000Z".
STAMPS: Final = ("created_at", "updated_at", "completed_at")
STAMP: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z")

#: A clock is fitted only to at least this many submits, over at least this many seconds; each took at most this many seconds,
#: and lies at most this many seconds off the line.
FEWEST_POINTS: Final = 3
SHORTEST_SPAN: Final = 0.5
WORST_MISFIT: Final = 0.1


def instant(value: object) -> float | None:
    """A timestamp in seconds since 1970, or None; one without a zone is read as UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def http_date(value: str | None) -> float | None:
    """A Date header in seconds since 1970, or None."""
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, OverflowError):
        return None


def whole_number(value: str | None) -> int | None:
    """A number as `Retry-After` and `Content-Length` write it, or None; more than nine digits are taken for a mistake."""
    return int(value) if value and re.fullmatch(r"[0-9]{1,9}", value) else None


def created(generation: Generation) -> float | None:
    """The first `created_at` that was read."""
    stamps = (instant(read.members.get("created_at")) for read in generation.reads)
    return next((stamp for stamp in stamps if stamp is not None), None)


@dataclass(frozen=True, slots=True)
class GatewayClock:
    """The gateway's clock as a straight line over ours: `rate` of its seconds in one of ours."""

    rate: float
    at_zero: float

    def ours(self, stamp: float) -> float:
        """When, on the run's clock, the gateway's clock showed `stamp`."""
        return (stamp - self.at_zero) / self.rate


def _middle(exchange: Exchange) -> float:
    return (exchange.started + exchange.finished) / 2


def fit_clock(generations: Sequence[Generation]) -> GatewayClock | None:
    """The gateway's clock, from when submits were sent and their `created_at`; None unless all lie on one line."""
    points = [
        (g.submit, stamp) for g in generations if g.submit.latency <= WORST_MISFIT and (stamp := created(g)) is not None
    ]
    if len(points) < FEWEST_POINTS:
        return None
    (first, zero), (last, end) = points[0], points[-1]
    span = _middle(last) - _middle(first)
    if span < SHORTEST_SPAN or end <= zero:
        return None
    rate = (end - zero) / span
    clock = GatewayClock(rate, zero - rate * _middle(first))
    off = max(abs(clock.ours(stamp) - _middle(submit)) for submit, stamp in points)
    return clock if off <= WORST_MISFIT else None
