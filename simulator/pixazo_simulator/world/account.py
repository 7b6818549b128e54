"""The wallet of a world: entries, and the balance that they fold to."""

from __future__ import annotations

import heapq
from enum import StrEnum

import msgspec

from pixazo_simulator.spec import Plan, Policy, Status

from .fork import Part

REFUNDED = {"error": (Status.ERROR,), "error_failed": (Status.ERROR, Status.FAILED)}
"""The outcomes after which the price is given back, by value of policy `refunds`."""


class EntryKind(StrEnum):
    """Why the balance moved."""

    OPENING = "opening"
    DEBIT = "debit"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"


class Entry(msgspec.Struct, frozen=True, gc=False, order=True):
    """One movement: `at` an instant (UTC milliseconds), kind, amount (millionths of a dollar, negative when taken), request id."""

    at: int
    kind: EntryKind
    amount: int
    request_id: str | None = None


class Ledger(Part):
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
        while self._ahead and self._ahead[0].at <= now:
            self._enter(heapq.heappop(self._ahead))

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


def affords(ledger: Ledger, price: int, now: int) -> bool:
    """Whether a price (millionths of a dollar) can be paid at `now` (ERR-402-01)."""
    return ledger.balance(now) >= price


def refund_due(plan: Plan, price: int, policy: Policy) -> int:
    """What is given back when the generation ends, in millionths of a dollar: all or nothing (WAL-02, WAL-03)."""
    return price if plan.outcome in REFUNDED[policy.refunds] else 0
