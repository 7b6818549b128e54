"""FLOW: wrong ways through the states."""

from __future__ import annotations

from random import Random

import msgspec

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import behaviour, in_status, policy
from pixazo_simulator.mutants.messages import Members
from pixazo_simulator.mutants.mutant import Mutant
from pixazo_simulator.spec import NEVER, SECOND, Plan, Policy, Snapshot, Status, snapshot
from pixazo_simulator.world import Admitted, plan_for

GRACE = 20 * SECOND
"""How long a generation stays COMPLETED before it becomes FAILED."""


def _falling_back(accepted: int, plan: Plan, now: int) -> Snapshot:
    """QUEUED again in the middle third of PROCESSING."""
    seen = snapshot(accepted, plan, now)
    if seen.status is not Status.PROCESSING or seen.until is None:
        return seen
    third = (seen.until - seen.since) // 3
    first, last = seen.since + third, seen.since + 2 * third
    if now < first:
        return Snapshot(Status.PROCESSING, seen.since, first)
    return Snapshot(Status.QUEUED, first, last) if now < last else Snapshot(Status.PROCESSING, last, seen.until)


def _skipping(submission: Admitted, policy: Policy, random: Random) -> Plan:
    plan = plan_for(submission, policy, random)
    if plan.outcome is not Status.COMPLETED:
        return plan
    return msgspec.structs.replace(plan, queued=plan.queued + plan.processing, processing=0)


def _stuck(submission: Admitted, policy: Policy, random: Random) -> Plan:
    return msgspec.structs.replace(plan_for(submission, policy, random), processing=NEVER)


def _withdrawn(members: Members, context: Context) -> Members:
    ends = context.ends(members["request_id"]) if members.get("status") == "COMPLETED" else None
    if ends is None or context.now < ends + GRACE:
        return members
    return {**members, "status": "FAILED", "error": "The result was withdrawn.", "output": None}


FLOW = (
    Mutant("processing-falls-back", "FLOW-01", "PROCESSING falls back to QUEUED for a while", behaviour(snapshot=_falling_back),
           ("STATUS-15", "HDR-05")),
    Mutant("processing-skipped", "FLOW-02", "QUEUED jumps to COMPLETED", behaviour(plan_for=_skipping)),
    Mutant("completed-turns-failed", "FLOW-03", "COMPLETED becomes FAILED 20 s later", in_status(_withdrawn), ("STATUS-14", "WEBHOOK-04")),
    Mutant("error-from-queued", "FLOW-04", "ERROR and FAILED follow QUEUED directly", policy(queued_to_end="yes"), ("FLOW-02",)),
    Mutant("stuck-in-processing", "FLOW-05", "PROCESSING never ends", behaviour(plan_for=_stuck),
           ("OUT-*", "TIME-*", "FAIL-*", "WAL-*", "WEBHOOK-*", "STATUS-*")),
)  # fmt: skip
