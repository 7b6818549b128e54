"""Sends webhooks when they are due: dispatcher, sender, signature, and the limits on where webhooks may go."""

from __future__ import annotations

from .dispatcher import AdvanceError, Dispatcher, FallenDue
from .sender import USER_AGENT, Sender, WebhookRequest
from .signature import secret

__all__ = ["USER_AGENT", "AdvanceError", "Dispatcher", "FallenDue", "Sender", "WebhookRequest", "secret"]
