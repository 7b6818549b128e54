"""FAIL: the envelopes of FAILED and ERROR."""

from __future__ import annotations

from pixazo_contracts.clauses.checks import each, envelopes
from pixazo_contracts.clauses.clause import Group, Observation, Remarks, check_member, is_null, is_string
from pixazo_contracts.clauses.standing import ACCOUNT, DOCUMENTED, EXAMPLE, IMPLIED, SILENT
from pixazo_contracts.trace import STAMPS, Exchange, Trace

FAIL = Group(depends_on="STATUS-01 STATUS-02")


FAILED, ERROR, BOTH = envelopes("FAILED"), envelopes("ERROR"), envelopes("FAILED", "ERROR")


def _says_why(error: object) -> bool:
    return isinstance(error, str) and error != ""


# fmt: off
FAIL.row("FAIL-01", DOCUMENTED, ACCOUNT, each(FAILED, "error", _says_why, "a non-empty string"), core=True,
    section='Status Values: "FAILED Failed — check error field"',
    demands="FAILED carries a non-empty `error` string.")
FAIL.row("FAIL-02", IMPLIED, ACCOUNT, each(FAILED, "output", is_null, "null"), section="Error via Status/Webhook",
    demands="FAILED carries `output: null`.")
# fmt: on


@FAIL.clause("FAIL-03", EXAMPLE, ACCOUNT, core=True, drift_fails=True, section="Error via Status/Webhook")
def fail_03(trace: Trace) -> Remarks:
    """ERROR carries `request_id`, `status`, `model_id`, an `error` string and `output: null`."""
    for read in ERROR(trace):
        for name in ("request_id", "model_id"):
            yield check_member(read, name, is_string, "a string")
        yield check_member(read, "error", _says_why, "a non-empty string")
        yield check_member(read, "output", is_null, "null")


@FAIL.clause("FAIL-04", SILENT, ACCOUNT, depends_on="BASE-04 AUTH-07 SUBMIT-03 FAIL-05 STATUS-02 STATUS-09",
    section="Error via Status/Webhook; Response (Completed)")  # fmt: skip
def fail_04(trace: Trace) -> Remarks:
    """Do failed envelopes carry the three timestamps? The failure example has none, the success example has all."""
    for read in BOTH(trace):
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
