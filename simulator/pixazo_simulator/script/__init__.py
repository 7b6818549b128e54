"""What a test scripts: rules, matchers and faults, and what they do to a response."""

from __future__ import annotations

from .builder import When
from .canned import canned_answer
from .effects import content_type, delay, edited, garbled
from .engine import Decision, Diagnosis, Occasion, Script
from .examples import EXAMPLES, in_python, in_toml
from .faults import (
    FAULTS,
    SUBMITS,
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
    commits,
    kind_of,
)
from .matchers import ABSENT, Matcher, read_matcher, weight
from .reader import MOST_RULES
from .rule import OCCASIONS, End, Rule, Step
from .script_file import script_from

__all__ = [
    "ABSENT", "EXAMPLES", "FAULTS", "MOST_RULES", "OCCASIONS", "SUBMITS", "BeforeReply", "ConnectionReset", "DeadReceiver", "Decision", "Delay", "Diagnosis", "Drop", "Duplicate", "EmptyReply", "End", "Fault", "Hang", "LognormalDelay", "Matcher", "Occasion", "Reorder", "ReplyLost", "Rule", "Script", "SlowDrip", "Step", "Stuck", "TruncatedBody", "UniformDelay", "When", "canned_answer", "commits", "content_type", "delay", "edited", "garbled", "in_python", "in_toml", "kind_of", "read_matcher", "script_from", "weight",
]  # fmt: skip
