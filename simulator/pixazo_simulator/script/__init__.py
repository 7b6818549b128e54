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
from .engine import Decision, Diagnosis, Script
from .examples import EXAMPLES, in_python, in_toml
from .facts import (
    CALLS,
    SUBMITS,
    Call,
    Conditions,
    Facts,
    MediaCall,
    MediaConditions,
    RequestConditions,
    StatusConditions,
    SubmitCall,
    SubmitConditions,
    WebhookConditions,
)
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
    corrupted,
    edited,
    effect,
    injected,
    replacement,
    transmission,
    wait,
)
from .matchers import ABSENT, Matcher, read_matcher, weight
from .reader import MOST_RULES, script_from
from .rule import FAULTS, End, Rule, Step, kind_of

__all__ = [
    "ABSENT", "CALLS", "EXAMPLES", "FAULTS", "MOST_RULES", "NO_RESPONSE", "SUBMITS", "BeforeReply", "BeforeResponse", "Call", "Close", "Conditions", "ConnectionReset", "DeadReceiver", "Decision", "Declare", "Delay", "Diagnosis", "Discard", "Drop", "Duplicate", "Effect", "EmptyReply", "End", "Facts", "Fault", "GiveWay", "Hang", "LognormalDelay", "Matcher", "MediaCall", "MediaConditions", "Refuse", "Reorder", "Repeat", "ReplyLost", "RequestConditions", "Reset", "Respond", "Rule", "Script", "Send", "Silence", "Skip", "SlowDrip", "Stall", "StatusConditions", "Step", "Stuck", "SubmitCall", "SubmitConditions", "Transmission", "TruncatedBody", "UniformDelay", "Wait", "WebhookConditions", "When", "corrupted", "cut", "edited", "effect", "in_python", "in_toml", "injected", "kind_of", "read_matcher", "replacement", "script_from", "transmission", "wait", "weight",
]  # fmt: skip
