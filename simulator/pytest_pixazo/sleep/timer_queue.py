"""Who is to be woken when."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

SWEEP = 1000
"""Tickets from which on those that matter no more are looked for: most deadlines are never reached."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A wish to be woken at an instant, in nanoseconds of virtual time.

    A sleeper drives: time moves for its sake. A deadline only follows: it is kept when time moves that far.
    """

    due: int
    wake: Callable[[], object]
    drives: bool = True
    alive: Callable[[], bool] | None = None
    """Tells whether a deadline still matters."""
    woken: bool = False
    error: Exception | None = None
    """Why time could not move."""


class Agenda:
    """Tickets in the order of their instants, and of their entry where these are equal."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Ticket]] = []
        self._entered = 0
        self._driving: set[Ticket] = set()
        self._sweep = SWEEP

    @property
    def size(self) -> int:
        """How many tickets it holds, with those that matter no more."""
        return len(self._heap)

    def enter(self, ticket: Ticket) -> None:
        """Add a ticket."""
        self._entered += 1
        heapq.heappush(self._heap, (ticket.due, self._entered, ticket))
        if ticket.drives:
            self._driving.add(ticket)
        if len(self._heap) > self._sweep:
            self._heap = [entry for entry in self._heap if _matters(entry[2])]
            heapq.heapify(self._heap)
            self._sweep = max(SWEEP, 2 * len(self._heap))

    def leave(self, ticket: Ticket) -> None:
        """Forget a sleeper, which may have left already."""
        ticket.woken = True
        self._driving.discard(ticket)

    def next_due(self) -> int | None:
        """The next instant that somebody waits for; None while nobody sleeps."""
        while self._heap and not _matters(self._heap[0][2]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._driving else None

    def take(self, until: int | None = None) -> list[Ticket]:
        """The tickets due by an instant, or all, each once, in order; they are woken now."""
        taken: list[Ticket] = []
        while self._heap and (until is None or self._heap[0][0] <= until):
            ticket = heapq.heappop(self._heap)[2]
            if _matters(ticket):
                taken.append(ticket)
                self.leave(ticket)
        return taken


def _matters(ticket: Ticket) -> bool:
    return not ticket.woken and (ticket.alive is None or ticket.alive())
