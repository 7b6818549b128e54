"""One webhook delivery as its receiver saw it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast


class SignatureError(AssertionError):
    """A delivery is not signed with the secret; the message says why."""


@dataclass(frozen=True, slots=True)
class Callback:
    """One POST to a webhook URL."""

    number: int
    """Counts from 1."""
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    """As it was received."""
    at: datetime | None = None
    """When it arrived on the clock of its world, in UTC; None when the inbox knows no world."""
    response_status: int | None = None
    """The status code of the response; None before it was sent."""
    problem: str | None = None
    """Why the receiver could not respond, which route its app lacks, or why the inbox refused it."""
    url: str = ""
    """Where it was posted."""
    path: str = ""
    """The rest of the path after the URL of the inbox, such as `/orders/7`, percent-encoded; empty for that URL itself."""
    query: str = ""
    """The query, without the question mark."""

    @property
    def json(self) -> dict[str, Any] | None:
        """The parsed body; None when it is not a JSON object."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None

    @property
    def request_id(self) -> str | None:
        """The generation that it reports; None when the body names none."""
        return _text(self.json, "request_id")

    @property
    def status(self) -> str | None:
        """The reported status of the generation, such as COMPLETED; None when the body has none."""
        return _text(self.json, "status")

    def verify(self, secret: str) -> None:
        """Check the signature of Standard Webhooks (https://www.standardwebhooks.com) with a `whsec_...` secret.

        The timestamp is not compared with the time of day, since it comes from the world's clock. Raises SignatureError
        for a missing or wrong signature, ValueError for a secret that is not Base64.
        """
        from pixazo_simulator.webhooks import SIGNED_BY, read_secret, verify

        if missing := [name for name in SIGNED_BY if name not in self.headers]:
            raise SignatureError(f"callback {self.number} has no {missing[0]}: set policy webhook_signature=standard")
        identity, stamp, signatures = (self.headers[name] for name in SIGNED_BY)
        if not verify((read_secret(secret),), identity, stamp, signatures, self.body):
            raise SignatureError(f"callback {self.number} is not signed with this secret, or was modified in transit")

    def __str__(self) -> str:
        text = f"{self.status or 'no status'} of {self.request_id or 'no request'}"
        return f"{text}, answered {self.response_status}" + (f" ({self.problem})" if self.problem else "")


def _text(payload: dict[str, Any] | None, name: str) -> str | None:
    value = payload.get(name) if payload else None
    return value if isinstance(value, str) else None
