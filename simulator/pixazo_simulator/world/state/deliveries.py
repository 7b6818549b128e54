"""One callback to deliver, and when its next attempt is due."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from pixazo_simulator.script import Fault
from pixazo_simulator.spec import SECOND

PROGRESS_INTERVAL = 15 * SECOND
"""How often a callback in mode `sync` is posted while the generation runs (policy `webhook_events`)."""


class Form(StrEnum):
    """What is posted: the status answer, or MiniMax's own challenge and report (policy `callback_url`)."""

    STATUS = "status"
    CHALLENGE = "challenge"
    UPSTREAM = "upstream"


class Attempt(msgspec.Struct, frozen=True):
    """One try: instant (UTC milliseconds), the HTTP status answered or None, what went wrong or None.

    `final` says that no further try can do better, as when the host is not allowed; `rule` and `faults` name what struck it.
    """

    instant: int
    status: int | None
    problem: str | None = None
    final: bool = False
    rule: str | None = None
    faults: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Delivery(msgspec.Struct):
    """A callback about `request_id` as it was at `event` (UTC milliseconds), to be posted to `url`.

    `channel` is the header or member by which the caller asked for it; `progress` says that the generation still ran.
    `copy_of` is the number of the delivery that it repeats: a copy is posted once. `rule` and `faults` are what strikes the
    coming attempt, None while no rule was asked about it.
    """

    number: int
    request_id: str
    url: str
    channel: str
    event: int
    form: Form = Form.STATUS
    progress: bool = False
    attempts: list[Attempt] = []
    copy_of: int | None = None
    rule: str | None = None
    faults: tuple[Fault, ...] | None = None

    @property
    def original(self) -> int:
        """The number of the delivery that this one is or repeats."""
        return self.number if self.copy_of is None else self.copy_of


def next_attempt(delivery: Delivery, retries: tuple[int, ...]) -> int | None:
    """The instant of the next attempt, or None when there is nothing left to do; progress is never repeated.

    `retries` are the pauses in seconds, each counted from the attempt before (policy `webhook_retries`, WEBHOOK-11).
    """
    made = delivery.attempts
    if not made:
        return delivery.event
    if delivery.progress or made[-1].succeeded or made[-1].final or len(made) > len(retries):
        return None
    return made[-1].instant + retries[len(made) - 1] * SECOND


def next_progress(started: int, finished: int, after: int) -> int | None:
    """The next instant beyond `after` at which a running generation is reported in mode `sync`, None when it is over."""
    event = started if after < started else after + PROGRESS_INTERVAL
    return event if event < finished else None
