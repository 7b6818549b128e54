"""The webhook deliveries of a world, as a test reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from pixazo_simulator.control import Attempt, ControlClient, Delivery

from .table import cut, table, time_of

__tracebackhide__ = True  # a failure belongs to the line of the test


class Deliveries(Sequence[Delivery]):
    """The webhook deliveries of a world so far, oldest first. It does not grow: `pixazo.webhooks` is a new one each time."""

    def __init__(self, control: ControlClient, deliveries: Sequence[Delivery]) -> None:
        self._control = control
        self._deliveries = tuple(deliveries)

    @property
    def delivered(self) -> list[Delivery]:
        """The deliveries that a receiver answered with 2xx."""
        return [each for each in self._deliveries if each.delivered]

    def resend(self, number: int) -> Attempt:
        """Post the webhook with this number once more, now. Raises LookupError when there is none."""
        if number not in [each.number for each in self._deliveries]:
            known = ", ".join(str(each.number) for each in self._deliveries) or "none"
            raise LookupError(f"delivery {number} does not exist: known are {known}")
        return self._control.resend(number)

    @overload
    def __getitem__(self, index: int) -> Delivery: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Delivery]: ...
    def __getitem__(self, index: int | slice) -> Delivery | Sequence[Delivery]:
        return self._deliveries[index]

    def __len__(self) -> int:
        return len(self._deliveries)

    def __repr__(self) -> str:
        return delivery_table(self._deliveries)


def delivery_table(deliveries: Sequence[Delivery]) -> str:
    """Number, when it is due, receiver, its generation and the result of each attempt."""
    rows = [(str(each.number), time_of(each.due_at), f"POST {each.url}", cut(each.story)) for each in deliveries]
    return table(rows) or "no webhook"
