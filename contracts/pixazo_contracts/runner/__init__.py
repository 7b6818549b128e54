"""Carries out probes against a target, within the budget, and records a trace."""

from __future__ import annotations

from .clock import RealClock, RunClock, VirtualClock
from .dialogue import Dialogue
from .layers.ledger import Ledger
from .layers.spend import BudgetExhaustedError, SpendStoppedError, remaining
from .plan import Plan, make_plan
from .runner import ReceiverAddress, RunOptions, converse, fetch, run
from .schedule import Progress

__all__ = [
    "BudgetExhaustedError", "Dialogue", "Ledger", "Plan", "Progress", "RealClock", "ReceiverAddress", "RunClock", "RunOptions", "SpendStoppedError", "VirtualClock", "converse", "fetch", "make_plan", "remaining", "run",
]  # fmt: skip
