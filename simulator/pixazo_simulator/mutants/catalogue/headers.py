"""HDR: headers that are read or written wrongly."""

from __future__ import annotations

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import (
    edit_replies,
    edit_requests,
    has_status,
    is_read,
    policy,
    refuse_submits,
    submits,
    with_header,
)
from pixazo_simulator.mutants.messages import Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import SECOND

CACHED = 30 * SECOND
PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>The page could not be shown</h1></body></html>"


def _exact_type(request: Request, _: Context) -> Request:
    is_exact = request.header("content-type") == "application/json"
    return request if is_exact else request.with_header("content-type", "text/plain")


def _as_html(reply: Reply, _: Context) -> Reply:
    return reply.with_body(PAGE).with_header("content-type", "text/html; charset=utf-8")


def _cached(request: Request, reply: Reply, context: Context) -> Reply:
    if not is_read(request, reply):
        return reply
    stored, answer = context.memory.get("cached", request.read_id) or (context.now, reply)
    if context.now - stored >= CACHED:
        stored, answer = context.now, reply
    context.memory.put((stored, answer), "cached", request.read_id)
    cached: Reply = answer.with_header("cache-control", f"max-age={CACHED // SECOND}")
    return cached.with_header("age", str((context.now - stored) // SECOND))


HEADERS = (
    Mutant("json-type-compared-exactly", "HDR-01", "A charset after application/json is refused",
           edit_requests(submits, _exact_type), ("SUBMIT-02", "I2V-*")),
    Mutant("content-type-ignored", "HDR-02", "A body is read as JSON whatever its declared type", policy(content_type="ignore")),
    Mutant("cache-control-required", "HDR-03", "A submit without Cache-Control is refused with 400",
           refuse_submits(lambda request: request.header("cache-control") is None, "The header Cache-Control: no-cache is required."),
           ("SUBMIT-02", "T2V-BODY-02", "I2V-*")),
    Mutant("errors-in-html", "HDR-04", "A 401 and a 404 are HTML pages", edit_replies(has_status(401, 404), _as_html),
           ("AUTH-12", "BASE-07", "STATUS-1[01]")),
    Mutant("status-typed-as-text", "HDR-04", "A status response is declared as text/plain",
           edit_replies(is_read, with_header("content-type", "text/plain"))),
    Mutant("status-cached", "HDR-05", "A cache in front of the gateway serves a status response for 30 s", Edits(reply=_cached),
           ("FLOW-05", "STATUS-15", "WEBHOOK-0[46]", "TIME-06", "OUT-*")),
    Mutant("status-cacheable", "HDR-05", "The headers of a status response allow caching it for 30 s",
           edit_replies(is_read, with_header("cache-control", "max-age=30"))),
)  # fmt: skip
