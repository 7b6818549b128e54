"""The state machine, for targets where a generation costs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("hypothesis")

from pixazo_contracts.stateful import CounterexampleError, run_examples

if TYPE_CHECKING:
    from pixazo_contracts.judge import Terms
    from pixazo_contracts.runner import Dialogue


def test_machine(free_dialogue: Dialogue, terms: Terms, pytestconfig: pytest.Config) -> None:
    """Every clause is kept, in whatever order requests are submitted, read and waited for."""
    try:
        run_examples(free_dialogue, strict_drift=terms.strict_drift)
    except CounterexampleError as error:
        out: str | None = pytestconfig.getoption("--pixazo-contract-out")
        kept = error.source if out is None else f"the counterexample: {error.save(Path(out))}"
        pytest.fail(f"{error}\n{kept}", pytrace=False)
