"""What a test scripts: rules, matchers and faults, and what they do to a response."""

from __future__ import annotations

from .builder import When
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
from .engine import Decision, Diagnosis, Script
from .facts import (
    CALLS,
    LONGEST_TEXT,
    Call,
    Condition,
    Facts,
    MediaCall,
    MediaConditions,
    RequestConditions,
    StatusConditions,
    SubmitCall,
    SubmitConditions,
    WebhookConditions,
    at_download,
    at_read,
    at_submit,
)
from .faults import Fault
from .injection import corrupted, edited, effect, inject, replacement, wait
from .matchers import ABSENT, Matcher, read_matcher, weight
from .reader import script_from
from .rule import EXAMPLES, FAULTS, MOST_RULES, End, Length, Rule, in_python, in_toml, kind_of

__all__ = [
    "ABSENT", "CALLS", "EXAMPLES", "FAULTS", "LONGEST_TEXT", "MOST_RULES", "BeforeResponse", "Call", "Close", "Condition", "Decision", "Declare", "Diagnosis", "End", "Ending", "Facts", "Fault", "GiveWay", "Length", "Matcher", "MediaCall", "MediaConditions", "Noise", "RefuseConnection", "Repeat", "RequestConditions", "Reset", "Rule", "Script", "Send", "Sign", "Skip", "Stall", "StatusConditions", "SubmitCall", "SubmitConditions", "Transmission", "Wait", "WebhookConditions", "When", "at_download", "at_read", "at_submit", "corrupted", "cut", "edited", "effect", "in_python", "in_toml", "inject", "kind_of", "read_matcher", "replacement", "script_from", "wait", "weight",
]  # fmt: skip
