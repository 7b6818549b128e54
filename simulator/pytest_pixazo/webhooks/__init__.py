"""Receives webhooks for a test: an inbox on a port, or the app itself, called in process."""

from __future__ import annotations

from .callback import Callback
from .inbox import Inbox
from .server import Listener, Request, Response

__all__ = [
    "Callback", "Inbox", "Listener", "Request", "Response",
]  # fmt: skip
