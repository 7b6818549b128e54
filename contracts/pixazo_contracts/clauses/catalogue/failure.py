"""FAIL: the envelopes of FAILED and ERROR."""

from __future__ import annotations

from collections.abc import Iterator

from pixazo_contracts.clauses.clause import Group, Observation, Remark, Remarks, check_member, is_null, is_string
from pixazo_contracts.clauses.standing import ACCOUNT, DOCUMENTED, EXAMPLE, IMPLIED, SILENT
from pixazo_contracts.trace import STAMPS, Exchange, Trace

FAIL = Group(depends_on="STATUS-01 STATUS-02")


def _ends(trace: Trace, *states: str) -> Iterator[Exchange]:
    return (read for read in trace.envelopes if read.state in states)


def _error(read: Exchange) -> Remark:
    return check_member(read, "error", lambda error: isinstance(error, str) and error != "", "a non-empty string")


def _no_output(read: Exchange) -> Remark:
    return check_member(read, "output", is_null, "null")


@FAIL.clause("FAIL-01", DOCUMENTED, ACCOUNT, core=True, section='Status Values: "FAILED Failed — check error field"')
def fail_01(trace: Trace) -> Remarks:
    """FAILED carries a non-empty `error` string."""
    for read in _ends(trace, "FAILED"):
        yield _error(read)


@FAIL.clause("FAIL-02", IMPLIED, ACCOUNT, section="Error via Status/Webhook")
def fail_02(trace: Trace) -> Remarks:
    """FAILED carries `output: null`."""
    for read in _ends(trace, "FAILED"):
        yield _no_output(read)


@FAIL.clause("FAIL-03", EXAMPLE, ACCOUNT, core=True, drift_fails=True, section="Error via Status/Webhook")
def fail_03(trace: Trace) -> Remarks:
    """ERROR carries `request_id`, `status`, `model_id`, an `error` string and `output: null`."""
    for read in _ends(trace, "ERROR"):
        for name in ("request_id", "model_id"):
            yield check_member(read, name, is_string, "a string")
        yield _error(read)
        yield _no_output(read)


@FAIL.clause("FAIL-04", SILENT, ACCOUNT, depends_on="BASE-04 AUTH-07 SUBMIT-03 FAIL-05 STATUS-02 STATUS-09",
    section="Error via Status/Webhook; Response (Completed)")  # fmt: skip
def fail_04(trace: Trace) -> Remarks:
    """Do failed envelopes carry the three timestamps? The failure example has none, the success example has all."""
    for read in _ends(trace, "FAILED", "ERROR"):
        carried = ", ".join(name for name in STAMPS if isinstance(read.members.get(name), str))
        yield Observation(f"{read.state}: {carried or 'none'}", read)


def _is_about_the_end(read: Exchange) -> bool:
    """Whether a read shows how a bad end is reported: other clauses judge retention, wallet and rate."""
    return read.status not in {None, 402, 404, 429} and "STATUS-16" not in read.aims


@FAIL.clause("FAIL-05", SILENT, ACCOUNT, depends_on="BASE-04 AUTH-07 SUBMIT-03", section="silence")
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
