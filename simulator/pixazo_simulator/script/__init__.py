"""What a test scripts: rules, matchers and faults, and what they do to a response."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .effects import (
    BeforeResponse,
    Close,
    Declare,
    Ending,
    GiveWay,
    Noise,
    RefuseConnection,
    Repeat,
    Reset,
    Send,
    Sign,
    Skip,
    Stall,
    Transmission,
    Wait,
    cut,
)
from .engine import Decision, Diagnosis, SavedScript, Script
from .facts import (
    CALLS,
    KNOWN,
    LONGEST_TEXT,
    WHENS,
    Call,
    Condition,
    Facts,
    MediaCall,
    MediaConditions,
    ModelCall,
    RequestConditions,
    StatusConditions,
    SubmitCall,
    SubmitConditions,
    WebhookConditions,
    at_download,
    at_read,
    at_submit,
    operations,
)
from .faults import (
    AnyFault,
    ConnectionReset,
    DeadReceiver,
    Delay,
    Drop,
    Duplicate,
    Fault,
    MediaGone,
    Reorder,
    ReplyLost,
    StatusCode,
    TruncatedBody,
)
from .injection import corrupted, edited, effect, inject, replacement, wait
from .matchers import ABSENT, Matcher, read_matcher, weight
from .rule import FAULTS, MOST_RULES, UNANSWERED, UNREADABLE, End, Length, Reply, Rule, Step, kind_of, known_rules

if TYPE_CHECKING:
    from .builder import When
    from .examples import EXAMPLES, default_of, in_python, in_toml
    from .reader import script_from, script_problems

__all__ = [
    "ABSENT", "CALLS", "EXAMPLES", "FAULTS", "KNOWN", "LONGEST_TEXT", "MOST_RULES", "UNANSWERED", "UNREADABLE", "WHENS", "AnyFault", "BeforeResponse", "Call", "Close", "Condition", "ConnectionReset", "DeadReceiver", "Decision", "Declare", "Delay", "Diagnosis", "Drop", "Duplicate", "End", "Ending", "Facts", "Fault", "GiveWay", "Length", "Matcher", "MediaCall", "MediaConditions", "MediaGone", "ModelCall", "Noise", "RefuseConnection", "Reorder", "Repeat", "Reply", "ReplyLost", "RequestConditions", "Reset", "Rule", "SavedScript", "Script", "Send", "Sign", "Skip", "Stall", "StatusCode", "StatusConditions", "Step", "SubmitCall", "SubmitConditions", "Transmission", "TruncatedBody", "Wait", "WebhookConditions", "When", "at_download", "at_read", "at_submit", "corrupted", "cut", "default_of", "edited", "effect", "in_python", "in_toml", "inject", "kind_of", "known_rules", "operations", "read_matcher", "replacement", "script_from", "script_problems", "wait", "weight",
]  # fmt: skip

_HOMES = {
    ".builder": "When",
    ".examples": "EXAMPLES default_of in_python in_toml",
    ".reader": "script_from script_problems",
}
"""Imported on first use: a server without a script needs none of them."""


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(import_module(home, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
