"""Callbacks and what became of them, as a test reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

import msgspec

from pytest_pixazo.world.table import delivery_table

if TYPE_CHECKING:
    from pixazo_simulator.control import ControlClient


__tracebackhide__ = True  # a failure belongs to the line of the test


class Attempt(msgspec.Struct, frozen=True):
    """One try: an instant of the world's clock, the status that the receiver answered, or what went wrong."""

    at: datetime
    status: int | None = None
    problem: str | None = None

    def __str__(self) -> str:
        return self.problem or f"answered {self.status}"


class Delivery(msgspec.Struct, frozen=True):
    """One callback: which generation it is about, where it goes, when it is due, and every attempt so far.

    `channel` is the header or member by which the app asked for it.
    """

    number: int
    request_id: str
    url: str
    channel: str
    form: str
    due_at: datetime
    delivered: bool
    attempts: tuple[Attempt, ...] = ()

    @property
    def story(self) -> str:
        """What became of it, in words."""
        tries = "; then ".join(map(str, self.attempts)) or "not attempted yet"
        return f"about {self.request_id}: {tries}"

    def __repr__(self) -> str:
        return f"<{self.number}: POST {self.url} {self.story}>"


class Deliveries(Sequence[Delivery]):
    """The callbacks of a world so far, oldest first. It does not grow: `pixazo.webhooks` is a new one each time."""

    def __init__(self, control: ControlClient, told: Sequence[dict[str, Any]]) -> None:
        self._control = control
        self._deliveries = msgspec.convert(told, tuple[Delivery, ...])

    @property
    def delivered(self) -> list[Delivery]:
        """Those that a receiver took."""
        return [each for each in self._deliveries if each.delivered]

    def resend(self, number: int) -> Attempt:
        """Post the callback with this number once more, now. Raises LookupError when there is none."""
        if number not in [each.number for each in self._deliveries]:
            known = ", ".join(str(each.number) for each in self._deliveries) or "none"
            raise LookupError(f"callback {number} does not exist: known are {known}")
        return msgspec.convert(self._control.resend(number), Attempt)

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
