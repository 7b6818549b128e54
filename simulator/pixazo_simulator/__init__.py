"""An offline simulator of Pixazo's MiniMax Hailuo gateway. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .control.client import ControlClient, ControlError
    from .control.schema.responses import (  # fmt: skip
        Attempt,
        ClockState,
        Delivery,
        DeliveryPage,
        Entry,
        Event,
        Exchange,
        Explanation,
        Generation,
        GenerationPage,
        Health,
        JournalPage,
        LedgerPage,
        Plan,
        Request,
        Response,
        RuleDiagnosis,
        ScriptRule,
        ScriptState,
        TlsListener,
        WaitResult,
        WorldState,
    )
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
    "PROFILES", "AdvanceError", "Attempt", "BeforeReply", "Clock", "ClockState", "CompletedWithoutMedia",
    "ConnectionReset", "ControlClient", "ControlError", "DeadReceiver", "Delay", "Delivery", "DeliveryPage",
    "Drop", "Duplicate", "EmptyReply", "End", "Entry", "Event", "Exchange", "Explanation", "GarbledBody",
    "Generation", "GenerationPage", "Hang", "Health", "HtmlPage", "JournalPage", "LedgerPage",
    "LognormalDelay", "Matcher", "MediaGone", "NotFoundWindow", "Plan", "Policy", "Reorder", "Reply", "ReplyLost",
    "Request", "Response", "Rule", "RuleDiagnosis", "ScriptRule", "ScriptState", "Settings", "Simulator",
    "SimulatorError", "SlowDrip", "StatusCode", "Step", "Stuck", "TlsListener", "TruncatedBody", "UniformDelay",
    "UnknownStatus", "WaitResult", "When", "WorldState", "WrongContentType", "absent", "at_least", "at_most",
    "contains", "ends_with", "equals", "matches", "one_of", "present", "starts_with",
]  # fmt: skip

_NAMES = {
    "world.state.clock": "Clock",
    "control.client": "ControlClient ControlError",
    "control.schema.responses": (
        "Attempt ClockState Delivery DeliveryPage Entry Event Exchange Explanation Generation GenerationPage Health "
        "JournalPage LedgerPage Plan Request Response RuleDiagnosis ScriptRule ScriptState TlsListener WaitResult WorldState"
    ),
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
