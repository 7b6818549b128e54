"""Receives webhook deliveries for a test: an inbox on a loopback port, or the app itself, called in process."""

from __future__ import annotations

from .callback import Callback, SignatureError
from .event_loops import InboxError
from .inbox import Inbox

__all__ = ["Callback", "Inbox", "InboxError", "SignatureError"]
