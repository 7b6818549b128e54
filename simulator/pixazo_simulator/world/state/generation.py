"""What a world keeps of an accepted submission, and how much of everything it keeps."""

from __future__ import annotations

import msgspec

from pixazo_simulator.spec import Plan, Status

from .journal import Limits


class Bounds(msgspec.Struct, frozen=True):
    """What a world keeps at most: its journal, pending and finished deliveries, encoded status bodies, aliases of its key, prompts.

    A rule about the prompt of a generation can match as many of the latest generations as there are prompts kept.
    """

    journal: Limits = Limits()
    pending: int = 100_000
    deliveries: int = 10_000
    bodies: int = 4096
    aliases: int = 64
    prompts: int = 4096


class Generation(msgspec.Struct, frozen=True, gc=False):
    """One accepted submission; everything that is ever read of it is computed from these values and the instant."""

    request_id: str
    accepted: int
    plan: Plan
    operation: str
    duration: float
    resolution: str
    origin: str


class Transition(msgspec.Struct, frozen=True, gc=False):
    """A generation entered a status `at` an instant (UTC milliseconds)."""

    at: int
    request_id: str
    status: Status


class StatusBody(msgspec.Struct, frozen=True):
    """An encoded status body, valid for callers of `origin` from the instant `since` and before `until`."""

    origin: str
    since: int
    until: int | None
    body: bytes
