"""What a generation costs its wallet: whether it can be paid for, and what comes back at its end."""

from __future__ import annotations

from pixazo_simulator.spec import Plan, Policy, Status

from .ledger import Ledger

REFUNDED = {"error": (Status.ERROR,), "error_failed": (Status.ERROR, Status.FAILED)}


def affords(ledger: Ledger, price: int, now: int) -> bool:
    """Whether a price (millionths of a dollar) can be paid at `now` (ERR-402-01)."""
    return ledger.balance(now) >= price


def refund_due(plan: Plan, price: int, policy: Policy) -> int:
    """What is given back at the end, in millionths of a dollar: all or nothing (WAL-02, WAL-03)."""
    return price if plan.outcome in REFUNDED[policy.refunds] else 0
