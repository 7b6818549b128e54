"""An order of events, as a gateway and a network may produce it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

MOST_ARRIVALS = 3
"""Arrivals of the callback of one generation, at most: the first, then duplicates or retries."""


class Kind(IntEnum):
    """An action of the app, or something that happens to it."""

    SUBMIT = 0
    CALLBACK = 1
    POLL = 2


class Sees(IntEnum):
    """The state that a poll returns; it never goes back (page, Status Flow)."""

    QUEUED = 0
    PROCESSING = 1
    END = 2


@dataclass(frozen=True, slots=True)
class EventStep:
    """A submit, a poll, or the arrival of a callback.

    `overtaken` counts the callbacks that arrive after the gateway has sent its response and before the app has received it.
    """

    kind: Kind
    sees: Sees = Sees.QUEUED
    overtaken: int = 0

    @property
    def arrivals(self) -> int:
        return self.overtaken + (self.kind is Kind.CALLBACK)

    @property
    def size(self) -> int:
        return self.overtaken + 1


@dataclass(frozen=True, slots=True)
class Order:
    """Steps, beginning with the submit; each is legal after those before it.

    An order is legal if the page and the policy allow it: no callback before the acceptance, callbacks of the end only, no state
    that goes back, duplicates and retries at any time.
    """

    steps: tuple[EventStep, ...]

    @property
    def size(self) -> int:
        return sum(step.size for step in self.steps)

    @property
    def arrivals(self) -> int:
        return sum(step.arrivals for step in self.steps)

    @property
    def sees(self) -> Sees:
        """The latest state that the app may have seen."""
        return Sees.END if self.arrivals else max((step.sees for step in self.steps), default=Sees.QUEUED)

    def then(self, step: EventStep) -> Order:
        return Order((*self.steps, step))

    def continuations(self, *, polls: bool, callbacks: bool) -> Iterator[EventStep]:
        """Every step that is legal next, smallest first, for an app that polls or takes callbacks, or both."""
        left = MOST_ARRIVALS - self.arrivals if callbacks else 0
        if not self.steps:
            yield from (EventStep(Kind.SUBMIT, overtaken=count) for count in range(left + 1))
            return
        if left:
            yield EventStep(Kind.CALLBACK)
        if polls:
            seen = [sees for sees in reversed(Sees) if sees >= self.sees]
            yield from (EventStep(Kind.POLL, sees, count) for count in range(left + 1) for sees in seen)


def orders(size: int, *, polls: bool, callbacks: bool) -> Iterator[Order]:
    """Every order of that size after which the app can know that its generation has ended."""
    grown = deque([Order(())])
    while grown:
        order = grown.popleft()
        if order.size == size and order.sees is Sees.END:
            yield order
        steps = (order.then(step) for step in order.continuations(polls=polls, callbacks=callbacks))
        grown.extend(longer for longer in steps if longer.size <= size)
