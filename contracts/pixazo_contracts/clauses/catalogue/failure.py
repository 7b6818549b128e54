"""FAIL: the envelopes of FAILED and ERROR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_contracts.clauses.clause import Cost, Observation, Strength, check, clause
from pixazo_contracts.trace import MISSING, STAMPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Exchange, Trace


ROOTS = ("STATUS-01", "STATUS-02")


def _ends(trace: Trace, *states: str) -> Iterator[Exchange]:
    return (read for read in trace.envelopes if read.state in states)


@clause(
    "FAIL-01",
    section="Status Values; Response Fields",
    strength=Strength.DOCUMENTED,
    cost=Cost.ACCOUNT,
    depends_on=ROOTS,
    core=True,
)
def fail_01(trace: Trace) -> Remarks:
    """FAILED carries a non-empty `error` string."""
    for read in _ends(trace, "FAILED"):
        error = read.members.get("error", MISSING)
        yield check(isinstance(error, str) and bool(error), read, "error", "a non-empty string", error)


@clause("FAIL-02", section="Error via Status", strength=Strength.IMPLIED, cost=Cost.ACCOUNT, depends_on=ROOTS)
def fail_02(trace: Trace) -> Remarks:
    """FAILED carries `output: null`."""
    for read in _ends(trace, "FAILED"):
        output = read.members.get("output", MISSING)
        yield check(output is None, read, "output", "null", output)


@clause(
    "FAIL-03",
    section="Error via Status/Webhook",
    strength=Strength.EXAMPLE,
    cost=Cost.ACCOUNT,
    depends_on=ROOTS,
    core=True,
    drift_fails=True,
)
def fail_03(trace: Trace) -> Remarks:
    """ERROR carries `request_id`, `status`, `model_id`, an `error` string and `output: null`."""
    for read in _ends(trace, "ERROR"):
        for name in ("request_id", "model_id"):
            value = read.members.get(name, MISSING)
            yield check(isinstance(value, str), read, name, "a string", value)
        error, output = read.members.get("error", MISSING), read.members.get("output", MISSING)
        yield check(isinstance(error, str) and bool(error), read, "error", "a non-empty string", error)
        yield check(output is None, read, "output", "null", output)


@clause(
    "FAIL-04",
    section="Error via Status vs Completed",
    strength=Strength.SILENT,
    cost=Cost.ACCOUNT,
    depends_on=("BASE-04", "AUTH-07", "SUBMIT-03", "FAIL-05", "STATUS-02", "STATUS-09"),
)
def fail_04(trace: Trace) -> Remarks:
    """Do failed envelopes carry the three timestamps? The failure example has none, the success example has all."""
    for read in _ends(trace, "FAILED", "ERROR"):
        carried = ", ".join(name for name in STAMPS if isinstance(read.members.get(name), str))
        yield Observation(f"{read.state}: {carried or 'none'}", read)


def _is_about_the_end(read: Exchange) -> bool:
    """Whether a read may tell how it goes with a bad end: retention, callbacks, wallet and rate are others' business."""
    return read.status not in {None, 402, 404, 429} and "STATUS-16" not in read.aims


@clause(
    "FAIL-05",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.ACCOUNT,
    depends_on=(
        "BASE-04",
        "AUTH-07",
        "SUBMIT-03",
    ),
)
def fail_05(trace: Trace) -> Remarks:
    """The HTTP code of reading a FAILED or ERROR request is 200: the read succeeded."""
    codes: dict[str, set[str]] = {}
    for generation in trace.generations:
        kind = generation.submit.case.removesuffix("-prompt")
        if kind in {"failed", "error"}:
            for read in [read for read in generation.reads if _is_about_the_end(read)][-1:]:
                codes.setdefault(kind, set()).add(str(read.status))
    for kind, seen in codes.items():
        yield Observation(f"{kind}: {', '.join(sorted(seen))}")
