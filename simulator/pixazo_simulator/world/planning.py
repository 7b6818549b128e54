"""Decides the plan of an accepted submit: what the script wants, else what the prompt asks for, else what the policy says."""

from __future__ import annotations

from random import Random

from pixazo_simulator.spec import DEFAULT_ERRORS, NEVER, SECOND, Plan, Policy, Status, sentence

from .admission import Submission


def plan_for(submission: Submission, policy: Policy, random: Random) -> Plan:
    """The fate of a generation, fixed on acceptance."""
    drawn = policy.job_times.draw(random)
    outcome, error = _outcome(submission)
    queued, processing = _times(submission, *drawn)
    if outcome is not Status.COMPLETED and policy.queued_to_end == "yes":
        queued, processing = queued + processing, 0
    if submission.stuck or (submission.magic.stuck and not submission.end):
        processing = NEVER
    return Plan(queued, processing, outcome, error or DEFAULT_ERRORS.get(outcome))


def _outcome(submission: Submission) -> tuple[Status, str | None]:
    """How it ends, and the error that somebody chose."""
    end, magic = submission.end, submission.magic
    if end and end.status:
        return Status(end.status), end.error
    if submission.fails:
        return Status.FAILED, sentence(submission.fails)
    return magic.outcome or Status.COMPLETED, magic.error


def _times(submission: Submission, queued: int, processing: int) -> tuple[int, int]:
    """Milliseconds in each state."""
    end, after = submission.end, submission.magic.after
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
