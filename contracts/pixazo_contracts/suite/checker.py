"""Generated requests: each is sent alone and judged alone."""

from __future__ import annotations

import pytest

from pixazo_contracts.judge import ExitCode
from pixazo_contracts.probes import Send
from pixazo_contracts.report import ContractBrokenError, raise_alarm
from pixazo_contracts.runner import BudgetExhaustedError, Dialogue, SpendStoppedError


class RequestChecker:
    """Sends one request at a time. Raises `ContractBrokenError` if its response breaks a clause.

    On a target that charges, a family that got one wrong response, or was counted once as a generation, sends nothing more:
    Hypothesis would repeat the request to shrink and replay it.
    """

    def __init__(self, dialogue: Dialogue, *, strict_drift: bool = False) -> None:
        self._dialogue = dialogue
        self._strict_drift = strict_drift
        self._broken: dict[str, ContractBrokenError] = {}
        self._counted: set[str] = set()

    def __call__(self, family: str, step: Send) -> None:
        """Send one request of a family and judge it; skip the test if no generation may be risked for it."""
        __tracebackhide__ = True
        if family in self._broken:
            raise self._broken[family]
        if family in self._counted:
            pytest.skip("UNFUNDED: an earlier request of this family was counted as a generation")
        self._dialogue.mark()
        try:
            exchange = self._dialogue.run(iter(step), family)
        except SpendStoppedError as error:
            pytest.exit(f"the spend guard stopped the run: {error}", ExitCode.SPEND)
        except BudgetExhaustedError as error:
            pytest.skip(f"UNFUNDED: {error}")
        if exchange.spent:
            self._counted.add(family)
        try:
            raise_alarm(self._dialogue.trace(), strict_drift=self._strict_drift)
        except ContractBrokenError as error:
            if self._dialogue.context.limited:
                self._broken[family] = error
            raise
