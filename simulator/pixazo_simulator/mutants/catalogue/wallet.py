"""Wrong ways with money: WAL."""

from __future__ import annotations

import msgspec

from pixazo_simulator.mutants.context import Scene
from pixazo_simulator.mutants.edits import is_read, policy, submits, swapped
from pixazo_simulator.mutants.messages import Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import SECOND, Plan, Policy, Status
from pixazo_simulator.world import EntryKind, Ledger, refund_due

FEE = 10_000
"""One cent, in millionths of a dollar."""
PRICE = 350_000
RACE = SECOND
"""The time during which a debit is not seen by the next check."""


def _debited_again(plan: Plan, price: int, policy: Policy) -> int:
    return -price if plan.outcome is Status.COMPLETED else refund_due(plan, price, policy)


def _kept(_: Plan, __: int, ___: Policy) -> int:
    return 0


def _affords_by_old_balance(ledger: Ledger, price: int, now: int) -> bool:
    unseen = (entry for entry in ledger.entries(now) if entry.kind is EntryKind.DEBIT and now - entry.at < RACE)
    return ledger.balance(now) - sum(entry.amount for entry in unseen) >= price


def _refusals_debited(request: Request, reply: Reply, _: Scene) -> Reply:
    return msgspec.structs.replace(reply, debit=PRICE) if submits(request) and reply.status == 400 else reply


def _reads_debited(request: Request, reply: Reply, _: Scene) -> Reply:
    return msgspec.structs.replace(reply, debit=FEE) if is_read(request, reply) else reply


WALLET = (
    Mutant("debited-twice", "WAL-01", "The price is taken again on completion", swapped(refund_due=_debited_again)),
    Mutant("error-is-charged", "WAL-02", "ERROR is charged", swapped(refund_due=_kept), ("WAL-03",)),
    Mutant("failed-is-refunded", "WAL-03", "FAILED is not charged", policy(refunds="error_failed")),
    Mutant("refusal-is-charged", "WAL-04", "A submit is debited before it is validated", Edits(reply=_refusals_debited)),
    Mutant("read-is-charged", "WAL-05", "Each status read costs a cent", Edits(reply=_reads_debited)),
    Mutant("wallet-overdrawn", "WAL-06", "The balance is checked without what the last second took", swapped(affords=_affords_by_old_balance)),
)  # fmt: skip
