"""The pytest plugin of pixazo-testkit, and the words that tests script a world with. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixazo_simulator import (
        Attempt,
        BeforeReply,
        ClockState,
        CompletedWithoutMedia,
        ConnectionReset,
        ControlClient,
        ControlError,
        DeadReceiver,
        Delay,
        Delivery,
        Drop,
        Duplicate,
        EmptyReply,
        End,
        Entry,
        Event,
        Exchange,
        Explanation,
        GarbledBody,
        Generation,
        Hang,
        HtmlPage,
        LognormalDelay,
        Matcher,
        MediaGone,
        NotFoundWindow,
        Plan,
        Reorder,
        Reply,
        ReplyLost,
        Request,
        Response,
        Rule,
        RuleDiagnosis,
        ScriptRule,
        Simulator,
        SlowDrip,
        StatusCode,
        Step,
        Stuck,
        TruncatedBody,
        UniformDelay,
        UnknownStatus,
        When,
        WrongContentType,
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

    from .explorer.exploration import BrokenOrderError, Exploration, explore
    from .explorer.run import Scene, UnfitAppError
    from .plugin import Endpoint
    from .sleep import Sleeps
    from .testcase.simulators import SharedSimulator
    from .webhooks.callback import Callback
    from .webhooks.inbox import Inbox, InboxError
    from .world import Clock, Deliveries, Journal, Pixazo, Record, Wallet

__all__ = [
    "Attempt", "BeforeReply", "BrokenOrderError", "Callback", "Clock", "ClockState", "CompletedWithoutMedia",
    "ConnectionReset", "ControlClient", "ControlError", "DeadReceiver", "Delay", "Deliveries", "Delivery",
    "Drop", "Duplicate", "EmptyReply", "End", "Endpoint", "Entry", "Event", "Exchange", "Explanation", "Exploration",
    "GarbledBody", "Generation", "Hang", "HtmlPage", "Inbox", "InboxError", "Journal", "LognormalDelay",
    "Matcher", "MediaGone", "NotFoundWindow", "Pixazo", "Plan", "Record", "Reorder", "Reply", "ReplyLost", "Request",
    "Response", "Rule", "RuleDiagnosis", "Scene", "ScriptRule", "SharedSimulator", "Simulator", "Sleeps", "SlowDrip",
    "StatusCode", "Step", "Stuck", "TruncatedBody", "UnfitAppError", "UniformDelay", "UnknownStatus", "Wallet",
    "When", "WrongContentType", "absent", "at_least", "at_most", "contains", "ends_with", "equals", "explore",
    "matches", "one_of", "present", "starts_with",
]  # fmt: skip

_OWN = {
    "BrokenOrderError": "explorer.exploration", "Callback": "webhooks.callback", "Exploration": "explorer.exploration", "Inbox": "webhooks.inbox", "InboxError": "webhooks.inbox",
    "Clock": "world", "Deliveries": "world", "Journal": "world", "Pixazo": "world", "Record": "world", "Wallet": "world",
    "Endpoint": "plugin", "SharedSimulator": "testcase.simulators", "Sleeps": "sleep", "Scene": "explorer.run", "UnfitAppError": "explorer.run", "explore": "explorer.exploration",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Import what is asked for only when it is: pytest imports this package in every run."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f".{_OWN[name]}", __name__) if name in _OWN else import_module("pixazo_simulator")
    return getattr(home, name)
