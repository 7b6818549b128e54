"""The pytest plugin of pixazo-testkit: what a test scripts its world with, and the types that its fixtures give. Unofficial."""

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
    )

    from .explorer import BrokenOrderError, Exploration, InvalidAppError, Scene, explore
    from .plugin import Endpoint
    from .sleep import SleepLimitError, Sleeps
    from .webhooks import Callback, Inbox, InboxError, SignatureError
    from .world import Pixazo, Record

__all__ = [
    "BeforeReply", "BrokenOrderError", "Callback", "CompletedWithoutMedia", "ConnectionReset", "DeadReceiver",
    "Delay", "Drop", "Duplicate", "EmptyReply", "End", "Endpoint", "Exploration", "GarbledBody", "Hang", "HtmlPage", "Inbox",
    "InboxError", "InvalidAppError", "LognormalDelay", "Matcher", "MediaGone", "NotFoundWindow", "Pixazo", "Record",
    "Reorder", "Reply", "ReplyLost", "Rule", "Scene", "SignatureError", "SleepLimitError", "Sleeps", "SlowDrip",
    "StatusCode", "Step", "Stuck", "TruncatedBody", "UniformDelay", "UnknownStatus", "When", "WrongContentType",
    "absent", "at_least", "at_most", "contains", "ends_with", "equals", "explore", "matches", "one_of", "present",
    "starts_with",
]  # fmt: skip

#: The names of our own wings; every other name is handed on from `pixazo_simulator`. Type checkers read the imports above.
_WINGS = {
    "explorer": ("BrokenOrderError", "Exploration", "InvalidAppError", "Scene", "explore"),
    "plugin": ("Endpoint",),
    "sleep": ("SleepLimitError", "Sleeps"),
    "webhooks": ("Callback", "Inbox", "InboxError", "SignatureError"),
    "world": ("Pixazo", "Record"),
}
_SOURCES = {name: f"{__name__}.{wing}" for wing, names in _WINGS.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a name when it is first used, since every pytest session imports this package."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_SOURCES.get(name, "pixazo_simulator")), name)
