"""Receives callbacks for a test: an inbox on a loopback port, or the app itself, called in process."""

from .event_loops import InboxError
from .inbox import Inbox
from .receivers import Callback, SignatureError

__all__ = ["Callback", "Inbox", "InboxError", "SignatureError"]
