"""Everything that one API key can see, computed from commands and the current instant."""

from __future__ import annotations

from .account import Entry, EntryKind, Ledger, refund_due
from .admission import Admission, Admitted, Body, Submission, refuse_key
from .clock import Clock, clock_factory, read_start, read_time, real_clock, starting
from .commands import (
    AddAlias,
    AddRule,
    AdvanceClock,
    BeginWithGenerations,
    ChangeWorld,
    CopyDelivery,
    CountCall,
    Debit,
    Generation,
    InitialGeneration,
    Outcome,
    ReadMedia,
    ReadStatus,
    RecordAttempt,
    RemoveRule,
    ReplaceRule,
    ReturnDelivery,
    RotateSecret,
    SetRules,
    SubmitGeneration,
    TakeDelivery,
    TakeTransitions,
    Transition,
)
from .deliveries import Attempt, Delivery, Form, next_attempt
from .functions import REQUEST_ID_FORMS, plan_for, seeded_random
from .journal import Exchange, Journal
from .registry import DEFAULT_KEY, Forks, Settings, Worlds, check_key
from .world import World

__all__ = [
    "DEFAULT_KEY", "REQUEST_ID_FORMS", "AddAlias", "AddRule", "Admission", "Admitted", "AdvanceClock", "Attempt",
    "BeginWithGenerations", "Body", "ChangeWorld", "Clock", "CopyDelivery", "CountCall", "Debit", "Delivery", "Entry", "EntryKind", "Exchange",
    "Forks", "Form", "Generation", "InitialGeneration", "Journal", "Ledger", "Outcome", "ReadMedia", "ReadStatus", "RecordAttempt",
    "RemoveRule", "ReplaceRule", "ReturnDelivery", "RotateSecret", "SetRules", "Settings", "Submission",
    "SubmitGeneration", "TakeDelivery", "TakeTransitions", "Transition", "World", "Worlds", "check_key",
    "clock_factory", "next_attempt", "plan_for", "read_start", "read_time", "real_clock", "refund_due", "refuse_key", "seeded_random", "starting",
]  # fmt: skip
