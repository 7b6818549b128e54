"""What a world keeps of an accepted call, and how much of everything it keeps."""

from __future__ import annotations

import msgspec

from pixazo_simulator.spec import Plan, Status

from .journal import Limits


class Bounds(msgspec.Struct, frozen=True):
    """What a world keeps at most: its journal, pending deliveries, finished deliveries, worded answers, foreign keys, prompts.

    Rules about the prompt of a generation hold for so many of the latest: the others are not remembered.
    """

    journal: Limits = Limits()
    pending: int = 100_000
    deliveries: int = 10_000
    answers: int = 4096
    aliases: int = 64
    prompts: int = 4096


class Generation(msgspec.Struct, frozen=True, gc=False):
    """One accepted piece of work; everything ever read of it follows from these values and the clock."""

    request_id: str
    accepted: int
    plan: Plan
    operation: str
    duration: float
    resolution: str
    origin: str


class Transition(msgspec.Struct, frozen=True, gc=False):
    """A generation entered a status at an instant (UTC milliseconds)."""

    instant: int
    request_id: str
    status: Status


class Worded(msgspec.Struct, frozen=True):
    """A status answer, good for callers of `origin` from the instant `since` and before `until`."""

    origin: str
    since: int
    until: int | None
    body: bytes
