"""The wallet of a world: entries, and the balance that they fold to."""

from __future__ import annotations

import heapq
from enum import StrEnum

import msgspec


class EntryKind(StrEnum):
    """Why the balance moved."""

    OPENING = "opening"
    DEBIT = "debit"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"


class Entry(msgspec.Struct, frozen=True, gc=False, order=True):
    """One movement: instant (UTC milliseconds), kind, amount (millionths of a dollar, negative when taken), request id."""

    instant: int
    kind: EntryKind
    amount: int
    request_id: str | None = None


class Ledger:
    """Append-only entries in the order of their instants; a refund that lies ahead is known from the start."""

    __slots__ = ("_ahead", "_entries", "_total")

    def __init__(self, opening: int, now: int) -> None:
        self._entries: list[Entry] = []
        self._ahead: list[Entry] = []
        self._total = 0
        self._enter(Entry(now, EntryKind.OPENING, opening))

    def _enter(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._total += entry.amount

    def _settle(self, now: int) -> None:
        while self._ahead and self._ahead[0].instant <= now:
            self._enter(heapq.heappop(self._ahead))

    def twin(self) -> Ledger:
        """One with the same entries, that goes its own way."""
        other = Ledger(0, 0)
        other._entries, other._ahead, other._total = list(self._entries), list(self._ahead), self._total
        return other

    def balance(self, now: int) -> int:
        """What can be spent at `now`, in millionths of a dollar."""
        self._settle(now)
        return self._total

    def entries(self, now: int) -> list[Entry]:
        """All entries up to `now`, oldest first."""
        self._settle(now)
        return list(self._entries)

    def debit(self, now: int, amount: int, request_id: str) -> None:
        """Take the price of a generation (WAL-01)."""
        self._settle(now)
        self._enter(Entry(now, EntryKind.DEBIT, -amount, request_id))

    def refund(self, instant: int, amount: int, request_id: str) -> None:
        """Give the price back at `instant`, which may lie ahead (WAL-02)."""
        heapq.heappush(self._ahead, Entry(instant, EntryKind.REFUND, amount, request_id))

    def adjust(self, now: int, balance: int) -> None:
        """Make the balance at `now` what the test wants it to be."""
        self._enter(Entry(now, EntryKind.ADJUSTMENT, balance - self.balance(now)))
