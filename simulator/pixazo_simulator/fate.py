"""Decides the plan of an accepted submit: what the prompt asks for, else what the policy says."""

from __future__ import annotations

from random import Random

from .admission import Submission
from .lifecycle import NEVER, Plan, Status
from .policy import Policy
from .wire import DEFAULT_ERRORS, sentence

__all__ = ["plan_for"]


def plan_for(submission: Submission, policy: Policy, random: Random) -> Plan:
    """The fate of a generation, fixed on acceptance."""
    queued, processing = policy.job_times.draw(random)
    magic = submission.magic
    outcome, error = magic.outcome or Status.COMPLETED, magic.error
    if submission.fails:
        outcome, error = Status.FAILED, sentence(submission.fails)
    if magic.after is not None:
        queued, processing = _squeezed(queued, processing, magic.after)
    if outcome is not Status.COMPLETED and policy.queued_to_end == "yes":
        queued, processing = queued + processing, 0
    if magic.stuck:
        processing = NEVER
    return Plan(queued, processing, outcome, error or DEFAULT_ERRORS.get(outcome))


def _squeezed(queued: int, processing: int, total: int) -> tuple[int, int]:
    """The same proportion of the two states in `total` milliseconds."""
    waiting = total * queued // (queued + processing or 1)
    return waiting, total - waiting
