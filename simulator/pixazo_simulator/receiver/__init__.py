"""Receives webhooks: shows, keeps, saves them, checks their signatures, and forwards them to a running app."""

from __future__ import annotations

from .app import Receiver
from .callback import Callback
from .forwarder import Forwarder, read_target
from .kept import Entry, Kept
from .saved import read_saved, saved_line
from .shown import is_taken, json_line, text_line
from .signature import judge

__all__ = [
    "Callback", "Entry", "Forwarder", "Kept", "Receiver", "is_taken", "json_line", "judge", "read_saved", "read_target",
    "saved_line", "text_line",
]  # fmt: skip
