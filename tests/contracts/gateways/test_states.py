"""The contract is kept alike wherever the worlds are: each clause gets the verdict that it gets with memory."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from tests.contracts.simulator_run import STATES, Run, empty_state, gateway_run, suite_run
from tests.serving import ServeProcess

from pixazo_contracts.probes import PROBES

SOME = ("throttled account", "several on funds for one", "bad ends, called back", "both channels", "same body twice")
"""Probes that depend on what a world keeps: rate, money, deliveries, ids."""


def served(folder: Path, state: str, *options: str) -> Run:
    """All probes against `serve`, whose worlds are kept in one of STATES."""
    with empty_state(state) as kept, ServeProcess(folder, "--clock", "manual", "--state", kept, *options) as serving:
        return gateway_run(serving.url, serving.key)


@cache
def some(state: str) -> Run:
    """Some probes against a simulator in this process."""
    return suite_run(state=state, probes=[probe for probe in PROBES if probe.name in SOME])


@pytest.mark.parametrize("state", ["memory-log", "sqlite"])
def test_some_verdicts_are_those_of_memory(state: str) -> None:
    """Also what the silent clauses have observed."""
    assert some(state) == some("memory")
    assert sum(outcome == "PASS" for outcome in some(state).outcomes.values()) > 20


@pytest.fixture(scope="module")
def in_memory(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The contract table of `serve` without a log."""
    return served(tmp_path_factory.mktemp("memory"), "memory")


@pytest.mark.exhaustive
@pytest.mark.parametrize(("state", "options"), [*((state, ()) for state in STATES[1:]), ("redis", ("--workers", "3"))])
def test_the_contract_table_is_that_of_memory(
    state: str, options: tuple[str, ...], in_memory: Run, tmp_path: Path
) -> None:
    """Also with several processes, any of which answers a connection."""
    assert served(tmp_path / "serve", state, *options) == in_memory
    assert not in_memory.alarms
