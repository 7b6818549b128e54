"""The account of a world: its wallet, its rate limit, and the switches that a test may set."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import chain
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from pixazo_simulator.spec import LAST_INSTANT, SECOND, ImageFacts, Plan, Policy, RateLimit, Status, TooManyUnfinished

from .part import Part

__all__ = ["Entry", "EntryKind", "Ledger", "refund_due"]

REFUNDED = {"error": (Status.ERROR,), "error_failed": (Status.ERROR, Status.FAILED)}
"""The outcomes after which the price is refunded, by value of policy `refunds`."""


class EntryKind(StrEnum):
    """Why the balance moved."""

    OPENING = "opening"
    DEBIT = "debit"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"


class Entry(msgspec.Struct, frozen=True, gc=False, order=True, array_like=True):
    """One movement: `at` an instant (UTC milliseconds), kind, amount (millionths of a dollar, negative when taken), request id."""

    at: int
    kind: EntryKind
    amount: int
    request_id: str | None = None


_IN_A_LIST = 4096


class Ledger(Part):
    """Append-only entries in the order of their instants; a future refund is known from the start.

    All but the latest are in tuples, which the garbage collector does not inspect: for a million in a list it would take 15 ms.
    """

    _total: int
    _entries: list[Entry]
    _earlier: list[tuple[Entry, ...]] = []
    _ahead: list[Entry] = []

    @classmethod
    def opened(cls, balance: int, now: int) -> Ledger:
        return cls(balance, [Entry(now, EntryKind.OPENING, balance)])

    def _enter(self, entry: Entry) -> None:
        if len(self._entries) >= _IN_A_LIST:
            self._earlier.append(tuple(self._entries))
            self._entries.clear()
        self._entries.append(entry)
        self._total += entry.amount

    def _settle(self, now: int) -> None:
        while self._ahead and self._ahead[0].at <= now:
            self._enter(heapq.heappop(self._ahead))

    def _due(self, now: int) -> list[Entry]:
        """The refunds up to `now` that are not entered. Readers enter none: commands of an earlier instant may follow."""
        if not self._ahead or self._ahead[0].at > now:
            return []
        return sorted(each for each in self._ahead if each.at <= now)

    def balance(self, now: int) -> int:
        """What can be spent at `now`, in millionths of a dollar."""
        return self._total + sum(each.amount for each in self._due(now))

    def entries(self, now: int) -> list[Entry]:
        """All entries up to `now`, oldest first."""
        return [*chain.from_iterable(self._earlier), *self._entries, *self._due(now)]

    def begin(self, entries: Iterable[Entry], now: int) -> None:
        """Enter what happened until `now`, when the opening is the only entry, and what is in the future.

        The opening comes before, and the balance does not change.
        """
        self._ahead = sorted(entries)
        (opening,), earlier = self._entries, [each for each in self._ahead if each.at <= now]
        spent = sum(each.amount for each in earlier)
        self._entries = [replace(opening, at=min([opening, *earlier]).at, amount=opening.amount - spent)]
        self._total -= spent
        self._settle(now)

    def debit(self, now: int, amount: int, request_id: str) -> None:
        """Take the price of a generation (WAL-01)."""
        if self._ahead:
            self._settle(now)
        self._enter(Entry(now, EntryKind.DEBIT, -amount, request_id))

    def refund(self, instant: int, amount: int, request_id: str) -> None:
        """Refund the price at `instant`, which may be in the future (WAL-02)."""
        heapq.heappush(self._ahead, Entry(instant, EntryKind.REFUND, amount, request_id))

    def move_refund(self, request_id: str, instant: int) -> None:
        """Refund the price of this generation at another instant, if it is refunded at all and has not been yet."""
        places = [place for place, each in enumerate(self._ahead) if each.request_id == request_id]
        for place in places:
            self._ahead[place] = replace(self._ahead[place], at=instant)
        if places:
            heapq.heapify(self._ahead)

    def adjust(self, now: int, balance: int) -> None:
        """Set the balance at `now` to what the test wants."""
        self._settle(now)
        self._enter(Entry(now, EntryKind.ADJUSTMENT, balance - self._total))


def affords(ledger: Ledger, price: int, now: int) -> bool:
    """Whether a price (millionths of a dollar) can be paid at `now` (ERR-402-01)."""
    return ledger.balance(now) >= price


def refund_due(plan: Plan, price: int, policy: Policy) -> int:
    """What is refunded when the generation ends, in millionths of a dollar: all or nothing (WAL-02, WAL-03)."""
    return price if plan.outcome in REFUNDED[policy.refunds] else 0


class Quota(Part):
    """How much of the current window is used; the window begins with the first call after the last one ended."""

    _began: int = 0
    _used: int = 0

    def take(self, limit: RateLimit | None, now: int) -> int | None:
        """Count one call at `now` (UTC milliseconds): None when it is allowed, else the whole seconds to wait."""
        if limit is None:
            return None
        window = limit.seconds * SECOND
        if now >= self._began + window:
            self._began, self._used = now, 0
        if self._used < limit.calls:
            self._used += 1
            return None
        return max(1, -(-(self._began + window - now) // SECOND))

    def is_used_up(self, limit: RateLimit, now: int) -> bool:
        """Whether a call at `now` would have to wait; it is not counted."""
        return (now < self._began + limit.seconds * SECOND and self._used >= limit.calls) or not limit.calls

    def exhaust(self, limit: RateLimit, now: int) -> None:
        """Use up the window that begins at `now`."""
        self._began, self._used = now, limit.calls


class Unfinished(Part):
    """When the unfinished generations end; they are entered only while policy `concurrency` requires it."""

    _ends: dict[str, int] = {}

    def add(self, request_id: str, end: int) -> None:
        """A generation ends at an instant (UTC milliseconds), in place of any earlier entry."""
        self._ends[request_id] = end

    def refuse(self, limit: int | None, now: int) -> TooManyUnfinished | None:
        """Why one more is too many at `now`, None when it is not (policy `concurrency`)."""
        if limit is None:
            return None
        self._ends = {request_id: end for request_id, end in self._ends.items() if end > now}
        if len(self._ends) < limit:
            return None
        first = min(self._ends.values())
        wait = -(-(first - now) // SECOND) if first <= LAST_INSTANT else 1
        return TooManyUnfinished(wait, len(self._ends))


class Account(Part):
    """The caller's account; `images` are those at URLs (policy `image_urls`, value `table`)."""

    DERIVED: ClassVar = frozenset({"affords"})

    ledger: Ledger
    magic: bool = True
    affords: Callable[[Ledger, int, int], bool] = affords
    quota: Quota = msgspec.field(default_factory=Quota)
    unfinished: Unfinished = msgspec.field(default_factory=Unfinished)
    suspended: bool = False
    broken: bool = False
    model_enabled: bool = True
    images: dict[str, ImageFacts] = {}
