"""Signs webhooks and sends them when they are due: dispatcher, sender, signatures, where webhooks may go, and which receivers are trusted."""

from .compose import SIGNED_BY, composed, read_secret, secrets, verify
from .dispatcher import MOST_STARTED, AdvanceError, AdvanceEvent, Dispatcher
from .sender import USER_AGENT, Sender, WebhookRequest, read_authorities, trusting

__all__ = [
    "MOST_STARTED", "SIGNED_BY", "USER_AGENT", "AdvanceError", "AdvanceEvent", "Dispatcher", "Sender", "WebhookRequest", "composed",
    "read_authorities", "read_secret", "secrets", "trusting", "verify",
]  # fmt: skip
