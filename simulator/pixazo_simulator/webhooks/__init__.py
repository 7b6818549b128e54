"""Posts webhooks when they fall due: dispatcher, sender, limits on where they may go, signature."""

from __future__ import annotations

from .dispatcher import AdvanceError, Courier, FallenDue
from .sender import USER_AGENT, Outcome, Parcel, Postman
from .signature import secret

__all__ = [
    "USER_AGENT", "AdvanceError", "Courier", "FallenDue", "Outcome", "Parcel", "Postman", "secret",
]  # fmt: skip
