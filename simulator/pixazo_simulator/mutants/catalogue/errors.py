"""Wrong HTTP errors: ERR."""

from __future__ import annotations

import re

import msgspec

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import (
    answers,
    excepting,
    has_status,
    is_accepted,
    is_read,
    is_refused,
    policy,
    refusals,
    refused_as,
    submits,
    values,
    with_code,
)
from pixazo_simulator.mutants.members import amended, chain, drop, on, put, rename
from pixazo_simulator.mutants.messages import Members, Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import Broken, InsufficientFunds, KeySuspended, Throttled, http_date

from .submit import replayed

CHEAPEST = 350_000
"""Millionths of a dollar: with less, a wallet counts as empty."""
AGO = 3600_000
FIFTH = 5
NOT_COUNTED = (401, 403, 500)
"""Codes of refusals that come before the rate is looked at."""
_SURROGATE_PAIR = re.compile(rb"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}", re.IGNORECASE)
_SURROGATE = re.compile(rb"\\ud[89a-f][0-9a-f]{2}", re.IGNORECASE)


def _has_lone_surrogate(request: Request, reply: Reply) -> bool:
    return (
        is_refused(request, reply)
        and reply.status == 400
        and _SURROGATE.search(_SURROGATE_PAIR.sub(b"", request.body)) is not None
    )


def _validation(request: Request, reply: Reply) -> bool:
    """Whether a JSON object was refused for its members or for a webhook URL."""
    said = reply.members() if is_refused(request, reply) and reply.status == 400 else None
    typed = (request.header("content-type") or "").startswith("application/json")
    return said is not None and typed and request.members() is not None and said.get("error") != "Model not found"


def _no_model(_: Request, reply: Reply) -> bool:
    said = reply.members() if reply.status == 400 else None
    return said is not None and said.get("error") == "Model not found"


def _poor_read(request: Request, reply: Reply, context: Context) -> Reply:
    poor = is_read(request, reply) and context.balance < CHEAPEST
    return context.refusal(InsufficientFunds(CHEAPEST), request) if poor else reply


def _remembering_balance(request: Request, context: Context) -> Request:
    context.memory.put(context.balance, "balance")
    return request


def _queued_in_spite(refused: Reply, accepted: Reply) -> Reply:
    """A refusal that lets slip the id of what it ought not to have queued."""
    return refused.with_members({**(refused.members() or {}), "request_id": (accepted.members() or {})["request_id"]})


def _poor_but_queued(request: Request, reply: Reply, context: Context) -> Reply:
    if not is_accepted(request, reply) or context.balance >= 0:
        return reply
    taken = context.memory.get("balance") - context.balance
    refused = _queued_in_spite(context.refusal(InsufficientFunds(taken), request), reply)
    return msgspec.structs.replace(refused, debit=-taken)


def _throttled_but_queued(request: Request, reply: Reply, context: Context) -> Reply:
    """Count the submits that the gateway, without its own check of their rate, let pass."""
    counted = submits(request) and context.known and reply.status not in NOT_COUNTED
    wait = context.throttle() if counted else None
    if wait is None:
        return reply
    refused = context.refusal(Throttled(wait), request)
    return _queued_in_spite(refused, reply) if is_accepted(request, reply) else refused


def _in_the_past(reply: Reply, context: Context) -> Reply:
    return reply.with_header("retry-after", http_date(context.now - AGO).decode())


def _for_ever(request: Request, context: Context) -> Request | Reply:
    concerned = request.read_id is not None or submits(request)
    return context.refusal(Throttled(60), request) if concerned and context.memory.get("throttled") else request


def _remembering_429(_: Request, reply: Reply, context: Context) -> Reply:
    if reply.status == 429:
        context.memory.put(reply.status, "throttled")
    return reply


def _every_fifth_is_500(request: Request, reply: Reply, context: Context) -> Reply:
    fifth = is_accepted(request, reply) and context.memory.count("accepted") % FIFTH == 0
    return context.refusal(Broken(), request) if fifth else reply


def _still_suspended(request: Request, context: Context) -> Request | Reply:
    return context.refusal(KeySuspended(), request) if submits(request) and context.known and context.suspended else request


def _broken_but_queued(request: Request, reply: Reply, context: Context) -> Reply:
    if not submits(request) or not context.known or not context.broken:
        return reply
    refused = context.refusal(Broken(), request)
    return _queued_in_spite(refused, reply) if is_accepted(request, reply) else refused


