"""WAL: the wallet, as far as accounts with funds for exactly so many generations show it on the wire.

The API has no balance endpoint. An account that can pay for exactly one 6 s generation (role `one`) or two (role `two`)
shows by its next submit whether it was debited: accepted, or 402.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pixazo_contracts.clauses.checks import code_word
from pixazo_contracts.clauses.clause import Group, Observation, Remarks, check
from pixazo_contracts.clauses.standing import DOCUMENTED, IMPLIED, NOT_OUTSIDE, SILENT
from pixazo_contracts.trace import Exchange, Trace

WAL = Group()


def _decided(trace: Trace, clause_id: str, case: str) -> Iterator[Exchange]:
    """The submits of that case that the wallet decided: accepted, or refused for want of funds."""
    return (e for e in trace.aimed(clause_id) if e.case == case and (e.succeeded or e.status == 402))


def _affordable(trace: Trace, clause_id: str, why: str, case: str = "after") -> Remarks:
    """The submit of that case is not refused for want of funds."""
    for exchange in _decided(trace, clause_id, case):
        yield check(exchange.succeeded, exchange, "status code", f"202: {why}", str(exchange.status))


@WAL.clause("WAL-01", IMPLIED, NOT_OUTSIDE, depends_on="SUBMIT-10", needs="account:two",
    section='Queue System Errors: "Your wallet does not have enough balance."')  # fmt: skip
def wal_01(trace: Trace) -> Remarks:
    """One accepted request is debited exactly once."""
    yield from _affordable(trace, "WAL-01", "the first of two paid-for generations was debited once", "second")
    for exchange in _decided(trace, "WAL-01", "third"):
        yield check(exchange.status == 402, exchange, "status code", "402: two were debited", code_word(exchange))


# fmt: off
WAL.row("WAL-02", DOCUMENTED, NOT_OUTSIDE,
    partial(_affordable, why="the only generation that was paid for ended in ERROR"),
    depends_on="WAL-05", needs="account:one prompt:error", core=True,
    section='Status Values: "ERROR System error — not charged"',
    demands="An ERROR request is not charged in the end.")
# fmt: on


@WAL.clause("WAL-03", SILENT, NOT_OUTSIDE, depends_on="WAL-05", needs="account:one prompt:failed",
    section='Status Values: "ERROR System error — not charged"')  # fmt: skip
def wal_03(trace: Trace) -> Remarks:
    """Is FAILED charged? Only ERROR is exempted by name."""
    for exchange in _decided(trace, "WAL-03", "after"):
        yield Observation("FAILED is not charged" if exchange.succeeded else "FAILED is charged", exchange)


@WAL.clause("WAL-04", IMPLIED, NOT_OUTSIDE, needs="account:one", section="Response Handling")
def wal_04(trace: Trace) -> Remarks:
    """A refused submit costs nothing."""
    # A submit that was accepted is rightly charged.
    if not any(exchange.succeeded for exchange in trace.aimed("WAL-04") if exchange.case != "after"):
        yield from _affordable(trace, "WAL-04", "refused submits are free")


# fmt: off
WAL.row("WAL-05", IMPLIED, NOT_OUTSIDE, partial(_affordable, why="reads are free"),
    depends_on="WAL-01", needs="account:one", section="Typical Workflow",
    demands="Reads and callbacks cost nothing.")
# fmt: on


@WAL.clause("WAL-06", SILENT, NOT_OUTSIDE, depends_on="BASE-02 ERR-402-01", needs="account:one", section="silence")
def wal_06(trace: Trace) -> Remarks:
    """Concurrent submits cannot overdraw the wallet."""
    words = sorted(code_word(exchange) for exchange in trace.aimed("WAL-06"))
    if words:
        yield Observation(f"two at once on funds for one: {', '.join(words)}")
