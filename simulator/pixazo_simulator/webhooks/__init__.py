"""Signs webhooks and sends them when they are due: dispatcher, sender, where webhooks may go, and which receivers are trusted."""

from __future__ import annotations

from .compose import composed, secrets
from .dispatcher import MOST_STARTED, AdvanceError, AdvanceEvent, Dispatcher
from .sender import USER_AGENT, Sender, WebhookRequest
from .trust import read_authorities, trusting

__all__ = [
    "MOST_STARTED", "USER_AGENT", "AdvanceError", "AdvanceEvent", "Dispatcher", "Sender", "WebhookRequest", "composed", "read_authorities",
    "secrets", "trusting",
]  # fmt: skip
