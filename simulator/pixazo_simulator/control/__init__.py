"""The control API under `/_sim`, by which a test in any language creates, scripts, advances and reads a world; and its client.

What only a server needs is imported on first use: a process that only needs the client loads no server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .client import LOOPBACK_OF, TOKEN_VARIABLE, ControlClient, ControlError, HttpChannel, real_clock
from .schema.responses import (
    Attempt,
    ClockState,
    Delivery,
    Entry,
    Event,
    Exchange,
    Explanation,
    Generation,
    JournalPage,
    PolicyDecision,
    Request,
    ScriptRule,
    TlsListener,
    WaitResult,
    from_json,
    to_json,
)

if TYPE_CHECKING:
    from .handler import BodyQueue, ControlHandler, discovery_document, read_body
    from .openapi import document
    from .route import Refused
    from .routes import ROUTES

__all__ = [
    "LOOPBACK_OF", "ROUTES", "TOKEN_VARIABLE", "Attempt", "BodyQueue", "ClockState", "ControlClient", "ControlError",
    "ControlHandler", "Delivery", "Entry", "Event", "Exchange", "Explanation", "Generation", "HttpChannel", "JournalPage",
    "PolicyDecision", "Refused", "Request", "ScriptRule", "TlsListener", "WaitResult", "discovery_document",
    "document", "from_json", "read_body", "real_clock", "to_json",
]  # fmt: skip

_HOMES = {
    "BodyQueue": ".handler",
    "ControlHandler": ".handler",
    "ROUTES": ".routes",
    "Refused": ".route",
    "discovery_document": ".handler",
    "document": ".openapi",
    "read_body": ".handler",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
