"""Everything that one API key can see, computed from commands and the current instant."""

from __future__ import annotations

from .admission import Admission, Call, Submission
from .facts import at_download, at_read, at_submit
from .planning import plan_for
from .registry import DEFAULT_KEY, Settings, Twins, Worlds
from .state.charge import refund_due
from .state.clock import Clock, clock_factory
from .state.deliveries import Attempt, Delivery, Form, next_attempt
from .state.generation import Generation, Transition
from .state.ids import REQUEST_ID_FORMS, seeded_random
from .state.journal import Exchange, Journal
from .state.ledger import Entry, EntryKind, Ledger
from .world import World

__all__ = [
    "DEFAULT_KEY", "REQUEST_ID_FORMS", "Admission", "Attempt", "Call", "Clock", "Delivery", "Entry", "EntryKind", "Exchange", "Form", "Generation", "Journal", "Ledger", "Settings", "Submission", "Transition", "Twins", "World", "Worlds", "at_download", "at_read", "at_submit", "clock_factory", "next_attempt", "plan_for", "refund_due", "seeded_random",
]  # fmt: skip
