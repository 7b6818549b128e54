"""Wrong ways with headers: HDR."""

from __future__ import annotations

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import answers, has_status, heard_as, is_read, policy, refuses, submits
from pixazo_simulator.mutants.messages import Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import SECOND

CACHED = 30 * SECOND
PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>The page could not be shown</h1></body></html>"


def _typed_exactly(request: Request, _: Context) -> Request:
    given = request.header("content-type") or ""
    return request if given == "application/json" else request.with_header("content-type", "text/plain")


def _as_html(reply: Reply, _: Context) -> Reply:
    return reply.with_body(PAGE).with_header("content-type", "text/html; charset=utf-8")


def _cached(request: Request, reply: Reply, context: Context) -> Reply:
    if not is_read(request, reply):
        return reply
    stored, answer = context.memory.get("cached", request.read_id) or (context.now, reply)
    if context.now - stored >= CACHED:
        stored, answer = context.now, reply
    context.memory.put((stored, answer), "cached", request.read_id)
    told: Reply = answer.with_header("cache-control", f"max-age={CACHED // SECOND}")
    return told.with_header("age", str((context.now - stored) // SECOND))


HEADERS = (
    Mutant("json-type-compared-exactly", "HDR-01", "A charset after application/json is refused",
           heard_as(submits, _typed_exactly), ("SUBMIT-02", "I2V-*")),
    Mutant("content-type-ignored", "HDR-02", "A body is read as JSON whatever its declared type", policy(content_type="ignore")),
    Mutant("cache-control-required", "HDR-03", "A submit without Cache-Control is refused with 400",
           refuses(None, lambda request: request.header("cache-control") is None, "The header Cache-Control: no-cache is required."),
           ("SUBMIT-02", "T2V-BODY-02", "I2V-*")),
    Mutant("errors-in-html", "HDR-04", "A 401 and a 404 are HTML pages", answers(has_status(401, 404), _as_html),
           ("AUTH-12", "BASE-07", "STATUS-1[01]")),
    Mutant("status-typed-as-text", "HDR-04", "A status answer is declared as text/plain",
           answers(is_read, lambda reply, _: reply.with_header("content-type", "text/plain"))),
    Mutant("status-cached", "HDR-05", "A cache in front serves a status answer for 30 s", Edits(reply=_cached),
           ("FLOW-05", "STATUS-15", "WEBHOOK-0[46]", "TIME-06", "OUT-*")),
    Mutant("status-cacheable", "HDR-05", "A status answer may be cached for 30 s, its headers say",
           answers(is_read, lambda reply, _: reply.with_header("cache-control", "max-age=30"))),
)  # fmt: skip
