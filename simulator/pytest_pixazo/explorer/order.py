"""An order in which an app may meet what a gateway and a network do to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

MOST_ARRIVALS = 3
"""How often the callback of one generation arrives at most: once, and again as a duplicate or a retry."""


class Kind(IntEnum):
    """What the app does or meets."""

    SUBMIT = 0
    CALLBACK = 1
    POLL = 2


class Sees(IntEnum):
    """The state that a poll is answered with; it never goes back."""

    QUEUED = 0
    PROCESSING = 1
    END = 2


@dataclass(frozen=True, slots=True)
class Step:
    """A submit, a poll, or the arrival of a callback.

    `overtaken` counts the callbacks that arrive after the gateway has answered and before its answer has arrived.
    """

    kind: Kind
    sees: Sees = Sees.QUEUED
    overtaken: int = 0

    @property
    def arrivals(self) -> int:
        """How many callbacks arrive in it."""
        return self.overtaken + (self.kind is Kind.CALLBACK)

    @property
    def size(self) -> int:
        """How many events there are in it, one after another."""
        return self.overtaken + 1


@dataclass(frozen=True, slots=True)
class Order:
    """Steps from the submit on; each is legal after those before it.

    Legal is what the page and the policy allow: no callback before the acceptance, none but that of the end, states that
    never go back, duplicates and retries at any time.
    """

    steps: tuple[Step, ...]

    @property
    def size(self) -> int:
        """How many events there are in it."""
        return sum(step.size for step in self.steps)

    @property
    def arrivals(self) -> int:
        """How many callbacks arrive in it."""
        return sum(step.arrivals for step in self.steps)

    @property
    def sees(self) -> Sees:
        """The state that the gateway has been seen in."""
        return Sees.END if self.arrivals else max((step.sees for step in self.steps), default=Sees.QUEUED)

    @property
    def tells_the_end(self) -> bool:
        """Whether the app can know in the end that its generation has ended."""
        return self.sees is Sees.END

    def then(self, step: Step) -> Order:
        """The order with one more step."""
        return Order((*self.steps, step))

    def continuations(self, *, polls: bool, callbacks: bool) -> Iterator[Step]:
        """Every step that is legal next, smallest first, for an app that polls or takes callbacks, or both."""
        left = MOST_ARRIVALS - self.arrivals if callbacks else 0
        if not self.steps:
            yield from (Step(Kind.SUBMIT, overtaken=count) for count in range(left + 1))
            return
        if left:
            yield Step(Kind.CALLBACK)
        if polls:
            seen = [sees for sees in reversed(Sees) if sees >= self.sees]
            yield from (Step(Kind.POLL, sees, count) for count in range(left + 1) for sees in seen)


def orders(size: int, *, polls: bool, callbacks: bool) -> Iterator[Order]:
    """Every order of that size after which the app can know the end."""
    grown = deque([Order(())])
    while grown:
        order = grown.popleft()
        if order.size == size and order.tells_the_end:
            yield order
        steps = (order.then(step) for step in order.continuations(polls=polls, callbacks=callbacks))
        grown.extend(longer for longer in steps if longer.size <= size)
