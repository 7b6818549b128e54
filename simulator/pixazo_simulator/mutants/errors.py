"""WAL, ERR: money that is wrongly taken, kept or not counted; wrong HTTP errors."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from pixazo_simulator import spec
from pixazo_simulator.world import CountCall, EntryKind, Ledger, refund_due

from .edits import behaviour, edit_replies, in_refusals, policy, refuse, with_members, with_status, without_checks
from .members import chain, change, drop, put, rename, where
from .messages import Condition, Context, Reply, Request, has_status, is_accepted, is_read, is_refused, reads, submits
from .mutant import Edits, Mutant
from .submit import replayed

FEE = 10_000
PRICE = 350_000
"""Of the cheapest generation, in millionths of a dollar: a wallet with less counts as empty."""
RACE = spec.SECOND
"""The time during which the next check does not see a debit."""


def _charge(when: Condition, amount: int) -> Edits:
    return edit_replies(when, lambda reply, _: msgspec.structs.replace(reply, debit=amount))


def _debited_again(plan: spec.Plan, price: int, policy: spec.Policy) -> int:
    return -price if plan.outcome is spec.Status.COMPLETED else refund_due(plan, price, policy)


def _affords_by_old_balance(ledger: Ledger, price: int, now: int) -> bool:
    unseen = (entry for entry in ledger.entries(now) if entry.kind is EntryKind.DEBIT and now - entry.at < RACE)
    return ledger.balance(now) - sum(entry.amount for entry in unseen) >= price


WALLET = (
    Mutant("debited-twice", "WAL-01", "The price is taken again on completion", behaviour(refund_due=_debited_again), ("WAL-05",)),
    Mutant("error-is-charged", "WAL-02", "ERROR is charged", behaviour(refund_due=lambda *_: 0), ("WAL-03",)),
    Mutant("failed-is-refunded", "WAL-03", "FAILED is not charged", policy(refunds="error_failed")),
    Mutant("refusal-is-charged", "WAL-04", "A submit is charged before it is validated", _charge(is_refused, PRICE), ("SUBMIT-15",)),
    Mutant("read-is-charged", "WAL-05", "Each status read costs a cent", _charge(is_read, FEE), ("WAL-02",)),
    Mutant("wallet-overdrawn", "WAL-06", "The balance is checked without the debits of the last second", behaviour(affords=_affords_by_old_balance)),
)  # fmt: skip


HOUR = 3600 * spec.SECOND
NOT_COUNTED = (401, 403, 500)
"""Status codes of refusals that precede the check of the rate."""
_SURROGATE_PAIR = re.compile(rb"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}", re.IGNORECASE)
_SURROGATE = re.compile(rb"\\ud[89a-f][0-9a-f]{2}", re.IGNORECASE)


def _has_lone_surrogate(request: Request, reply: Reply) -> bool:
    return is_refused(request, reply) and _SURROGATE.search(_SURROGATE_PAIR.sub(b"", request.body)) is not None


def is_validation(request: Request, reply: Reply) -> bool:
    """Whether a JSON object was refused for its members or for a webhook URL."""
    is_json = (request.header("content-type") or "").startswith("application/json")
    if not is_refused(request, reply) or not is_json or request.members() is None:
        return False
    return reply.members() is not None and not names_model(request, reply)


def names_model(_: Request, reply: Reply) -> bool:
    members = reply.members() if reply.status == 400 else None
    return members is not None and members.get("error") == "Model not found"


def _poor_read(request: Request, reply: Reply, context: Context) -> Reply:
    is_poor = is_read(request, reply) and context.balance < PRICE
    return context.refusal(spec.InsufficientFunds(PRICE), request) if is_poor else reply


def _refused(request: Request, reply: Reply, context: Context, refusal: spec.Refusal) -> Reply:
    """The refusal, with the id of the generation if one was queued anyway."""
    refused = context.refusal(refusal, request)
    if not is_accepted(request, reply):
        return refused
    return refused.with_members({**(refused.members() or {}), "request_id": (reply.members() or {})["request_id"]})


def _remember_balance(request: Request, context: Context) -> Request:
    context.memory.put(context.balance, "balance")
    return request


def _queued_by_the_poor(request: Request, reply: Reply, context: Context) -> Reply:
    if not is_accepted(request, reply) or context.balance >= 0:
        return reply
    taken = context.memory.get("balance") - context.balance
    return msgspec.structs.replace(_refused(request, reply, context, spec.InsufficientFunds(taken)), debit=-taken)


def _queued_when_throttled(request: Request, reply: Reply, context: Context) -> Reply:
    """Count the submits that the gateway accepts without its own check of their rate."""
    is_counted = submits(request) and reply.status not in NOT_COUNTED
    wait = context.caller.apply(CountCall(context.now)) if is_counted and context.caller else None
    return reply if wait is None else _refused(request, reply, context, spec.Throttled(wait))


def _queued_when_broken(request: Request, reply: Reply, context: Context) -> Reply:
    is_broken = submits(request) and context.caller and context.caller.account.broken
    return _refused(request, reply, context, spec.Broken()) if is_broken else reply


def _still_suspended(request: Request, context: Context) -> Request | Reply:
    is_suspended = submits(request) and context.caller and context.caller.account.suspended
    return context.refusal(spec.KeySuspended(), request) if is_suspended else request


def _retry_in_the_past(reply: Reply, context: Context) -> Reply:
    return reply.with_header("retry-after", spec.http_date(context.now - HOUR).decode())


def _remember_429(_: Request, reply: Reply, context: Context) -> Reply:
    if reply.status == 429:
        context.memory.put(reply.status, "throttled")
    return reply


def _throttled_for_ever(request: Request, context: Context) -> Request | Reply:
    is_concerned = reads(request) or submits(request)
    return context.refusal(spec.Throttled(60), request) if is_concerned and context.memory.get("throttled") else request


def _throttled_after(calls: int, when: Callable[[Request], bool]) -> Edits:
    """Serve an account that is throttled from the beginning a number of times, and always where `when` is false."""

    def edited(request: Request, context: Context) -> Request:
        limit = context.caller.policy.rate_limit if context.caller else None
        exhausted = limit is not None and limit.calls == 0
        serves = exhausted and (not when(request) or context.memory.count("served") <= calls)
        return request.with_header(spec.KEY_HEADER, context.first_key) if serves else request

    return Edits(request=edited)


THROTTLED_LATER = _throttled_after(3, lambda _: True)
SUBMITS_THROTTLED_LATER = _throttled_after(3, submits)


def _every_fifth_broken(request: Request, reply: Reply, context: Context) -> Reply:
    is_fifth = is_accepted(request, reply) and context.memory.count("accepted") % 5 == 0
    return context.refusal(spec.Broken(), request) if is_fifth else reply


def _conflict(reply: Reply, _: Context) -> Reply:
    return reply.with_members({"error": "Conflict", "message": "This request was accepted already."}).with_status(409)


ERRORS = (
    Mutant("detail-for-error", "ERR-ENV-01", "A refused submit has detail instead of error and message",
           in_refusals(chain(drop("error"), rename("message", "detail")), 400, 402), ("ERR-ENV-02", "ERR-40[02]-*", "SUBMIT-18")),
    Mutant("error-is-an-object", "ERR-ENV-01", "The error of a refused submit is an object",
           in_refusals(change("error", lambda title: {"title": title}), 400, 402), ("ERR-ENV-02", "ERR-40[02]-*")),
    Mutant("detail-for-model", "ERR-ENV-01", "The error about a model has detail instead of error and message",
           edit_replies(names_model, with_members(chain(drop("error"), rename("message", "detail")))), ("ERR-400-03",)),
    Mutant("detail-for-402", "ERR-ENV-01", "The 402 has detail instead of error and message",
           in_refusals(chain(drop("error"), rename("message", "detail")), 402), ("ERR-402-02",)),
    Mutant("member-not-named", "ERR-ENV-02", "A validation error does not name the member",
           in_refusals(where(lambda members: members.get("error") == "Invalid request", put("message", "The request is not valid.")), 400)),
    Mutant("422-for-parameters", "ERR-400-01", "An invalid parameter gets 422", edit_replies(is_validation, with_status(422)),
           ("T2V-*", "I2V-*", "ERR-SET-01", "SUBMIT-18", "ERR-ENV-*", "ERR-PREC-01", "HDR-03", "WEBHOOK-15")),
    Mutant("404-for-model", "ERR-400-02", "An unknown or disabled model gets 404", edit_replies(names_model, with_status(404)),
           ("ERR-SET-01", "ERR-400-03")),
    Mutant("model-not-named", "ERR-400-03", "The error about a model does not name it",
           edit_replies(names_model, with_members(put("message", "Model not found or is disabled")))),
    Mutant("403-for-empty-wallet", "ERR-402-01", "An empty wallet gets 403", edit_replies(has_status(402), with_status(403)),
           ("ERR-402-*", "WAL-06", "ERR-PREC-01", "AUTH-09")),
    Mutant("other-words-for-402", "ERR-402-02", "The 402 is not worded as the page prints it",
           in_refusals(chain(put("error", "Payment Required"), put("message", "Please top up your wallet.")), 402)),
    Mutant("queued-in-spite-of-402", "ERR-402-03", "A submit that gets 402 is queued anyway; the 402 contains its id",
           without_checks("funds") | Edits(request=_remember_balance, reply=_queued_by_the_poor), ("ERR-402-01", "WEBHOOK-09")),
    Mutant("402-on-reads", "ERR-402-04", "With an empty wallet, reads also get 402", Edits(reply=_poor_read), ("STATUS-01", "FLOW-05", "WEBHOOK-08")),
    Mutant("503-for-throttled", "ERR-429-01", "Exceeding the rate gets 503", edit_replies(has_status(429), with_status(503)),
           ("ERR-429-*", "ERR-500-01", "ERR-SET-01", "ERR-PREC-01")),
    Mutant("503-after-three-calls", "ERR-429-01", "An account is served three times, and then gets 503",
           THROTTLED_LATER | edit_replies(has_status(429), with_status(503)), ("ERR-429-*", "ERR-500-01", "ERR-SET-01", "ERR-PREC-01")),
    Mutant("queued-in-spite-of-429", "ERR-429-02", "A submit that gets 429 is queued anyway; the 429 contains its id",
           without_checks("rate") | Edits(reply=_queued_when_throttled), ("ERR-PREC-01", "ERR-429-03", "WEBHOOK-09")),
    Mutant("retry-after-in-the-past", "ERR-429-03", "The Retry-After of a 429 is a date in the past",
           edit_replies(has_status(429), _retry_in_the_past), ("ERR-429-04",)),
    Mutant("throttled-for-ever", "ERR-429-04", "An account that got 429 once gets it forever",
           Edits(request=_throttled_for_ever, reply=_remember_429)),
    Mutant("lone-surrogate-is-500", "ERR-500-01", "A lone surrogate in the body gets 500",
           refuse(_has_lone_surrogate, spec.Broken()), ("SUBMIT-16",)),
    Mutant("500-after-queueing", "ERR-500-02", "Every fifth accepted submit gets 500", Edits(reply=_every_fifth_broken),
           ("ERR-500-01", "SUBMIT-*", "T2V-*", "I2V-*", "WEBHOOK-01")),
    Mutant("queued-in-spite-of-500", "ERR-500-02", "A submit that gets 500 is queued anyway; the 500 contains its id",
           without_checks("suspended") | Edits(request=_still_suspended, reply=_queued_when_broken)),
    Mutant("409-for-repeated-body", "ERR-SET-01", "A body that was accepted before gets 409", replayed(_conflict), ("SUBMIT-1[05]", "T2V-BODY-01")),
    Mutant("wallet-checked-before-parameters", "ERR-PREC-01", "The wallet is checked before the parameters are",
           policy(check_order="key,suspended,rate,json,funds,model,parameters"), ("ERR-402-03",)),
)  # fmt: skip
