"""The pure functions of a world, each of which a mutant can replace: request ids, plans, and those of its parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from random import Random

import msgspec

from pixazo_simulator import spec
from pixazo_simulator.script import Length

from .account import Ledger, affords, refund_due
from .admission import Admitted, Submission
from .deliveries import Delivery, next_attempt


def seeded_random(*parts: str | int) -> Random:
    """A random source that depends on nothing but `parts`."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=16)
    return Random(int.from_bytes(digest.digest()))  # noqa: S311 - reproducible by design, guards nothing


def _uuid7(random: Random, now: int) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    low = random.getrandbits(62) | 0x8000_0000_0000_0000
    return _uuid_text(f"{((now & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | random.getrandbits(12)) << 64 | low:032x}")


def _thirteen(random: Random, now: int) -> str:
    """As seen in public ids of sibling models: the last group has 13 digits, the variant bits are free."""
    high = (now & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | random.getrandbits(12)
    return _uuid_text(f"{high << 68 | random.getrandbits(68):033x}")


def _uuid_text(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


REQUEST_ID_FORMS = {"uuid7": _uuid7, "thirteen": _thirteen}


def request_id(model_id: str, form: str, random: Random, now: int) -> str:
    """A new id for a generation accepted at `now` (UTC milliseconds): model id, underscore, UUID text (SUBMIT-06)."""
    return f"{model_id}_{REQUEST_ID_FORMS[form](random, now)}"


def plan_for(admitted: Admitted, policy: spec.Policy, random: Random) -> spec.Plan:
    """When a generation enters each state and how it ends: what the script wants, else what the prompt asks for, else what the policy says."""
    times = policy.job_times
    if (
        admitted.end is None
        and admitted.magic is spec.NO_MAGIC
        and not admitted.fails
        and not admitted.stuck
        and not times.polls
    ):
        return _plan(*times.draw(random))
    outcome, error = _outcome(admitted)
    (queued, queued_polls), (processing, polls) = _lengths(admitted, times, random)
    if outcome is not spec.Status.COMPLETED and policy.queued_to_end == "yes":
        (queued, queued_polls), (processing, polls) = (queued + processing, queued_polls + polls), (0, 0)
    if admitted.stuck or (admitted.magic.stuck and not admitted.end):
        processing, polls = spec.NEVER, 0
    return spec.Plan(
        spec.NEVER if queued_polls else queued, spec.NEVER if polls else processing,
        outcome, error or spec.DEFAULT_ERRORS.get(outcome), queued_polls, polls,
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _plan(queued: int, processing: int) -> spec.Plan:
    """The plan of a generation without special wishes; many share one."""
    return spec.Plan(queued, processing)


def _outcome(admitted: Admitted) -> tuple[spec.Status, str | None]:
    """The outcome, and the error text of the script or the prompt."""
    end, magic = admitted.end, admitted.magic
    if end and end.status:
        return spec.Status(end.status), end.error
    if admitted.fails:
        return spec.Status.FAILED, spec.sentence(admitted.fails)
    return magic.outcome or spec.Status.COMPLETED, magic.error


def _lengths(admitted: Admitted, times: spec.JobTimes, random: Random) -> tuple[Length, Length]:
    """How long it is in each state: as the script says, else the marks, else the policy."""
    drawn = times.draw(random)  # always drawn, even if unused, so a script changes no later draw
    end, magic, after = admitted.end, admitted.magic, admitted.magic.after
    if end and (scripted := end.lengths()):
        return scripted
    queued, processing = drawn
    queued_polls, polls = (times.polls or (0, 0)) if magic.polls is None else (magic.polls, magic.polls)
    if end and end.after is not None:
        after = round(end.after * spec.SECOND)
    if after is not None:
        queued = after * queued // (queued + processing or 1)  # the same proportion of the two states
        processing, queued_polls, polls = after - queued, 0, 0
    if end and end.queued is not None:
        queued, queued_polls = round(end.queued * spec.SECOND), 0
    if end and end.processing is not None:
        processing, polls = round(end.processing * spec.SECOND), 0
    return (0 if queued_polls else queued, queued_polls), (0 if polls else processing, polls)


def _identify(submission: Submission, policy: spec.Policy, random: Random, now: int) -> str:
    return request_id(submission.operation.model_id, policy.request_id, random, now)


class WorldFunctions(msgspec.Struct, frozen=True, kw_only=True):
    """The functions of the worlds of one server; other servers are not affected by a replacement.

    `effective_policy` returns the policy in force for the policy that was set; `identify` returns the request id of an accepted submission.
    """

    effective_policy: Callable[[spec.Policy], spec.Policy] = lambda policy: policy
    identify: Callable[[Submission, spec.Policy, Random, int], str] = _identify
    plan_for: Callable[[Admitted, spec.Policy, Random], spec.Plan] = plan_for
    snapshot: Callable[[int, spec.Plan, int], spec.Snapshot] = spec.snapshot
    affords: Callable[[Ledger, int, int], bool] = affords
    refund_due: Callable[[spec.Plan, int, spec.Policy], int] = refund_due
    next_attempt: Callable[[Delivery, tuple[int, ...]], int | None] = next_attempt
