"""The money of a world, as a test reads and changes it."""

from __future__ import annotations

from decimal import Decimal

from pixazo_simulator.control import ControlClient, Entry

__tracebackhide__ = True  # a failure belongs to the line of the test


class Wallet:
    """The wallet behind the key of a world."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    @property
    def balance(self) -> Decimal:
        """What can be spent now, in US dollars. Set it to any sum that is not negative: `wallet.balance = "0.05"`."""
        return self._control.ledger(limit=1).balance

    @balance.setter
    def balance(self, dollars: Decimal | str | int) -> None:
        self._control.change_world(balance=str(dollars))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The latest debits, refunds and other entries of the ledger, at most 1,000, oldest first; debits are negative."""
        return tuple(self._control.ledger().entries)

    @property
    def spent(self) -> Decimal:
        """Debits less refunds, in US dollars."""
        return -sum((each.amount for each in self.entries if each.kind in ("debit", "refund")), Decimal(0))

    def __repr__(self) -> str:
        return f"<wallet with {self.balance} USD>"
