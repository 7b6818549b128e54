"""The requests to a world and their responses, in order, as a test reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from pixazo_simulator.control import Exchange

from .table import cut, table, time_of


class Journal(Sequence[Exchange]):
    """The exchanges of a world so far, oldest first. It does not grow: `pixazo.journal` is a new one each time.

    `dropped` is the number of older exchanges that the simulator no longer keeps.
    """

    def __init__(self, exchanges: Sequence[Exchange], dropped: int = 0) -> None:
        self._exchanges = tuple(exchanges)
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
                for each in self._exchanges
                if (operations is None or each.operation in operations)
                and (method is None or each.method == method.upper())
                and (path is None or path in each.target)
                and status in (None, each.status)
                and request_id in (None, each.request_id)
            ],
            self.dropped,
        )

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Exchange]: ...
    def __getitem__(self, index: int | slice) -> Exchange | Sequence[Exchange]:
        return self._exchanges[index]

    def __len__(self) -> int:
        return len(self._exchanges)

    def __repr__(self) -> str:
        return exchange_table(self._exchanges)


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
