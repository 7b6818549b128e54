"""What was said on the wire, in order, within bounds."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote

import msgspec

__all__ = ["REDACTED", "Exchange", "Journal", "Limits", "redacted"]

REDACTED = "[redacted]"
SHORTEST_SECRET = 8
"""Characters; a shorter key is no secret, and taking it out of texts would garble them."""


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a journal: exchanges kept, bytes kept of one body."""

    exchanges: int = 4096
    body: int = 16 * 1024


class Exchange(msgspec.Struct, frozen=True):
    """One request and its answer: number, instant (UTC milliseconds), and both sides as they crossed the wire.

    `reason` tells why the simulator answered so; bodies longer than the limit are cut, their length is kept.
    """

    number: int
    instant: int
    method: str
    target: str
    request_headers: list[tuple[bytes, bytes]]
    request_body: bytes
    request_length: int
    status: int
    response_body: bytes
    reason: str


class Journal:
    """The latest exchanges of a world; when it is full the oldest gives way, and `dropped` says how many did."""

    __slots__ = ("_exchanges", "_limits", "_total")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._exchanges: deque[Exchange] = deque(maxlen=limits.exchanges)
        self._total = 0

    @property
    def total(self) -> int:
        """How many exchanges there were."""
        return self._total

    @property
    def dropped(self) -> int:
        """How many exchanges had to give way."""
        return self._total - len(self._exchanges)

    def record(
        self,
        instant: int,
        method: str,
        target: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        status: int,
        answer: bytes,
        reason: str,
    ) -> None:
        """Enter one exchange, before its answer leaves."""
        self._total += 1
        limit = self._limits.body
        self._exchanges.append(
            Exchange(
                self._total, instant, method, target, headers, body[:limit], len(body), status, answer[:limit], reason
            )
        )

    def amend(self, status: int, answer: bytes, reason: str) -> None:
        """Correct the answer of the latest exchange, which was changed on its way out; the reason is added to."""
        if self._exchanges:
            latest = self._exchanges[-1]
            self._exchanges[-1] = msgspec.structs.replace(
                latest, status=status, response_body=answer[: self._limits.body], reason=f"{latest.reason}; {reason}"
            )

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._exchanges))

    def __len__(self) -> int:
        return len(self._exchanges)


def redacted(text: str, *keys: str | None) -> str:
    """The text without the keys, wherever they stand: as they are, as JSON writes them, as a URL writes them."""
    for key in keys:
        if key and len(key) >= SHORTEST_SECRET:
            for spelling in _spellings(key):
                text = text.replace(spelling, REDACTED)
    return text


@lru_cache
def _spellings(key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((key, json.dumps(key)[1:-1], quote(key), quote(key, safe=""))))