def _conflict(reply: Reply, _: Context) -> Reply:
    told = {"error": "Conflict", "message": "This request was accepted already."}
    return reply.with_members(told).with_status(409)


def _nameless(told: Members) -> bool:
    return told.get("error") == "Invalid request"


ERRORS = (
    Mutant("detail-for-error", "ERR-ENV-01", "A refused submit tells detail instead of error and message",
           refusals(chain(drop("error"), rename("message", "detail")), 400, 402), ("ERR-ENV-02", "ERR-40[02]-*", "SUBMIT-18")),
    Mutant("error-is-an-object", "ERR-ENV-01", "The error of a refused submit is an object",
           refusals(amended("error", lambda title: {"title": title}), 400, 402), ("ERR-ENV-02", "ERR-40[02]-*")),
    Mutant("member-not-named", "ERR-ENV-02", "A validation error does not name the member",
           refusals(on(_nameless, put("message", "The request is not valid.")), 400)),
    Mutant("422-for-parameters", "ERR-400-01", "A violated parameter rule is answered 422", answers(_validation, with_code(422)),
           ("T2V-*", "I2V-*", "ERR-SET-01", "SUBMIT-18", "ERR-ENV-*", "ERR-PREC-01", "HDR-03", "WEBHOOK-15")),
    Mutant("404-for-model", "ERR-400-02", "An unknown or disabled model is answered 404", answers(_no_model, with_code(404)),
           ("ERR-SET-01", "ERR-400-03")),
    Mutant("model-not-named", "ERR-400-03", "The error about a model does not name it",
           answers(_no_model, values(put("message", "Model not found or is disabled")))),
    Mutant("403-for-empty-wallet", "ERR-402-01", "An empty wallet is answered 403", answers(has_status(402), with_code(403)),
           ("ERR-402-*", "WAL-06", "ERR-PREC-01", "AUTH-09")),
    Mutant("other-words-for-402", "ERR-402-02", "The 402 is worded otherwise than printed",
           refusals(chain(put("error", "Payment Required"), put("message", "Please top up your wallet.")), 402)),
    Mutant("queued-in-spite-of-402", "ERR-402-03", "A 402 leaves a QUEUED request behind, and tells its id",
           excepting("funds") | Edits(request=_remembering_balance, reply=_poor_but_queued)),
    Mutant("402-on-reads", "ERR-402-04", "With an empty wallet reads are answered 402, too", Edits(reply=_poor_read), ("STATUS-01",)),
    Mutant("503-for-throttled", "ERR-429-01", "Exceeding the rate is answered 503", answers(has_status(429), with_code(503)),
           ("ERR-429-*", "ERR-500-01", "ERR-SET-01", "ERR-PREC-01")),
    Mutant("queued-in-spite-of-429", "ERR-429-02", "A throttled submit is queued all the same, and tells its id",
           excepting("rate") | Edits(reply=_throttled_but_queued), ("ERR-PREC-01", "ERR-429-03")),
    Mutant("retry-after-in-the-past", "ERR-429-03", "The Retry-After of a 429 is a date in the past", answers(has_status(429), _in_the_past),
           ("ERR-429-04",)),
    Mutant("throttled-for-ever", "ERR-429-04", "Who was throttled once is throttled for ever",
           Edits(request=_for_ever, reply=_remembering_429)),
    Mutant("lone-surrogate-is-500", "ERR-500-01", "A lone surrogate in the body is answered 500",
           refused_as(_has_lone_surrogate, lambda _: Broken()), ("SUBMIT-16",)),
    Mutant("500-after-queueing", "ERR-500-02", "Every fifth accepted submit is answered 500", Edits(reply=_every_fifth_is_500),
           ("ERR-500-01", "SUBMIT-*", "T2V-*", "I2V-*")),
    Mutant("queued-in-spite-of-500", "ERR-500-02", "A submit that is answered 500 is queued all the same, and tells its id",
           excepting("suspended") | Edits(request=_still_suspended, reply=_broken_but_queued)),
    Mutant("409-for-repeated-body", "ERR-SET-01", "A body that was accepted before is answered 409", replayed(_conflict), ("SUBMIT-1[05]",)),
    Mutant("wallet-checked-before-parameters", "ERR-PREC-01", "The wallet is checked before the parameters are",
           policy(check_order="key,suspended,rate,json,funds,model,parameters"), ("ERR-402-03",)),
)  # fmt: skip
