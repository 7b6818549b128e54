"""Our own routes under `/_sim`: everything that a test does with a world, in any language, and their client.

Names are imported when they are asked for: a process that only needs the client loads no server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import Control
    from .client import ControlClient, ControlError, HttpChannel
    from .discovery import invitation
    from .openapi import document
    from .route import TlsListener
    from .routes import ROUTES
    from .turns import Turns

__all__ = [
    "ROUTES",
    "Control",
    "ControlClient",
    "ControlError",
    "HttpChannel",
    "TlsListener",
    "Turns",
    "document",
    "invitation",
]

_HOMES = {
    "Control": "api",
    "ControlClient": "client",
    "ControlError": "client",
    "TlsListener": "route",
    "HttpChannel": "client",
    "ROUTES": "routes",
    "Turns": "turns",
    "document": "openapi",
    "invitation": "discovery",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
