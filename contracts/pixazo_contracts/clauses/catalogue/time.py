"""TIME: timestamps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_contracts.clauses.clause import Cost, Evidence, Strength, Violation, check, clause
from pixazo_contracts.trace import MISSING, STAMP, STAMPS, TERMINAL, created, http_date, instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Exchange, Trace


ROOTS = ("STATUS-01", "STATUS-02", "SUBMIT-03", "SUBMIT-10")
RUNNING = ("QUEUED", "PROCESSING")

#: Time zones lie whole quarters of an hour apart, at most this far from UTC; and clocks are read this exactly.
QUARTER = 900.0
FURTHEST_ZONE = 14 * 3600.0
ZONE_PRECISION = 2.0


@clause(
    "TIME-01",
    section="Completed",
    strength=Strength.EXAMPLE,
    cost=Cost.SHARED,
    depends_on=ROOTS,
    core=True,
    drift_fails=True,
)
def time_01(trace: Trace) -> Remarks:
    """Timestamps are RFC 3339 in UTC with three fractional digits and `Z`."""
    for read in trace.envelopes:
        for name in STAMPS:
            value = read.members.get(name)
            if value is not None:
                holds = isinstance(value, str) and STAMP.fullmatch(value) is not None
                yield check(holds, read, name, "2026-03-31T10:00:00.000Z, in this form", value)


def _pairs(trace: Trace, first: str, second: str) -> Iterator[tuple[Exchange, float, float]]:
    """Both timestamps of every read that has both."""
    for read in trace.envelopes:
        one, other = instant(read.members.get(first)), instant(read.members.get(second))
        if one is not None and other is not None:
            yield read, one, other


@clause(
    "TIME-02",
    section="Completed",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=(*ROOTS, "TIME-05"),
    core=True,
)
def time_02(trace: Trace) -> Remarks:
    """`created_at` is not after `updated_at`."""
    for read, begun, updated in _pairs(trace, "created_at", "updated_at"):
        got = f"created_at {begun - updated:.3f} s later"
        yield check(begun <= updated, read, "updated_at", "not before created_at", got)


@clause(
    "TIME-03",
    section="Completed",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=(*ROOTS, "TIME-05"),
    core=True,
)
def time_03(trace: Trace) -> Remarks:
    """`completed_at` is not before `created_at`."""
    for read, begun, completed in _pairs(trace, "created_at", "completed_at"):
        got = f"created_at {begun - completed:.3f} s later"
        yield check(begun <= completed, read, "completed_at", "not before created_at", got)


@clause(
    "TIME-04",
    section="Completed",
    strength=Strength.EXAMPLE,
    cost=Cost.SHARED,
    depends_on=(*ROOTS, "TIME-02", "TIME-03", "TIME-06"),
)
def time_04(trace: Trace) -> Remarks:
    """At completion `completed_at` equals `updated_at`."""
    for read, updated, completed in _pairs(trace, "updated_at", "completed_at"):
        if read.state == "COMPLETED":
            got = f"{updated - completed:+.3f} s from it"
            yield check(updated == completed, read, "updated_at", "completed_at", got)


@clause("TIME-05", section="Response Fields", strength=Strength.IMPLIED, cost=Cost.SHARED, depends_on=ROOTS, core=True)
def time_05(trace: Trace) -> Remarks:
    """`created_at` never changes."""
    for generation in trace.generations:
        stamped = [read for read in generation.reads if read.members.get("created_at") is not None]
        for read in stamped[1:]:
            first = stamped[0].members["created_at"]
            value = read.members["created_at"]
            yield check(value == first, read, "created_at", str(first), value)


@clause(
    "TIME-06",
    section="Completed",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=(*ROOTS, "FLOW-01", "FLOW-03", "TIME-05"),
)
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
                yield check(one != other, after, "updated_at", expected, after.members.get("updated_at"))


@clause(
    "TIME-07",
    section="Response Fields (string or null)",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=ROOTS,
    core=True,
)
def time_07(trace: Trace) -> Remarks:
    """`completed_at` is null until the terminal state, then set, then fixed."""
    for generation in trace.generations:
        fixed: object = None
        for read in generation.seen:
            value = read.members.get("completed_at", MISSING)
            if read.state in RUNNING:
                yield check(value is None or value is MISSING, read, "completed_at", "null", value)
            elif read.state == "COMPLETED" and fixed is None:
                yield check(isinstance(value, str), read, "completed_at", "a timestamp", value)
            if read.state in TERMINAL and isinstance(value, str):
                fixed = fixed or value
                yield check(value == fixed, read, "completed_at", str(fixed), value)


def _zone_apart(offset: float) -> bool:
    """Whether an offset looks like a time zone: whole quarters of an hour, not none, not more than zones go."""
    quarters = round(offset / QUARTER)
    return quarters != 0 and abs(offset) <= FURTHEST_ZONE and abs(offset - quarters * QUARTER) <= ZONE_PRECISION


@clause(
    "TIME-08", section="Response Fields", strength=Strength.IMPLIED, cost=Cost.SHARED, depends_on=(*ROOTS, "TIME-05")
)
def time_08(trace: Trace) -> Remarks:
    """`created_at` lies inside the submit call, allowing for clock skew."""
    skew = 0.0 if trace.profile.loopback else trace.profile.skew
    # Accounts may live on clocks of their own: only submits of one account have an order.
    latest: dict[str, tuple[float, float]] = {}
    for generation in trace.generations:
        stamp, date = created(generation), http_date(generation.submit.header("date"))
        if stamp is None:
            continue
        if date is not None:
            # A gateway on this machine may run on a clock of its own: there only a time zone is told from a clock.
            off = stamp - date
            wrong = _zone_apart(off) if trace.profile.loopback else abs(off) > skew
            yield check(
                not wrong, generation.submit, "created_at", "about the Date of the 202", f"{off:+.1f} s from it"
            )
        previous = latest.get(generation.submit.account)
        if previous is not None and previous[1] <= generation.submit.started and stamp < previous[0] - skew:
            got = f"{previous[0] - stamp:.3f} s before that of an earlier submit"
            yield Violation(generation.submit, "created_at", "in the order of the submits", got)
        latest[generation.submit.account] = (stamp, generation.submit.finished)
        yield Evidence(generation.submit)
