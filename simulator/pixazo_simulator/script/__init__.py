"""What a test scripts: rules, matchers and faults, and what they do to a response."""

from __future__ import annotations

from .builder import When
from .effects import (
    BeforeResponse,
    Close,
    Declare,
    Discard,
    Effect,
    GiveWay,
    Refuse,
    Repeat,
    Reset,
    Respond,
    Send,
    Silence,
    Skip,
    Stall,
    Transmission,
    Wait,
    cut,
)
from .engine import Decision, Diagnosis, Occasion, Script
from .examples import EXAMPLES, in_python, in_toml
from .faults import (
    BeforeReply,
    ConnectionReset,
    DeadReceiver,
    Delay,
    Drop,
    Duplicate,
    EmptyReply,
    Fault,
    Hang,
    LognormalDelay,
    Reorder,
    ReplyLost,
    SlowDrip,
    Stuck,
    TruncatedBody,
    UniformDelay,
)
from .injection import (
    NO_RESPONSE,
    canned_answer,
    commits,
    content_type,
    corrupted,
    delay,
    edited,
    effect,
    garbled,
    injected,
    replacement,
    transmission,
    wait,
)
from .matchers import ABSENT, Matcher, read_matcher, weight
from .reader import MOST_RULES
from .rule import FAULTS, OCCASIONS, SUBMITS, End, Rule, Step, kind_of
from .script_file import script_from

__all__ = [
    "ABSENT", "EXAMPLES", "FAULTS", "MOST_RULES", "NO_RESPONSE", "OCCASIONS", "SUBMITS", "BeforeReply", "BeforeResponse", "Close", "ConnectionReset", "DeadReceiver", "Decision", "Declare", "Delay", "Diagnosis", "Discard", "Drop", "Duplicate", "Effect", "EmptyReply", "End", "Fault", "GiveWay", "Hang", "LognormalDelay", "Matcher", "Occasion", "Refuse", "Reorder", "Repeat", "ReplyLost", "Reset", "Respond", "Rule", "Script", "Send", "Silence", "Skip", "SlowDrip", "Stall", "Step", "Stuck", "Transmission", "TruncatedBody", "UniformDelay", "Wait", "When", "canned_answer", "commits", "content_type", "corrupted", "cut", "delay", "edited", "effect", "garbled", "in_python", "in_toml", "injected", "kind_of", "read_matcher", "replacement", "script_from", "transmission", "wait", "weight",
]  # fmt: skip
