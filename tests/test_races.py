"""Callers of one key at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial

import pytest

from pixazo_simulator.server.simulator import Simulator
from tests.caller import Caller, over_http
from tests.patience import PATIENCE


@pytest.mark.parametrize(("balance", "callers", "winners"), [("0.35", 2, 1), ("0.69", 2, 1), ("1.05", 8, 3)])
def test_a_race_for_the_last_money(simulator: Simulator, balance: str, callers: int, winners: int) -> None:
    """Of callers that submit at the same moment, as many as the balance pays for get a 202, the others a 402."""
    for turn in range(10):
        caller = Caller(over_http(simulator.url), f"racer-{balance}-{turn}")
        caller.call("POST", "/_sim/worlds", {"key": caller.key, "balance": balance})
        statuses = together(callers, partial(submit, caller))
        assert sorted(statuses) == [202] * winners + [402] * (callers - winners)
        ledger = caller.sim("ledger")
        assert Decimal(ledger["balance"]) == Decimal(balance) - winners * Decimal("0.35")
        assert [entry["kind"] for entry in ledger["entries"]] == ["opening"] + ["debit"] * winners
        caller.call("DELETE", "/_sim/world")


def submit(caller: Caller) -> int:
    """The status of one submit."""
    return caller.generate().status


def together(count: int, act: Callable[[], int]) -> list[int]:
    """What `count` threads get that act at the same moment."""
    gate = threading.Barrier(count)

    def act_at_once(_: int) -> int:
        gate.wait(PATIENCE)
        return act()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act_at_once, range(count)))
