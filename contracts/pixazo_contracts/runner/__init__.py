"""Carries out probes against a target, within the budget, and records a trace."""

from __future__ import annotations

from .ledger import Ledger
from .plan import Plan, make_plan
from .receiver import ReceiverAddress
from .redactor import weak_keys
from .run_clock import RunClock, VirtualClock
from .schedule import Progress
from .session import Dialogue, RunOptions, open_dialogue, run
from .spend import BudgetExhaustedError, SpendStoppedError, remaining
from .transport import advancing_clock, fetch

__all__ = [
    "BudgetExhaustedError", "Dialogue", "Ledger", "Plan", "Progress", "ReceiverAddress", "RunClock", "RunOptions", "SpendStoppedError", "VirtualClock", "advancing_clock", "fetch", "make_plan", "open_dialogue", "remaining", "run", "weak_keys",
]  # fmt: skip
