"""The control API under `/_sim`, by which a test in any language creates, scripts, advances and reads a world; and its client.

It is imported on first use: a process that only needs the client loads no server, and a server answers its first caller without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .body_queue import BodyQueue
    from .client import TOKEN_HEADER, TOKEN_VARIABLE, ControlClient, ControlError, HttpChannel, InitialGeneration
    from .discovery import discovery_document
    from .handler import ControlHandler, check_access, read_body
    from .openapi import document
    from .repeat import curl, curl_command
    from .route import ControlRoute, Refused
    from .routes import ROUTES
    from .schema import responses
    from .schema.policy import PolicyFields
    from .schema.responses import (
        Attempt,
        Bill,
        BilledGeneration,
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

__all__ = [
    "ROUTES", "TOKEN_HEADER", "TOKEN_VARIABLE", "Attempt", "Bill", "BilledGeneration", "BodyQueue", "ClockState", "ControlClient", "ControlError", "ControlHandler", "ControlRoute",
    "Delivery", "Entry", "Event", "Exchange", "Explanation", "Generation", "HttpChannel", "InitialGeneration", "JournalPage",
    "PolicyDecision", "PolicyFields", "Refused", "Request", "ScriptRule", "TlsListener", "WaitResult", "check_access", "curl", "curl_command", "discovery_document",
    "document", "from_json", "read_body", "responses", "to_json",
]  # fmt: skip

_HOMES = {
    ".body_queue": "BodyQueue",
    ".client": "TOKEN_HEADER TOKEN_VARIABLE ControlClient ControlError HttpChannel InitialGeneration",
    ".repeat": "curl curl_command",
    ".discovery": "discovery_document",
    ".handler": "ControlHandler check_access read_body",
    ".openapi": "document",
    ".route": "ControlRoute Refused",
    ".routes": "ROUTES",
    ".schema": "responses",
    ".schema.policy": "PolicyFields",
    ".schema.responses": (
        "Attempt Bill BilledGeneration ClockState Delivery Entry Event Exchange Explanation Generation JournalPage PolicyDecision Request ScriptRule "
        "TlsListener WaitResult from_json to_json"
    ),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names.split():
            return getattr(import_module(home, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
