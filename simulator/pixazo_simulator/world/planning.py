"""The plan of an accepted submission: what the script wants, else what the prompt asks for, else what the policy says."""

from __future__ import annotations

from random import Random

from pixazo_simulator.spec import DEFAULT_ERRORS, NEVER, SECOND, Plan, Policy, Status, sentence

from .admission import Admitted


def plan_for(admitted: Admitted, policy: Policy, random: Random) -> Plan:
    """When a generation enters each state and how it ends, fixed on acceptance."""
    drawn = policy.job_times.draw(random)
    outcome, error = _outcome(admitted)
    queued, processing = _times(admitted, *drawn)
    if outcome is not Status.COMPLETED and policy.queued_to_end == "yes":
        queued, processing = queued + processing, 0
    if admitted.stuck or (admitted.magic.stuck and not admitted.end):
        processing = NEVER
    return Plan(queued, processing, outcome, error or DEFAULT_ERRORS.get(outcome))


def _outcome(admitted: Admitted) -> tuple[Status, str | None]:
    """The outcome, and the error text of the script or the prompt."""
    end, magic = admitted.end, admitted.magic
    if end and end.status:
        return Status(end.status), end.error
    if admitted.fails:
        return Status.FAILED, sentence(admitted.fails)
    return magic.outcome or Status.COMPLETED, magic.error


def _times(admitted: Admitted, queued: int, processing: int) -> tuple[int, int]:
    """Milliseconds in each state."""
    end, after = admitted.end, admitted.magic.after
    if end and end.after is not None:
        after = round(end.after * SECOND)
    if after is not None:
        queued, processing = _squeezed(queued, processing, after)
    if end and end.queued is not None:
        queued = round(end.queued * SECOND)
    if end and end.processing is not None:
        processing = round(end.processing * SECOND)
    return queued, processing


def _squeezed(queued: int, processing: int, total: int) -> tuple[int, int]:
    """The same proportion of the two states in `total` milliseconds."""
    waiting = total * queued // (queued + processing or 1)
    return waiting, total - waiting
