"""WAL: the wallet, as far as accounts with funds for exactly so many generations show it on the wire.

The API has no balance endpoint. An account that can pay for exactly one 6 s generation (role `one`) or two (role `two`)
shows by its next submit whether it was debited: accepted, or 402.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_contracts.clauses.checks import code_word
from pixazo_contracts.clauses.clause import Cost, Observation, Strength, check, clause

if TYPE_CHECKING:
    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Trace


def _affordable(trace: Trace, clause_id: str, case: str, why: str) -> Remarks:
    """The submit of that case is not refused for want of funds."""
    for exchange in trace.aimed(clause_id):
        if exchange.case == case and (exchange.succeeded or exchange.status == 402):
            yield check(exchange.succeeded, exchange, "status code", f"202: {why}", str(exchange.status))


@clause(
    "WAL-01",
    section="Queue errors (wallet)",
    strength=Strength.IMPLIED,
    cost=Cost.NOT_OUTSIDE,
    depends_on=("SUBMIT-10",),
    needs=("account:two",),
)
def wal_01(trace: Trace) -> Remarks:
    """One accepted request is debited exactly once."""
    yield from _affordable(trace, "WAL-01", "second", "the first of two paid-for generations was debited once")
    for exchange in trace.aimed("WAL-01"):
        if exchange.case == "third" and (exchange.succeeded or exchange.status == 402):
            yield check(exchange.status == 402, exchange, "status code", "402: two were debited", code_word(exchange))


@clause(
    "WAL-02",
    section="Status Values (ERROR)",
    strength=Strength.DOCUMENTED,
    cost=Cost.NOT_OUTSIDE,
    depends_on=("WAL-05",),
    needs=("account:one", "prompt:error"),
    core=True,
)
def wal_02(trace: Trace) -> Remarks:
    """An ERROR request is not charged in the end."""
    return _affordable(trace, "WAL-02", "after", "the only generation that was paid for ended in ERROR")


@clause(
    "WAL-03",
    section="Status Values",
    strength=Strength.SILENT,
    cost=Cost.NOT_OUTSIDE,
    depends_on=("WAL-05",),
    needs=("account:one", "prompt:failed"),
)
def wal_03(trace: Trace) -> Remarks:
    """Is FAILED charged? Only ERROR is exempted by name."""
    for exchange in trace.aimed("WAL-03"):
        if exchange.case == "after" and (exchange.succeeded or exchange.status == 402):
            yield Observation("FAILED is not charged" if exchange.succeeded else "FAILED is charged", exchange)


@clause("WAL-04", section="Response Handling", strength=Strength.IMPLIED, cost=Cost.NOT_OUTSIDE, needs=("account:one",))
def wal_04(trace: Trace) -> Remarks:
    """A refused submit costs nothing."""
    # One that was accepted was rightly paid for.
    if not any(exchange.succeeded for exchange in trace.aimed("WAL-04") if exchange.case != "after"):
        yield from _affordable(trace, "WAL-04", "after", "refused submits are free")


@clause(
    "WAL-05",
    section="Workflow",
    strength=Strength.IMPLIED,
    cost=Cost.NOT_OUTSIDE,
    depends_on=("WAL-01",),
    needs=("account:one",),
)
def wal_05(trace: Trace) -> Remarks:
    """Reads and callbacks cost nothing."""
    return _affordable(trace, "WAL-05", "after", "reads are free")


@clause(
    "WAL-06",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.NOT_OUTSIDE,
    depends_on=(
        "BASE-02",
        "ERR-402-01",
    ),
    needs=("account:one",),
)
def wal_06(trace: Trace) -> Remarks:
    """Concurrent submits cannot overdraw the wallet."""
    words = sorted(code_word(exchange) for exchange in trace.aimed("WAL-06"))
    if words:
        yield Observation(f"two at once on funds for one: {', '.join(words)}")
