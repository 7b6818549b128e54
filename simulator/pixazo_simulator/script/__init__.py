"""What a test scripts: rules, matchers and faults, and what they do to a response."""

# ruff: noqa: F403, F405 - what other wings may use stands once, in `__all__`

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .effects import *
from .engine import *
from .facts import *
from .faults import *
from .injection import *
from .matchers import *
from .rule import *

if TYPE_CHECKING:
    from .builder import When
    from .examples import EXAMPLES, default_of, in_python, in_toml
    from .reader import script_from, script_problems

__all__ = [
    "ABSENT", "CALLS", "EXAMPLES", "FAULTS", "KNOWN", "LONGEST_TEXT", "MOST_RULES", "UNANSWERED", "UNREADABLE", "WHENS", "AnyFault", "BadSignature", "BeforeReply", "Call", "Close", "Condition", "ConnectionReset", "DeadReceiver", "Decision", "Delay", "Diagnosis", "Drop", "Duplicate", "End", "Ending", "Facts", "Fault", "Length", "Matcher", "MediaCall", "MediaConditions", "MediaGone", "ModelCall", "Noise", "Reorder", "Reply", "ReplyLost", "RequestConditions", "Reset", "Rule", "SavedScript", "Script", "Send", "StaleSignature", "StatusCode", "StatusConditions", "Step", "Stuck", "SubmitCall", "SubmitConditions", "Transmission", "TruncatedBody", "Wait", "WebhookConditions", "When", "WrongContentType", "at_download", "at_read", "at_submit", "corrupted", "cut", "default_of", "edited", "fault_of", "in_python", "in_toml", "inject", "kind_of", "known_rules", "operations", "read_matcher", "replacement", "script_from", "script_problems", "wait", "weight",
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
