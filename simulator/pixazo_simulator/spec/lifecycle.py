"""The status of a generation at an instant, computed from its plan (page, Status Flow)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["NEVER", "TERMINAL", "Plan", "Status", "StatusSpan", "begun", "end_polled_state", "finish", "status_span"]

NEVER = 1 << 62
"""Milliseconds, more than any clock will count: the length of a state that is never left."""


class Status(StrEnum):
    """The five words of the page (Status Values), where ERROR is a "System error — not charged"."""

    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ERROR = "ERROR"


TERMINAL = (Status.COMPLETED, Status.FAILED, Status.ERROR)


class Plan(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How a generation proceeds, fixed on acceptance: milliseconds queued, milliseconds processing, outcome.

    A plan that processes for 0 ms goes straight from QUEUED to its outcome. A state that lasts N status reads (`..._polls`)
    has the length NEVER until the last of them ends it.
    """

    queued: int
    processing: int
    outcome: Status = Status.COMPLETED
    error: str | None = None
    queued_polls: int = 0
    processing_polls: int = 0


class StatusSpan(msgspec.Struct, frozen=True, gc=False):
    """A status with the instant at which it began, and the one at which it will end (None: it is terminal)."""

    status: Status
    since: int
    until: int | None


def finish(accepted: int, plan: Plan) -> int:
    """The instant of the terminal state."""
    return accepted + plan.queued + plan.processing


def end_polled_state(accepted: int, plan: Plan, now: int) -> Plan:
    """The plan once its present state, which lasts for a number of status reads, has ended at `now`."""
    if plan.queued == NEVER:
        return msgspec.structs.replace(plan, queued=now - accepted)
    return msgspec.structs.replace(plan, processing=now - accepted - plan.queued)


def begun(plan: Plan, status: Status, age: int | None) -> tuple[Plan, int]:
    """The plan of a generation that has `status` at an age in milliseconds, and the age; None: the age that the plan gives it then.

    It is this plan if that has the status at this age. Otherwise the status begins at this age, except QUEUED, which lasts as long again; the
    time before an end is split between the two states as in the plan.
    """
    queued, processing = (0 if length == NEVER else length for length in (plan.queued, plan.processing))
    if age is None:
        age = {Status.QUEUED: 0, Status.PROCESSING: queued}.get(status, queued + processing)
    if status_span(0, plan, age).status is status:
        return plan, age
    if status is Status.QUEUED:
        return msgspec.structs.replace(plan, queued=age + plan.queued), age
    if status is Status.PROCESSING:
        return msgspec.structs.replace(plan, queued=age, queued_polls=0), age
    queued = age * queued // (queued + processing or 1)
    return Plan(queued, age - queued, plan.outcome, plan.error), age


def status_span(accepted: int, plan: Plan, now: int) -> StatusSpan:
    """The status at `now` (UTC milliseconds) of a generation that was accepted at `accepted`, and how long it has it."""
    started = accepted + plan.queued
    finished = started + plan.processing
    if now < started:
        return StatusSpan(Status.QUEUED, accepted, started)
    if now < finished:
        return StatusSpan(Status.PROCESSING, started, finished)
    return StatusSpan(plan.outcome, finished, None)
