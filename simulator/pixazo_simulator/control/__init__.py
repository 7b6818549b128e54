"""The control API under `/_sim`, by which a test in any language creates, scripts, advances and reads a world; and its client.

Names are imported on first use: a process that only needs the client loads no server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import ControlClient, ControlError, HttpChannel
    from .discovery import discovery_document
    from .handler import ControlHandler, Turns
    from .openapi import document
    from .routes import ROUTES
    from .schema.responses import (  # fmt: skip
        Attempt,
        ClockState,
        Delivery,
        Entry,
        Event,
        Exchange,
        Explanation,
        Generation,
        Request,
        ScriptRule,
        TlsListener,
    )
    from .schema.types import from_json, to_json

__all__ = [
    "ROUTES", "Attempt", "ClockState", "ControlClient", "ControlError", "ControlHandler", "Delivery", "Entry", "Event", "Exchange",
    "Explanation", "Generation", "HttpChannel", "Request", "ScriptRule", "TlsListener", "Turns", "discovery_document", "document",
    "from_json", "to_json",
]  # fmt: skip

_NAMES = {
    "client": "ControlClient ControlError HttpChannel",
    "discovery": "discovery_document",
    "handler": "ControlHandler Turns",
    "openapi": "document",
    "routes": "ROUTES",
    "schema.responses": "Attempt ClockState Delivery Entry Event Exchange Explanation Generation Request ScriptRule TlsListener",
    "schema.types": "from_json to_json",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
