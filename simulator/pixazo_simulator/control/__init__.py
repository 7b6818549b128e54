"""The control API under `/_sim`, by which a test in any language creates, scripts, advances and reads a world; and its client.

What only a server needs is imported on first use: a process that only needs the client loads no server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_simulator.exports import exported

from .client import LOOPBACK_OF, TOKEN_VARIABLE, ControlClient, ControlError, HttpChannel
from .schema.responses import (
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
    from_json,
    to_json,
)

if TYPE_CHECKING:
    from .handler import BodyQueue, ControlHandler, discovery_document, read_body
    from .openapi import document
    from .route import Refused
    from .routes import ROUTES

__all__ = [
    "LOOPBACK_OF", "ROUTES", "TOKEN_VARIABLE", "Attempt", "BodyQueue", "ClockState", "ControlClient", "ControlError", "ControlHandler", "Delivery",
    "Entry", "Event", "Exchange", "Explanation", "Generation", "HttpChannel", "Refused", "Request", "ScriptRule", "TlsListener",
    "discovery_document", "document", "from_json", "read_body", "to_json",
]  # fmt: skip

_HOMES = {
    ".handler": "BodyQueue ControlHandler discovery_document read_body",
    ".openapi": "document",
    ".route": "Refused",
    ".routes": "ROUTES",
}


def __getattr__(name: str) -> object:
    return exported(name, __name__, _HOMES)
