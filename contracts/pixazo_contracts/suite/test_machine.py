"""The state machine, for targets where a generation costs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("hypothesis")

from pixazo_contracts.stateful import ContractBrokenError, play

if TYPE_CHECKING:
    from pixazo_contracts.judge import Terms
    from pixazo_contracts.runner import Dialogue


def test_machine(freely: Dialogue, terms: Terms, pytestconfig: pytest.Config) -> None:
    """Whatever is submitted, read and waited for in whatever order, every clause is kept."""
    try:
        play(freely, strict_drift=terms.strict_drift)
    except ContractBrokenError as error:
        pytest.fail(f"{error}\n{_keep(error, pytestconfig.getoption('--pixazo-out'))}", pytrace=False)


def _keep(error: ContractBrokenError, out: str | None) -> str:
    """Where the counterexample is, or all of it."""
    if error.counterexample is None:
        return ""
    if out is None:
        return error.counterexample.source()
    return f"the course of events: {error.counterexample.save(Path(out))}"
