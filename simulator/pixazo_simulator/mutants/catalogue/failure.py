"""FAIL: wrong envelopes of FAILED and ERROR."""

from __future__ import annotations

from pixazo_simulator.mutants.edits import edit_replies, in_envelopes, is_read, policy, with_status
from pixazo_simulator.mutants.members import drop, put, status_is, where
from pixazo_simulator.mutants.messages import Reply, Request
from pixazo_simulator.mutants.mutant import Mutant

FAILED = status_is("FAILED")
ERROR = status_is("ERROR")


def _is_error(request: Request, reply: Reply) -> bool:
    return is_read(request, reply) and ERROR(reply.members() or {})


FAILURE = (
    Mutant("no-error-on-failed", "FAIL-01", "The error is null on FAILED", in_envelopes(where(FAILED, put("error", None)))),
    Mutant("empty-error-on-failed", "FAIL-01", "The error is an empty text on FAILED", in_envelopes(where(FAILED, put("error", "")))),
    Mutant("empty-output-on-failed", "FAIL-02", "The output is an empty list of media on FAILED",
           in_envelopes(where(FAILED, put("output", {"media_url": [], "media_type": "video/mp4"}))), ("STATUS-06",)),
    Mutant("no-output-on-error", "FAIL-03", "ERROR has no member output", in_envelopes(where(ERROR, drop("output"))), ("STATUS-08",)),
    Mutant("error-object-on-error", "FAIL-03", "The error is an object on ERROR",
           in_envelopes(where(ERROR, put("error", {"code": 1000, "message": "System error"}))), ("STATUS-05",)),
    Mutant("failure-without-timestamps", "FAIL-04", "FAILED and ERROR have no timestamps", policy(status_members="minimal_failure"),
           ("STATUS-0[89]", "TIME-*")),
    Mutant("502-on-error", "FAIL-05", "Reading an ERROR gets 502", edit_replies(_is_error, with_status(502)), ("STATUS-01", "ERR-500-01")),
)  # fmt: skip
