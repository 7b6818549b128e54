"""Everything that one API key can see, computed from commands and the current instant."""

from __future__ import annotations

from .account import Entry, EntryKind, Ledger, refund_due
from .admission import Admission, Admitted, Submission, refuse_key
from .clock import Begun, Clock, StoredTime, clock_factory, read_start, read_time, real_clock, real_date, starting
from .commands import (
    AddAlias,
    AddRule,
    AdoptWorld,
    AdvanceClock,
    AdvanceIdly,
    AdvanceServer,
    BeginWithGenerations,
    ChangeSettings,
    ChangeWorld,
    Command,
    CopyDelivery,
    CountCall,
    CreateWorld,
    Debit,
    DeleteWorld,
    EndTurn,
    ForgetProcess,
    ForgetState,
    Generation,
    InitialGeneration,
    KeepState,
    Outcome,
    ReadMedia,
    ReadStatus,
    RecordAttempt,
    RecordExchange,
    RemoveRule,
    ReplaceRule,
    RestoreState,
    ReturnDelivery,
    RotateSecret,
    ServerCommand,
    SetRules,
    StateUnavailableError,
    StopClock,
    SubmitGeneration,
    TakeDelivery,
    TakeNumber,
    TakeTransitions,
    TakeTurn,
    Transition,
)
from .deliveries import Attempt, Delivery, Form, next_attempt
from .generations import REQUEST_ID_FORMS, plan_for, seeded_random
from .journal import Exchange, Journal
from .part import Row, rows
from .registry import DEFAULT_KEY, Forks, KeyTakenError, Settings, Worlds, check_key, operations_by_name
from .world import World

__all__ = [
    "DEFAULT_KEY", "REQUEST_ID_FORMS", "AddAlias", "AddRule", "Admission", "Admitted", "AdoptWorld", "AdvanceClock", "AdvanceIdly",
    "AdvanceServer", "Attempt", "BeginWithGenerations", "Begun", "ChangeSettings", "ChangeWorld", "Clock", "Command", "CopyDelivery", "CountCall",
    "CreateWorld", "Debit", "DeleteWorld", "Delivery", "EndTurn", "Entry", "EntryKind", "Exchange", "ForgetProcess", "ForgetState",
    "Forks", "Form", "Generation", "InitialGeneration", "Journal", "KeepState", "KeyTakenError", "Ledger", "Outcome", "ReadMedia",
    "ReadStatus", "RecordAttempt", "RecordExchange", "RemoveRule", "ReplaceRule", "RestoreState", "ReturnDelivery", "RotateSecret",
    "Row", "ServerCommand", "SetRules", "Settings", "StateUnavailableError", "StopClock", "StoredTime", "Submission",
    "SubmitGeneration", "TakeDelivery", "TakeNumber", "TakeTransitions", "TakeTurn", "Transition", "World", "Worlds", "check_key",
    "clock_factory", "next_attempt", "operations_by_name", "plan_for", "read_start", "read_time", "real_clock", "real_date",
    "refund_due", "refuse_key", "rows", "seeded_random", "starting",
]  # fmt: skip
