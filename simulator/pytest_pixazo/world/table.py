"""What happened, as a table for people: a line for each thing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .values.delivery import Delivery
    from .values.exchange import Exchange
    from .values.generation import Generation


MOST_LINES = 60
"""Lines of a table; of more, the first and the last are shown."""
LONGEST_REASON = 160
"""Characters of a reason, which may quote what the app sent."""


def exchange_table(exchanges: Sequence[Exchange]) -> str:
    """Number, time of the world, request, answer and why; then rule and faults, if any."""
    return _table([_exchange(each) for each in exchanges]) or "no request"


def _exchange(exchange: Exchange) -> tuple[str, ...]:
    marks = [mark for mark in (exchange.rule, ", ".join(exchange.faults)) if mark]
    told = " | ".join([_cut(exchange.reason), *marks])
    return str(exchange.number), _time(exchange.at), f"{exchange.method} {exchange.target}", f"{exchange.status} {told}"


def delivery_table(deliveries: Sequence[Delivery]) -> str:
    """Number, when it is due, receiver, its generation and what each attempt came to."""
    return _table([_delivery(each) for each in deliveries]) or "no callback"


def _delivery(delivery: Delivery) -> tuple[str, ...]:
    return str(delivery.number), _time(delivery.due_at), f"POST {delivery.url}", _cut(delivery.story)


def generation_table(generations: Sequence[Generation]) -> str:
    """When it was accepted, request id, operation and status."""
    return _table([(_time(each.accepted_at), each.request_id, each.status) for each in generations]) or "no generation"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    left_out = len(lines) - MOST_LINES
    if left_out > 0:
        half = MOST_LINES // 2
        lines[half : half + left_out] = [f"... {left_out} more ..."]
    return "\n".join(lines)


def _time(instant: datetime) -> str:
    return f"{instant:%H:%M:%S}.{instant.microsecond // 1000:03d}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}..."
