"""WAL: money that is wrongly taken, kept or not counted."""

from __future__ import annotations

import msgspec

from pixazo_simulator.mutants.edits import Condition, behaviour, edit_replies, is_read, is_refused, policy
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import SECOND, Plan, Policy, Status
from pixazo_simulator.world import EntryKind, Ledger, refund_due

FEE = 10_000
PRICE = 350_000
"""Millionths of a dollar."""
RACE = SECOND
"""The time during which the next check does not see a debit."""


def _charge(when: Condition, amount: int) -> Edits:
    return edit_replies(when, lambda reply, _: msgspec.structs.replace(reply, debit=amount))


def _debited_again(plan: Plan, price: int, policy: Policy) -> int:
    return -price if plan.outcome is Status.COMPLETED else refund_due(plan, price, policy)


def _no_refund(_: Plan, __: int, ___: Policy) -> int:
    return 0


def _affords_by_old_balance(ledger: Ledger, price: int, now: int) -> bool:
    unseen = (entry for entry in ledger.entries(now) if entry.kind is EntryKind.DEBIT and now - entry.at < RACE)
    return ledger.balance(now) - sum(entry.amount for entry in unseen) >= price


WALLET = (
    Mutant("debited-twice", "WAL-01", "The price is taken again on completion", behaviour(refund_due=_debited_again)),
    Mutant("error-is-charged", "WAL-02", "ERROR is charged", behaviour(refund_due=_no_refund), ("WAL-03",)),
    Mutant("failed-is-refunded", "WAL-03", "FAILED is not charged", policy(refunds="error_failed")),
    Mutant("refusal-is-charged", "WAL-04", "A submit is charged before it is validated", _charge(is_refused, PRICE)),
    Mutant("read-is-charged", "WAL-05", "Each status read costs a cent", _charge(is_read, FEE)),
    Mutant("wallet-overdrawn", "WAL-06", "The balance is checked without the debits of the last second", behaviour(affords=_affords_by_old_balance)),
)  # fmt: skip
