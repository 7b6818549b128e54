"""An accepted piece of work, as a test reads it."""

from __future__ import annotations

from datetime import datetime

import msgspec

__all__ = ["TERMINAL", "Generation"]

TERMINAL = ("COMPLETED", "FAILED", "ERROR")


class Generation(msgspec.Struct, frozen=True):
    """One generation as it is now: what was asked for, its status and since when; instants are of the world's clock."""

    request_id: str
    operation: str
    duration: float
    resolution: str
    status: str
    accepted_at: datetime
    since: datetime

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL

    def __repr__(self) -> str:
        return f"<{self.request_id} {self.status}>"
