"""One callback to deliver, and when its next attempt is due."""

from __future__ import annotations

import msgspec

from .clock import SECOND

__all__ = ["Attempt", "Channel", "Delivery", "next_attempt", "progress_events"]

Channel = str
"""Which wish a delivery answers: `header` (X-Webhook-URL) or `member` (callback_url)."""

PROGRESS_INTERVAL = 15 * SECOND
"""How often a callback in mode `sync` is posted while the generation runs (policy `webhook_mode`)."""


class Attempt(msgspec.Struct, frozen=True):
    """One try: instant (UTC milliseconds), the HTTP status answered or None, what went wrong or None."""

    instant: int
    status: int | None
    problem: str | None = None
    final: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Delivery(msgspec.Struct):
    """A callback about `request_id` as it was at `event` (UTC milliseconds), to be posted to `url`."""

    number: int
    request_id: str
    url: str
    channel: Channel
    event: int
    attempts: list[Attempt] = []


def next_attempt(delivery: Delivery, retries: tuple[int, ...]) -> int | None:
    """The instant of the next attempt, or None when there is nothing left to do.

    `retries` are the pauses in seconds, each counted from the attempt before (policy `webhook_retries`, WEBHOOK-11).
    """
    made = delivery.attempts
    if not made:
        return delivery.event
    if made[-1].succeeded or made[-1].final or len(made) > len(retries):
        return None
    return made[-1].instant + retries[len(made) - 1] * SECOND


def progress_events(started: int, finished: int, after: int) -> int | None:
    """The next instant beyond `after` at which a running generation is reported in mode `sync`, None when it is over."""
    event = started if after < started else after + PROGRESS_INTERVAL
    return event if event < finished else None
