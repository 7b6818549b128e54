"""One request and its answer, as a test reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from pixazo_simulator.spec import STATUS_PATH, SUBMIT_PATHS


class Request(msgspec.Struct, frozen=True):
    """What the app sent: headers by small names, and the body, JSON as JSON and anything else as text."""

    headers: dict[str, str] = {}
    body: Any = None
    length: int = 0


class Response(msgspec.Struct, frozen=True):
    """What it was answered."""

    headers: dict[str, str] = {}
    body: Any = None


class Exchange(msgspec.Struct, frozen=True):
    """One request and its answer, without the key.

    `at` is an instant of the world's clock, `reason` why it was answered so, `rule` the scripted rule that decided it, `faults`
    what struck. `expected` is False for what no gateway is asked, such as an unknown path, and then `hint` says what was meant.
    """

    number: int
    at: datetime
    method: str
    target: str
    status: int
    reason: str
    request: Request
    response: Response
    rule: str | None = None
    faults: tuple[str, ...] = ()
    request_id: str | None = None
    expected: bool = True
    hint: str | None = None

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def operation(self) -> str | None:
        """`generate`, `imageToVideo`, `status` or `media`; None for anything else."""
        if self.method == "POST" and self.path in SUBMIT_PATHS:
            return SUBMIT_PATHS[self.path].name
        if self.method == "GET" and self.path.startswith(STATUS_PATH):
            return "status"
        return "media" if self.path.startswith("/v1/") and "/output." in self.path else None

    def __repr__(self) -> str:
        return f"<{self.number}: {self.method} {self.target} -> {self.status} {self.reason}>"
