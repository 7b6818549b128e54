"""The callbacks of one world: which are pending, when each is due, which are done."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from itertools import chain

from msgspec import structs

from .deliveries import Delivery


class Outbox:
    """Deliveries by the instant at which they are due, those of one instant by number; the latest finished ones are kept.

    One that was taken is still pending until it is put back.
    """

    __slots__ = ("_agenda", "_held", "_is_twin", "_number", "_taken", "finished")

    def __init__(self, most_finished: int) -> None:
        self._agenda: list[tuple[int, int, Delivery]] = []
        self._taken: dict[int, Delivery] = {}
        self.finished: deque[Delivery] = deque(maxlen=most_finished)
        self._held: Delivery | None = None
        self._number = 0
        self._is_twin = False

    def __len__(self) -> int:
        return len(self._agenda) + len(self._taken)

    @property
    def taken(self) -> int:
        """How many were taken and have not been put back."""
        return len(self._taken)

    def twin(self) -> Outbox:
        """One with the same deliveries, that goes its own way."""
        other = Outbox(self.finished.maxlen or 0)
        other._agenda, other.finished, other._number = self._agenda.copy(), self.finished.copy(), self._number
        other._taken = {number: _twin(delivery) for number, delivery in self._taken.items()}
        other._held, other._is_twin = self._held, True
        return other

    @property
    def latest(self) -> int:
        """The number of the latest delivery."""
        return self._number

    def number(self) -> int:
        """A number for a new delivery."""
        self._number += 1
        return self._number

    def put(self, delivery: Delivery, due: int | None) -> None:
        """Let a delivery be due at an instant; None: it is finished."""
        self._taken.pop(delivery.number, None)
        if due is None:
            self.finished.append(delivery)
        else:
            heapq.heappush(self._agenda, (due, delivery.number, delivery))

    def next_due(self) -> int | None:
        """The instant of the next attempt."""
        return self._agenda[0][0] if self._agenda else None

    def take(self, until: int) -> tuple[int, Delivery] | None:
        """The first delivery due by `until` and the instant at which it was, which is the taker's to put back."""
        if not self._agenda or self._agenda[0][0] > until:
            return None
        due, _, delivery = heapq.heappop(self._agenda)
        if delivery is self._held:
            self._held = None
        if self._is_twin:  # only what was taken is ever changed
            delivery = _twin(delivery)
        self._taken[delivery.number] = delivery
        return due, delivery

    def give_back(self, delivery: Delivery, due: int) -> None:
        """Let a delivery that was taken be due again; nothing happens to one that was not, such as a copy."""
        if delivery.number in self._taken:
            self.put(delivery, due)

    def hold(self, delivery: Delivery, until: int) -> bool:
        """Let the next delivery go before this one, which is due by `until` at the latest; False when one waits so already."""
        if self._held is not None:
            return False
        self._held = delivery
        self.put(delivery, until)
        return True

    def release(self, now: int) -> None:
        """Another delivery has gone: the one that let it go first is due now."""
        held, self._held = self._held, None
        if held is not None:
            self._agenda = [entry for entry in self._agenda if entry[2] is not held]
            heapq.heapify(self._agenda)
            self.put(held, now)

    def pending(self, request_id: str) -> list[Delivery]:
        """What is still to be delivered about a generation."""
        return [delivery for _, _, delivery in self._agenda if delivery.request_id == request_id]

    def find(self, number: int) -> Delivery | None:
        """The delivery of this number, as long as it is remembered."""
        return next((each for each in chain(self.finished, self._pending()) if each.number == number), None)

    def deliveries(self, after: int = 0) -> list[Delivery]:
        """Finished and pending deliveries, oldest first, of numbers beyond `after`; those that were never tried are included."""
        kept = (each for each in chain(self.finished, self._pending()) if each.number > after)
        return sorted(kept, key=lambda delivery: delivery.number)

    def _pending(self) -> Iterator[Delivery]:
        return chain(self._taken.values(), (delivery for _, _, delivery in self._agenda))


def _twin(delivery: Delivery) -> Delivery:
    return structs.replace(delivery, attempts=list(delivery.attempts))
