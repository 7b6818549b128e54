"""What was said on the wire, in order, as a test reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import msgspec

from .table import exchange_table
from .values.exchange import Exchange


class Journal(Sequence[Exchange]):
    """The exchanges of a world so far, oldest first. It does not grow: `pixazo.journal` is a new one each time.

    `dropped` says how many older ones gave way to the bound of the simulator.
    """

    def __init__(self, exchanges: Sequence[Exchange], dropped: int = 0) -> None:
        self._exchanges = tuple(exchanges)
        self.dropped = dropped

    @classmethod
    def read(cls, told: Sequence[dict[str, Any]], dropped: int = 0) -> Journal:
        """The journal that the simulator told."""
        return cls(msgspec.convert(told, tuple[Exchange, ...]), dropped)

    @property
    def submits(self) -> Journal:
        """The submits of either operation, accepted or not."""
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
        """Those that agree with all that is given; `path` is any part of the target."""
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
