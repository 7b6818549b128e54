"""An offline simulator of Pixazo's MiniMax Hailuo gateway. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import Clock
    from .control_client import ControlClient, ControlError
    from .courier import AdvanceError
    from .faults import (
        BeforeReply,
        CompletedWithoutMedia,
        ConnectionReset,
        DeadReceiver,
        Delay,
        Drop,
        Duplicate,
        EmptyReply,
        GarbledBody,
        Hang,
        HtmlPage,
        LognormalDelay,
        MediaGone,
        NotFoundWindow,
        Reorder,
        ReplyLost,
        SlowDrip,
        StatusCode,
        Stuck,
        TruncatedBody,
        UniformDelay,
        UnknownStatus,
        WrongContentType,
    )  # fmt: skip
    from .matcher import (
        Matcher,
        absent,
        at_least,
        at_most,
        contains,
        ends_with,
        equals,
        matches,
        one_of,
        present,
        starts_with,
    )  # fmt: skip
    from .policy import PROFILES, Policy
    from .script import End, Reply, Rule, Step
    from .server import Simulator, SimulatorError
    from .when import When
    from .worlds import Settings

__all__ = [
    "PROFILES", "AdvanceError", "BeforeReply", "Clock", "CompletedWithoutMedia", "ConnectionReset", "ControlClient", "ControlError",
    "DeadReceiver", "Delay", "Drop", "Duplicate", "EmptyReply", "End", "GarbledBody", "Hang", "HtmlPage", "LognormalDelay",
    "Matcher", "MediaGone", "NotFoundWindow", "Policy", "Reorder", "Reply", "ReplyLost", "Rule", "Settings", "Simulator",
    "SimulatorError", "SlowDrip", "StatusCode", "Step", "Stuck", "TruncatedBody", "UniformDelay", "UnknownStatus", "When",
    "WrongContentType", "absent", "at_least", "at_most", "contains", "ends_with", "equals", "matches", "one_of", "present",
    "starts_with",
]  # fmt: skip

_NAMES = {
    "clock": "Clock",
    "control_client": "ControlClient ControlError",
    "courier": "AdvanceError",
    "faults": (
        "BeforeReply CompletedWithoutMedia ConnectionReset DeadReceiver Delay Drop Duplicate EmptyReply GarbledBody Hang "
        "HtmlPage LognormalDelay MediaGone NotFoundWindow Reorder ReplyLost SlowDrip StatusCode Stuck TruncatedBody "
        "UniformDelay UnknownStatus WrongContentType "
    ),
    "matcher": "Matcher absent at_least at_most contains ends_with equals matches one_of present starts_with",
    "policy": "PROFILES Policy",
    "script": "End Reply Rule Step",
    "server": "Simulator SimulatorError",
    "when": "When",
    "worlds": "Settings",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import what is asked for only when it is: the server costs far more than the rest."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
