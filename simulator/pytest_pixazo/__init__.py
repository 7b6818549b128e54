"""The pytest plugin of pixazo-testkit, and the words that tests script a world with. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixazo_simulator import (
        BeforeReply,
        CompletedWithoutMedia,
        ConnectionReset,
        DeadReceiver,
        Delay,
        Drop,
        Duplicate,
        EmptyReply,
        End,
        GarbledBody,
        Hang,
        HtmlPage,
        LognormalDelay,
        Matcher,
        MediaGone,
        NotFoundWindow,
        Reorder,
        Reply,
        ReplyLost,
        Rule,
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
    from .webhooks.callback import Callback
    from .webhooks.inbox import Inbox, InboxError
    from .world.pixazo import Pixazo
    from .world.record import Record

__all__ = [
    "BeforeReply", "BrokenOrderError", "Callback", "CompletedWithoutMedia", "ConnectionReset", "DeadReceiver",
    "Delay", "Drop", "Duplicate", "EmptyReply", "End", "Exploration", "GarbledBody", "Hang", "HtmlPage", "Inbox",
    "InboxError", "LognormalDelay", "Matcher", "MediaGone", "NotFoundWindow", "Pixazo", "Record", "Reorder",
    "Reply", "ReplyLost", "Rule", "Scene", "SlowDrip", "StatusCode", "Step", "Stuck", "TruncatedBody",
    "UnfitAppError", "UniformDelay", "UnknownStatus", "When", "WrongContentType", "absent", "at_least", "at_most",
    "contains", "ends_with", "equals", "explore", "matches", "one_of", "present", "starts_with",
]  # fmt: skip

_OWN = {
    "BrokenOrderError": "explorer.exploration", "Callback": "webhooks.callback", "Exploration": "explorer.exploration", "Inbox": "webhooks.inbox", "InboxError": "webhooks.inbox",
    "Pixazo": "world.pixazo", "Record": "world.record", "Scene": "explorer.run", "UnfitAppError": "explorer.run", "explore": "explorer.exploration",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Import what is asked for only when it is: pytest imports this package in every run."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f".{_OWN[name]}", __name__) if name in _OWN else import_module("pixazo_simulator")
    return getattr(home, name)
