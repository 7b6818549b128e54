"""Asking: one generated request, judged by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pixazo_contracts.judge import ExitCode
from pixazo_contracts.probes import send
from pixazo_contracts.runner import BudgetExhaustedError, SpendStoppedError
from pixazo_contracts.stateful import ContractBrokenError, Model, raise_alarm

if TYPE_CHECKING:
    from pixazo_contracts.probes import Send
    from pixazo_contracts.runner import Dialogue


class Asker:
    """Sends one request at a time. Raises `ContractBrokenError` where its answer breaks a clause.

    Breaker: on a target that charges a family that was answered wrongly once, or counted as a generation, sends nothing more, for
    Hypothesis would repeat it.
    """

    def __init__(self, dialogue: Dialogue, *, strict_drift: bool = False) -> None:
        self._dialogue = dialogue
        self._strict_drift = strict_drift
        self._broken: dict[str, ContractBrokenError] = {}
        self._counted: set[str] = set()

    def __call__(self, family: str, wish: Send) -> None:
        """Send one request of a family and judge it; skips the test where no generation may be risked for it."""
        __tracebackhide__ = True
        if family in self._broken:
            raise self._broken[family]
        if family in self._counted:
            pytest.skip("UNFUNDED: an earlier request of this family was counted as a generation")
        self._dialogue.mark()
        try:
            exchange = self._dialogue.hold(send(wish), family)
        except SpendStoppedError as error:
            pytest.exit(f"the spend guard stopped the run: {error}", ExitCode.SPEND)
        except BudgetExhaustedError as error:
            pytest.skip(f"UNFUNDED: {error}")
        if exchange.spent:
            self._counted.add(family)
        objections = list(Model().observe([exchange]))
        try:
            raise_alarm(self._dialogue.trace(), objections, strict_drift=self._strict_drift)
        except ContractBrokenError as error:
            if self._dialogue.setting.limited:
                self._broken[family] = error
            raise
