"""An accepted piece of work, as a test reads it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

TERMINAL = ("COMPLETED", "FAILED", "ERROR")


class Plan(msgspec.Struct, frozen=True):
    """Its fate: seconds in each state, None for ever; the terminal status, and the error that it tells."""

    queued: float
    processing: float | None
    outcome: str
    error: str | None = None


class Generation(msgspec.Struct, frozen=True):
    """One generation as it is now: what was asked for, its status and since when; instants are of the world's clock."""

    request_id: str
    operation: str
    duration: float
    resolution: str
    status: str
    accepted_at: datetime
    since: datetime
    plan: Plan | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL

    @property
    def ends_at(self) -> datetime | None:
        """When it ends, or ended; None for never, or when its plan was not told."""
        if self.plan is None or self.plan.processing is None:
            return None
        try:
            return self.accepted_at + timedelta(seconds=self.plan.queued + self.plan.processing)
        except OverflowError:  # beyond the last year that can be written
            return None

    def __repr__(self) -> str:
        return f"<{self.request_id} {self.status}>"
