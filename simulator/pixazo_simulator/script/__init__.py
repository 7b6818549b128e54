"""What a test scripts: rules, matchers and faults, and what they do to a response."""

from __future__ import annotations

from .builder import When
from .effects import (
    BeforeResponse,
    Close,
    Declare,
    GiveWay,
    Refuse,
    Repeat,
    Reset,
    Send,
    Silence,
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
    SUBMITS,
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
from .injection import corrupted, edited, effect, injected, replacement, transmission, wait
from .matchers import ABSENT, Matcher, read_matcher, weight
from .rule import EXAMPLES, FAULTS, MOST_RULES, End, Rule, in_python, in_toml, kind_of, script_from

__all__ = [
    "ABSENT", "CALLS", "EXAMPLES", "FAULTS", "LONGEST_TEXT", "MOST_RULES", "SUBMITS", "BeforeResponse", "Call", "Close", "Condition", "Decision", "Declare", "Diagnosis", "End", "Facts", "Fault", "GiveWay", "Matcher", "MediaCall", "MediaConditions", "Refuse", "Repeat", "RequestConditions", "Reset", "Rule", "Script", "Send", "Silence", "Skip", "Stall", "StatusConditions", "SubmitCall", "SubmitConditions", "Transmission", "Wait", "WebhookConditions", "When", "at_download", "at_read", "at_submit", "corrupted", "cut", "edited", "effect", "in_python", "in_toml", "injected", "kind_of", "read_matcher", "replacement", "script_from", "transmission", "wait", "weight",
]  # fmt: skip
