"""TIME: timestamps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pixazo_contracts.clauses.clause import (
    Evidence,
    Group,
    Remarks,
    Violation,
    check,
    check_member,
    equals,
    is_null_or_absent,
)
from pixazo_contracts.clauses.standing import DOCUMENTED, EXAMPLE, IMPLIED, SHARED
from pixazo_contracts.trace import STAMP, STAMPS, TERMINAL, Exchange, Trace, created, http_date, instant

ROOTS = "STATUS-01 STATUS-02 SUBMIT-03 SUBMIT-10"
TIME = Group(depends_on=ROOTS)

RUNNING = ("QUEUED", "PROCESSING")

#: Time zones lie whole quarters of an hour apart, at most this far from UTC; and clocks are read this exactly.
QUARTER = 900.0
FURTHEST_ZONE = 14 * 3600.0
ZONE_PRECISION = 2.0


def _is_stamp(value: object) -> bool:
    return isinstance(value, str) and STAMP.fullmatch(value) is not None


@TIME.clause("TIME-01", EXAMPLE, SHARED, core=True, drift_fails=True,
    section='Response (Completed): "2026-03-31T10:00:00.000Z"')  # fmt: skip
def time_01(trace: Trace) -> Remarks:
    """Timestamps are RFC 3339 in UTC with three fractional digits and `Z`."""
    for read in trace.envelopes:
        for name in STAMPS:
            if read.members.get(name) is not None:
                yield check_member(read, name, _is_stamp, "2026-03-31T10:00:00.000Z, in this form")


def _pairs(trace: Trace, first: str, second: str) -> Iterator[tuple[Exchange, float, float]]:
    """Both timestamps of every read that has both."""
    for read in trace.envelopes:
        one, other = instant(read.members.get(first)), instant(read.members.get(second))
        if one is not None and other is not None:
            yield read, one, other


def _not_before_created(trace: Trace, _: str, name: str) -> Remarks:
    for read, begun, stamp in _pairs(trace, "created_at", name):
        yield check(begun <= stamp, read, name, "not before created_at", f"created_at {begun - stamp:.3f} s later")


# fmt: off
TIME.row("TIME-02", IMPLIED, SHARED, partial(_not_before_created, name="updated_at"),
    depends_on=f"{ROOTS} TIME-05", core=True, section="Response (Completed)",
    demands="`created_at` is not after `updated_at`.")
TIME.row("TIME-03", IMPLIED, SHARED, partial(_not_before_created, name="completed_at"),
    depends_on=f"{ROOTS} TIME-05", core=True, section="Response (Completed)",
    demands="`completed_at` is not before `created_at`.")
# fmt: on


@TIME.clause("TIME-04", EXAMPLE, SHARED, depends_on=f"{ROOTS} TIME-02 TIME-03 TIME-06", section="Response (Completed)")
def time_04(trace: Trace) -> Remarks:
    """At completion `completed_at` equals `updated_at`."""
    for read, updated, completed in _pairs(trace, "updated_at", "completed_at"):
        if read.state == "COMPLETED":
            got = f"{updated - completed:+.3f} s from it"
            yield check(updated == completed, read, "updated_at", "completed_at", got)


@TIME.clause("TIME-05", IMPLIED, SHARED, core=True, section='Response Fields: "When request was created"')
def time_05(trace: Trace) -> Remarks:
    """`created_at` never changes."""
    for generation in trace.generations:
        stamped = [read for read in generation.reads if read.members.get("created_at") is not None]
        for read in stamped[1:]:
            first = stamped[0].member("created_at")
            yield check_member(read, "created_at", equals(first), str(first))


@TIME.clause("TIME-06", IMPLIED, SHARED, depends_on=f"{ROOTS} FLOW-01 FLOW-03 TIME-05", section="Response (Completed)")
def time_06(trace: Trace) -> Remarks:
    """`updated_at` never decreases and moves when the state moves."""
    for generation in trace.generations:
        for before, after in generation.ordered():
            one, other = instant(before.members.get("updated_at")), instant(after.members.get("updated_at"))
            if one is None or other is None:
                continue
            yield check(one <= other, after, "updated_at", "never earlier than before", f"{one - other:.3f} s earlier")
            if before.state != after.state:
                expected = f"another than in {before.state}"
                yield check(one != other, after, "updated_at", expected, after.member("updated_at"))


@TIME.clause("TIME-07", DOCUMENTED, SHARED, core=True, section='Response Fields: "string|null When request completed"')
def time_07(trace: Trace) -> Remarks:
    """`completed_at` is null until the terminal state, then set, then fixed."""
    for generation in trace.generations:
        fixed: object = None
        for read in generation.seen:
            value = read.member("completed_at")
            if read.state in RUNNING:
                yield check(is_null_or_absent(value), read, "completed_at", "null", value)
            elif read.state == "COMPLETED" and fixed is None:
                yield check(isinstance(value, str), read, "completed_at", "a timestamp", value)
            if read.state in TERMINAL and isinstance(value, str):
                fixed = fixed or value
                yield check(value == fixed, read, "completed_at", str(fixed), value)


def _zone_apart(offset: float) -> bool:
    """Whether an offset looks like a time zone: whole quarters of an hour, not none, not more than zones go."""
    quarters = round(offset / QUARTER)
    return quarters != 0 and abs(offset) <= FURTHEST_ZONE and abs(offset - quarters * QUARTER) <= ZONE_PRECISION


@TIME.clause("TIME-08", IMPLIED, SHARED, depends_on=f"{ROOTS} TIME-05",
    section='Response Fields: "When request was created"')  # fmt: skip
def time_08(trace: Trace) -> Remarks:
    """`created_at` lies inside the submit call, allowing for clock skew."""
    skew = 0.0 if trace.profile.loopback else trace.profile.skew
    # Accounts may be on clocks of their own: only submits of one account have an order.
    latest: dict[str, tuple[float, float]] = {}
    for generation in trace.generations:
        stamp, date = created(generation), http_date(generation.submit.header("date"))
        if stamp is None:
            continue
        if date is not None:
            # A gateway on this machine may run on a clock of its own, so that only a whole time zone is surely wrong.
            off = stamp - date
            holds = not _zone_apart(off) if trace.profile.loopback else abs(off) <= skew
            yield check(holds, generation.submit, "created_at", "about the Date of the 202", f"{off:+.1f} s from it")
        previous = latest.get(generation.submit.account)
        if previous is not None and previous[1] <= generation.submit.started and stamp < previous[0] - skew:
            got = f"{previous[0] - stamp:.3f} s before that of an earlier submit"
            yield Violation(generation.submit, "created_at", "in the order of the submits", got)
        latest[generation.submit.account] = (stamp, generation.submit.finished)
        yield Evidence(generation.submit)
