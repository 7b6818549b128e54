"""The contract is kept alike wherever the worlds are: each clause gets the verdict that it gets with memory."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.contracts.simulator_run import STATES, Run, empty_state, gateway_run, suite_run
from tests.serving import ServeProcess

from pixazo_contracts.probes import PROBES

SOME = ("throttled account", "several on funds for one", "bad ends, called back", "g5", "same body twice")
"""Probes that depend on what a world keeps: rate, money, deliveries, ids."""


@cache
def served(state: str, *options: str) -> Run:
    """All probes against `serve`, whose worlds are kept in one of STATES."""
    with ExitStack() as stack:
        folder, kept = stack.enter_context(TemporaryDirectory()), stack.enter_context(empty_state(state))
        serving = stack.enter_context(ServeProcess(Path(folder), "--clock", "manual", "--state", kept, *options))
        return _told(gateway_run(serving.url, serving.key))


@cache
def some(state: str) -> Run:
    """Some probes against a simulator in this process."""
    return _told(suite_run(state=state, probes=[probe for probe in PROBES if probe.name in SOME]))


def _told(run: Run) -> Run:
    """Without the one clause that asks how long a submission takes, which depends on what else the machine does."""
    return replace(run, outcomes={clause: outcome for clause, outcome in run.outcomes.items() if clause != "SUBMIT-14"})


@pytest.mark.slow
@pytest.mark.parametrize("state", ["memory-log", "sqlite"])
def test_some_verdicts_are_those_of_memory(state: str) -> None:
    """Also what the silent clauses have observed."""
    assert some(state) == some("memory")
    assert sum(outcome == "PASS" for outcome in some(state).outcomes.values()) > 20


@pytest.mark.exhaustive
@pytest.mark.parametrize("state", STATES[1:])
def test_the_contract_table_is_that_of_memory(state: str) -> None:
    """With a server in a process of its own."""
    assert served(state) == served("memory")
    assert not served("memory").alarms


@pytest.mark.exhaustive
def test_the_contract_table_of_three_processes_is_that_of_memory() -> None:
    """Any of them answers a connection."""
    assert served("redis", "--workers", "3") == served("memory")
