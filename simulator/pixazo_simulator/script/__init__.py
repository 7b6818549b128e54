"""What a test scripts: rules, matchers and faults, and what they do to a response."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .effects import Close, Ending, Noise, Reset, Send, Transmission, Wait, cut
from .engine import Decision, Diagnosis, SavedScript, Script
from .facts import (
    CALLS,
    KNOWN,
    LONGEST_TEXT,
    Call,
    Condition,
    Facts,
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
    BadSignature,
    BeforeReply,
    ConnectionReset,
    DeadReceiver,
    Delay,
    Drop,
    Duplicate,
    Fault,
    MediaGone,
    Reorder,
    ReplyLost,
    StaleSignature,
    StatusCode,
    Stuck,
    TruncatedBody,
    WrongContentType,
)
from .injection import corrupted, edited, fault_of, inject, replacement, wait
from .matchers import ABSENT, Matcher, read_matcher, weight
from .rule import (
    FAULTS,
    MOST_RULES,
    UNANSWERED,
    UNREADABLE,
    End,
    Length,
    Reply,
    Rule,
    Step,
    kind_of,
    known_rules,
    plain_rules,
)

if TYPE_CHECKING:
    from .builder import EXAMPLES, When, default_of, in_python, in_toml, script_from, script_problems

__all__ = [
    "ABSENT", "CALLS", "EXAMPLES", "FAULTS", "KNOWN", "LONGEST_TEXT", "MOST_RULES", "UNANSWERED", "UNREADABLE", "AnyFault", "BadSignature", "BeforeReply", "Call", "Close", "Condition", "ConnectionReset", "DeadReceiver", "Decision", "Delay", "Diagnosis", "Drop", "Duplicate", "End", "Ending", "Facts", "Fault", "Length", "Matcher", "MediaConditions", "MediaGone", "ModelCall", "Noise", "Reorder", "Reply", "ReplyLost", "RequestConditions", "Reset", "Rule", "SavedScript", "Script", "Send", "StaleSignature", "StatusCode", "StatusConditions", "Step", "Stuck", "SubmitCall", "SubmitConditions", "Transmission", "TruncatedBody", "Wait", "WebhookConditions", "When", "WrongContentType", "at_download", "at_read", "at_submit", "corrupted", "cut", "default_of", "edited", "fault_of", "in_python", "in_toml", "inject", "kind_of", "known_rules", "operations", "plain_rules", "read_matcher", "replacement", "script_from", "script_problems", "wait", "weight",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Import the builder on first use: a server without a script needs nothing of it."""
    if name in __all__:
        return getattr(import_module(".builder", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
