"""Carries out probes against a target, within the budget, and records a trace."""

from .ledger import Ledger
from .plan import Plan, make_plan
from .receiver import ReceiverAddress
from .recorder import KEPT_HEADERS, make_header, record_callback, record_exchange, record_request_body, without_secrets
from .redactor import HIDDEN, KEY, SECRET_NAME, Hiding, Redactor, is_distinctive, weak_keys
from .run_clock import RunClock, VirtualClock
from .schedule import Progress
from .session import Dialogue, RunOptions, open_dialogue, run
from .spend import BudgetExhaustedError, Purse, SpendGuard, SpendStoppedError, remaining
from .transport import Reply, advancing_clock, fetch

__all__ = [
    "HIDDEN", "KEPT_HEADERS", "KEY", "SECRET_NAME", "BudgetExhaustedError", "Dialogue", "Hiding", "Ledger", "Plan", "Progress", "Purse", "ReceiverAddress", "Redactor", "Reply", "RunClock", "RunOptions", "SpendGuard", "SpendStoppedError", "VirtualClock", "advancing_clock", "fetch", "is_distinctive", "make_header", "make_plan", "open_dialogue", "record_callback", "record_exchange", "record_request_body", "remaining", "run", "weak_keys", "without_secrets",
]  # fmt: skip
