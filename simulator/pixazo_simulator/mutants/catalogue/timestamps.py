"""TIME: wrong timestamps."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import in_envelopes, in_status
from pixazo_simulator.mutants.members import (
    Edit,
    chain,
    change,
    compute,
    finished,
    has,
    instant,
    shift,
    status_is,
    where,
)
from pixazo_simulator.mutants.messages import Members
from pixazo_simulator.mutants.mutant import Mutant
from pixazo_simulator.spec import SECOND, timestamp

ALL = ("created_at", "updated_at", "completed_at")
HOUR = 3600 * SECOND
STATES = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR")


def _all(value: Callable[[str], str]) -> Edit:
    return chain(*(change(name, value) for name in ALL))


def _recompute(name: str, value: Callable[[Members, Context], Any]) -> Edit:
    return where(has(name), compute(name, value))


def _previous(members: Members, context: Context) -> object:
    """The `completed_at` of the generation whose end was shown before that of this one."""
    known = context.memory.get("previous", members["request_id"])
    if known is None:
        known = context.memory.get("latest") or members["completed_at"]
        context.memory.put(known, "previous", members["request_id"])
        context.memory.put(members["completed_at"], "latest")
    return known


def _drifting(members: Members, _: Context) -> str:
    """One millisecond more in each state, so that the order of the timestamps stays."""
    return timestamp(instant(members["created_at"]) + min(STATES.index(members["status"]), 2))


def _estimate(members: Members, context: Context) -> str | None:
    ends = context.ends(members["request_id"])
    return None if ends is None else timestamp(ends)


TIMESTAMPS = (
    Mutant("no-fractional-seconds", "TIME-01", "Timestamps have no fractional digits",
           in_envelopes(_all(lambda text: re.sub(r"\.\d+", "", text)))),
    Mutant("offset-instead-of-z", "TIME-01", "Timestamps end in +00:00 instead of Z",
           in_envelopes(_all(lambda text: text.replace("Z", "+00:00")))),
    Mutant("updated-at-behind", "TIME-02", "The updated_at is one hour behind", in_envelopes(shift(-HOUR, "updated_at")), ("TIME-0[46]",)),
    Mutant("completed-at-of-previous", "TIME-03", "The completed_at is that of the request that ended before",
           in_envelopes(where(finished, _recompute("completed_at", _previous))), ("TIME-04",)),
    Mutant("completed-before-created", "TIME-03", "The completed_at is one hour behind", in_envelopes(shift(-HOUR, "completed_at")),
           ("TIME-04",)),
    Mutant("updated-after-completed", "TIME-04", "At the end updated_at is 1 ms after completed_at",
           in_envelopes(where(finished, shift(1, "updated_at")))),
    Mutant("created-at-is-now", "TIME-05", "The created_at is the time of the read",
           in_status(_recompute("created_at", lambda _, context: timestamp(context.now))),
           ("TIME-0[238]", "STATUS-1[24]", "WEBHOOK-04", "SUBMIT-09")),
    Mutant("created-at-drifts", "TIME-05", "The created_at is 1 ms later in each state", in_envelopes(_recompute("created_at", _drifting))),
    Mutant("updated-at-frozen", "TIME-06", "The updated_at stays what it was on acceptance",
           in_envelopes(_recompute("updated_at", lambda members, _: members["created_at"])), ("TIME-04",)),
    Mutant("completed-at-estimated", "TIME-07", "The completed_at is an estimate while PROCESSING",
           in_status(where(status_is("PROCESSING"), compute("completed_at", _estimate)))),
    Mutant("local-time-labelled-z", "TIME-08", "Timestamps are local time, two hours ahead, but end in Z", in_envelopes(shift(2 * HOUR, *ALL)),
           ("SUBMIT-09",)),
)  # fmt: skip
