"""Receives webhooks: shows, keeps, saves them, checks their signatures, and forwards them to a running app."""

from __future__ import annotations

from .app import Receiver
from .callback import Callback, Kept, KeptCallback, judge
from .forwarder import Forwarder, read_target
from .shown import json_line, read_saved, saved_line, text_line

__all__ = [
    "Callback", "Forwarder", "Kept", "KeptCallback", "Receiver", "json_line", "judge", "read_saved", "read_target", "saved_line", "text_line",
]  # fmt: skip
