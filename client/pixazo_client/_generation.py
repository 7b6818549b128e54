"""What the gateway says about a generation, as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

COMPLETED = "COMPLETED"
FAILED = "FAILED"
ERROR = "ERROR"
TERMINAL = frozenset({COMPLETED, FAILED, ERROR})
KNOWN = TERMINAL | {"QUEUED", "PROCESSING"}  # Status Values


@dataclass(frozen=True, slots=True)
class Generation:
    """One accepted submission, as the gateway showed it at one moment (Response Fields).

    Attributes:
        request_id: its identifier.
        status: QUEUED, PROCESSING, COMPLETED, FAILED, ERROR, or a word that the page does not list.
        model_id: the model that processes it; None if not given.
        error: why it failed, with the API key and embedded images redacted; None if it did not.
        media_urls: URLs of the results, empty before COMPLETED.
        media_type: MIME type of the results; None if not given.
        created_at: when it was accepted, as an aware datetime in UTC; None if not given or not readable.
        updated_at: when it last changed, in the same form.
        completed_at: when it ended, in the same form.
        raw: every member as received, known or not.
    """

    request_id: str
    status: str
    model_id: str | None = None
    error: str | None = None
    media_urls: tuple[str, ...] = ()
    media_type: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    completed_at: datetime | None = None
    raw: Mapping[str, object] = field(default_factory=dict[str, object], repr=False, hash=False)

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended: COMPLETED, FAILED or ERROR."""
        return self.status in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Whether it is COMPLETED, so that its results can be downloaded."""
        return self.status == COMPLETED
