"""What happened in a world, in order, as a test reads it: the requests with their responses, and the webhook deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, overload

from pixazo_simulator.control import Attempt, ControlClient, Delivery, Exchange

from .text import cut, table, time_of

__tracebackhide__ = True  # a failure belongs to the line of the test

T = TypeVar("T")


class _History(Sequence[T]):
    """What there was so far, oldest first. It does not grow: the world makes a new one each time."""

    def __init__(self, entries: Sequence[T]) -> None:
        self._entries = tuple(entries)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)


class Journal(_History[Exchange]):
    """The exchanges of a world so far, oldest first. It does not grow: `pixazo.journal` is a new one each time.

    `dropped` is the number of older exchanges that the simulator no longer keeps.
    """

    def __init__(self, exchanges: Sequence[Exchange], dropped: int = 0) -> None:
        super().__init__(exchanges)
        self.dropped = dropped

    @property
    def submits(self) -> Journal:
        """The submissions of either operation, accepted or not."""
        return self.filter(operation=("generate", "imageToVideo"))

    @property
    def polls(self) -> Journal:
        """The status reads."""
        return self.filter(operation="status")

    @property
    def downloads(self) -> Journal:
        """The requests for videos."""
        return self.filter(operation="media")

    def filter(
        self,
        *,
        operation: str | tuple[str, ...] | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> Journal:
        """The exchanges that match every argument; `path` is any part of the target."""
        operations = (operation,) if isinstance(operation, str) else operation
        return Journal(
            [
                each
                for each in self._entries
                if (operations is None or each.operation in operations)
                and (method is None or each.method == method.upper())
                and (path is None or path in each.target)
                and status in (None, each.status)
                and request_id in (None, each.request_id)
            ],
            self.dropped,
        )

    def __repr__(self) -> str:
        return exchange_table(self._entries)


def exchange_table(exchanges: Sequence[Exchange]) -> str:
    """Number, time of the world, request, status code and reason; then rule and faults, if any."""
    return table([_row(each) for each in exchanges]) or "no request"


def _row(exchange: Exchange) -> tuple[str, ...]:
    marks = [mark for mark in (exchange.rule, ", ".join(exchange.faults)) if mark]
    why = " | ".join([cut(exchange.reason), *marks])
    return (
        str(exchange.number),
        time_of(exchange.at),
        f"{exchange.method} {exchange.target}",
        f"{exchange.status} {why}",
    )


class Deliveries(_History[Delivery]):
    """The webhook deliveries of a world so far, oldest first. It does not grow: `pixazo.webhooks` is a new one each time."""

    def __init__(self, control: ControlClient, deliveries: Sequence[Delivery]) -> None:
        super().__init__(deliveries)
        self._control = control

    @property
    def delivered(self) -> list[Delivery]:
        """The deliveries that a receiver answered with 2xx."""
        return [each for each in self._entries if each.delivered]

    def resend(self, number: int) -> Attempt:
        """Post the webhook with this number once more, now. Raises LookupError when there is none."""
        if number not in [each.number for each in self._entries]:
            known = ", ".join(str(each.number) for each in self._entries) or "none"
            raise LookupError(f"delivery {number} does not exist: known are {known}")
        return self._control.resend(number)

    def __repr__(self) -> str:
        return delivery_table(self._entries)


def delivery_table(deliveries: Sequence[Delivery]) -> str:
    """Number, when it is due, receiver, its generation and the result of each attempt."""
    rows = [(str(each.number), time_of(each.due_at), f"POST {each.url}", cut(each.story)) for each in deliveries]
    return table(rows) or "no webhook"
