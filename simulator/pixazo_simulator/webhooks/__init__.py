"""Signs webhooks and sends them when they are due: dispatcher, sender, signatures, where webhooks may go, and which receivers are trusted."""

from __future__ import annotations

from .compose import composed, secrets
from .dispatcher import MOST_STARTED, AdvanceError, AdvanceEvent, Dispatcher
from .sender import USER_AGENT, Sender, WebhookRequest
from .signature import SIGNED_BY, read_secret, verify
from .trust import read_authorities, trusting

__all__ = [
    "MOST_STARTED", "SIGNED_BY", "USER_AGENT", "AdvanceError", "AdvanceEvent", "Dispatcher", "Sender", "WebhookRequest", "composed",
    "read_authorities", "read_secret", "secrets", "trusting", "verify",
]  # fmt: skip
