"""Wrong timestamps: TIME."""

from __future__ import annotations

import re

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import envelopes, reads
from pixazo_simulator.mutants.members import amended, chain, computed, finished, has, instant, on, shifted, status_is
from pixazo_simulator.mutants.messages import Members
from pixazo_simulator.mutants.mutant import Mutant
from pixazo_simulator.spec import SECOND, timestamp

ALL = ("created_at", "updated_at", "completed_at")
HOUR = 3600 * SECOND
STATES = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR")


def _without_fraction(text: str) -> str:
    return re.sub(r"\.\d+", "", text)


def _previous(told: Members, context: Context) -> object:
    """The `completed_at` of the generation whose end was told before that of this one."""
    known = context.memory.get("previous", told["request_id"])
    if known is None:
        known = context.memory.get("latest") or told["completed_at"]
        context.memory.put(known, "previous", told["request_id"])
        context.memory.put(told["completed_at"], "latest")
    return known


def _drifting(told: Members, _: Context) -> str:
    """One millisecond more in each state, which leaves every order intact."""
    return timestamp(instant(told["created_at"]) + min(STATES.index(told["status"]), 2))


def _estimate(told: Members, context: Context) -> str | None:
    ends = context.ends(told["request_id"])
    return None if ends is None else timestamp(ends)


TIMESTAMPS = (
    Mutant("no-fractional-seconds", "TIME-01", "Timestamps have no fractional digits",
           envelopes(chain(*(amended(name, _without_fraction) for name in ALL)))),
    Mutant("offset-instead-of-z", "TIME-01", "Timestamps end in +00:00 instead of Z",
           envelopes(chain(*(amended(name, lambda text: text.replace("Z", "+00:00")) for name in ALL)))),
    Mutant("updated-at-behind", "TIME-02", "The updated_at is one hour behind", envelopes(shifted(-HOUR, "updated_at")), ("TIME-0[46]",)),
    Mutant("completed-at-of-previous", "TIME-03", "The completed_at is that of the request that ended before",
           envelopes(on(finished, on(has("completed_at"), computed("completed_at", _previous)))), ("TIME-04",)),
    Mutant("completed-before-created", "TIME-03", "The completed_at is one hour behind", envelopes(shifted(-HOUR, "completed_at")),
           ("TIME-04",)),
    Mutant("updated-after-completed", "TIME-04", "At the end updated_at is 1 ms after completed_at",
           envelopes(on(finished, shifted(1, "updated_at")))),
    Mutant("created-at-is-now", "TIME-05", "The created_at is the instant of the read", reads(on(has("created_at"), computed("created_at", lambda _, context: timestamp(context.now)))),
           ("TIME-0[238]", "STATUS-1[24]", "WEBHOOK-04", "SUBMIT-09")),
    Mutant("created-at-drifts", "TIME-05", "The created_at is 1 ms later in each state", envelopes(on(has("created_at"), computed("created_at", _drifting)))),
    Mutant("updated-at-frozen", "TIME-06", "The updated_at stays what it was on acceptance",
           envelopes(on(has("updated_at"), computed("updated_at", lambda told, _: told["created_at"]))), ("TIME-04",)),
    Mutant("completed-at-estimated", "TIME-07", "The completed_at is an estimate while PROCESSING",
           reads(on(status_is("PROCESSING"), computed("completed_at", _estimate)))),
    Mutant("local-time-labelled-z", "TIME-08", "Timestamps are local time, two hours ahead, and say Z", envelopes(shifted(2 * HOUR, *ALL)),
           ("SUBMIT-09",)),
)  # fmt: skip
