"""The money of a world, as a test reads and changes it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pixazo_simulator.control import ControlClient


__tracebackhide__ = True  # a failure belongs to the line of the test


class Entry(msgspec.Struct, frozen=True):
    """One movement in US dollars, negative when taken; `kind` is opening, debit, refund or adjustment."""

    at: datetime
    kind: str
    amount: Decimal
    request_id: str | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} {self.amount} {self.request_id or ''}".rstrip() + ">"


class Wallet:
    """The wallet behind the key of a world."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    @property
    def balance(self) -> Decimal:
        """What can be spent now, in US dollars. Set it to any sum that is not negative: `wallet.balance = "0.05"`."""
        return Decimal(self._control.ledger(limit=1)["balance"])

    @balance.setter
    def balance(self, dollars: Decimal | str | int) -> None:
        self._control.change_world(balance=str(dollars))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The latest movements, at most 1,000, oldest first."""
        return msgspec.convert(tuple(self._control.ledger()["entries"]), tuple[Entry, ...])

    @property
    def spent(self) -> Decimal:
        """Debits less refunds, in US dollars."""
        return -sum((each.amount for each in self.entries if each.kind in ("debit", "refund")), Decimal(0))

    def __repr__(self) -> str:
        return f"<wallet with {self.balance} USD>"
