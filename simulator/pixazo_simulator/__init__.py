"""An offline simulator of Pixazo's MiniMax Hailuo gateway. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .control.client import ControlClient, ControlError
    from .script.builder import When
    from .script.faults import (  # fmt: skip
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
    )
    from .script.matchers import (  # fmt: skip
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
    )
    from .script.rule import End, Reply, Rule, Step
    from .server.simulator import Simulator, SimulatorError
    from .spec.policy.points import PROFILES, Policy
    from .webhooks.dispatcher import AdvanceError
    from .world.registry import Settings
    from .world.state.clock import Clock

__all__ = [
    "PROFILES", "AdvanceError", "BeforeReply", "Clock", "CompletedWithoutMedia", "ConnectionReset", "ControlClient", "ControlError",
    "DeadReceiver", "Delay", "Drop", "Duplicate", "EmptyReply", "End", "GarbledBody", "Hang", "HtmlPage", "LognormalDelay",
    "Matcher", "MediaGone", "NotFoundWindow", "Policy", "Reorder", "Reply", "ReplyLost", "Rule", "Settings", "Simulator",
    "SimulatorError", "SlowDrip", "StatusCode", "Step", "Stuck", "TruncatedBody", "UniformDelay", "UnknownStatus", "When",
    "WrongContentType", "absent", "at_least", "at_most", "contains", "ends_with", "equals", "matches", "one_of", "present",
    "starts_with",
]  # fmt: skip

_NAMES = {
    "world.state.clock": "Clock",
    "control.client": "ControlClient ControlError",
    "webhooks.dispatcher": "AdvanceError",
    "script.faults": (
        "BeforeReply CompletedWithoutMedia ConnectionReset DeadReceiver Delay Drop Duplicate EmptyReply GarbledBody Hang "
        "HtmlPage LognormalDelay MediaGone NotFoundWindow Reorder ReplyLost SlowDrip StatusCode Stuck TruncatedBody "
        "UniformDelay UnknownStatus WrongContentType "
    ),
    "script.matchers": "Matcher absent at_least at_most contains ends_with equals matches one_of present starts_with",
    "spec.policy.points": "PROFILES Policy",
    "script.rule": "End Reply Rule Step",
    "server.simulator": "Simulator SimulatorError",
    "script.builder": "When",
    "world.registry": "Settings",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import what is asked for only when it is: the server costs far more than the rest."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
