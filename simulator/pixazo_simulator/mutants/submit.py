"""SUBMIT, WAL, ERR: wrong responses to a submit; money that is wrongly taken, kept or not counted; wrong HTTP errors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec.structs import replace

from pixazo_simulator import spec
from pixazo_simulator.world import REQUEST_ID_FORMS, CountCall, EntryKind, Ledger, Submission, refund_due

from .edits import *
from .mutant import *

Identify = Callable[[Submission, spec.Policy, Random, int], str]
LONG_AGO = spec.PAGE_INSTANT - 86_400 * spec.SECOND
"""A day before the page's sample."""


def _prefixed(text: Identify) -> Edits:
    """Give generations ids made of the model's name and another text."""

    def identify(call: Submission, policy: spec.Policy, random: Random, now: int) -> str:
        return f"{call.operation.model_id}_{text(call, policy, random, now)}"

    return behaviour(identify=identify)


def _bare(_: Submission, policy: spec.Policy, random: Random, now: int) -> str:
    return REQUEST_ID_FORMS[policy.request_id](random, now)


def _hashed(call: Submission, _: spec.Policy, __: Random, ___: int) -> str:
    digits = hashlib.blake2b(call.body or b"", digest_size=16).hexdigest()
    return str(UUID(f"{digits[:12]}7{digits[13:16]}a{digits[17:]}"))  # UUID(version=7) needs Python 3.14


def _previous_url(members: Members, context: Context) -> str:
    own = members["polling_url"]
    previous: str = context.memory.get("polling_url") or own
    context.memory.put(own, "polling_url")
    return previous


def _held(reply: Reply, context: Context) -> Reply:
    ends = context.ends(str((reply.members() or {}).get("request_id")))
    return reply if ends is None else replace(reply, until=ends)


def replayed(edit: ReplyEdit) -> Edits:
    """Do not accept a body a second time: respond with the edited reply to the first."""

    def first(request: Request, context: Context) -> Request | Reply:
        reply = context.memory.get("accepted", request.path, request.body) if context.caller else None
        return edit(reply.with_header("date", spec.http_date(context.now).decode()), context) if reply else request

    def note(reply: Reply, context: Context) -> Reply:
        context.memory.put(reply, "accepted", reply.request.path, reply.request.body)
        return reply

    return edit_requests(submits, first) | edit_replies(is_accepted, note)


def _is_malformed(reply: Reply) -> bool:
    """Whether a body was refused that is neither empty nor JSON."""
    if not is_refused(reply) or not reply.request.body.strip():
        return False
    try:
        msgspec.json.decode(reply.request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
    return False


SUBMIT = (
    Mutant("200-on-generate", "SUBMIT-01", "An accepted text-to-video submit gets 200",
           edit_replies(lambda reply: is_accepted(reply, GENERATE), with_status(200))),
    Mutant("201-on-image-to-video", "SUBMIT-02", "An accepted image-to-video submit gets 201",
           edit_replies(lambda reply: is_accepted(reply, IMAGE_TO_VIDEO), with_status(201))),
    Mutant("no-polling-url", "SUBMIT-03", "The 202 has no polling_url", in_accepted(drop("polling_url"))),
    Mutant("no-status-in-202", "SUBMIT-03", "The 202 has no status", in_accepted(drop("status"))),
    Mutant("estimated-cost-in-202", "SUBMIT-04", "The 202 also has an estimated_cost", in_accepted(put("estimated_cost", 0.35))),
    Mutant("processing-in-202", "SUBMIT-05", "The status of the 202 is PROCESSING", in_accepted(put("status", "PROCESSING"))),
    Mutant("bare-uuid", "SUBMIT-06", "A request id is a UUID without the model's name", behaviour(identify=_bare)),
    Mutant("upper-case-uuid", "SUBMIT-07", "The UUID of a request id is in upper case",
           _prefixed(lambda call, policy, random, now: _bare(call, policy, random, now).upper())),
    Mutant("uuid-4", "SUBMIT-08", "The UUID of a request id has version 4",
           _prefixed(lambda _, __, random, ___: str(UUID(int=random.getrandbits(128), version=4)))),
    Mutant("uuid-7-of-one-instant", "SUBMIT-09", "The UUIDs of all request ids contain the same time",
           _prefixed(lambda call, policy, random, _: _bare(call, policy, random, LONG_AGO))),
    Mutant("id-from-body", "SUBMIT-10", "A request id is a hash of the body, so the same body gets the same id", _prefixed(_hashed)),
    Mutant("polling-url-of-previous", "SUBMIT-11", "The polling_url is that of the account's previous request",
           in_accepted(compute("polling_url", _previous_url))),
    Mutant("polling-url-without-prefix", "SUBMIT-11", "The request id in the polling_url lacks the model's name",
           in_accepted(change("polling_url", lambda url: f"{url.rpartition('/')[0]}/{without_prefix(url.rpartition('/')[2])}"))),
    Mutant("relative-polling-url", "SUBMIT-12", "The polling_url is a path without scheme and host",
           in_accepted(change("polling_url", lambda url: urlsplit(str(url)).path))),
    Mutant("not-found-at-first", "SUBMIT-13", "A status is 404 for the first 500 ms", policy(read_delay="500")),
    Mutant("first-read-not-found", "SUBMIT-13", "The first read of a status gets 404",
           hide(lambda request, context: context.ends(request.read_id or "") is not None and context.memory.count("read", request.read_id) == 1)),
    Mutant("submit-waits-for-the-end", "SUBMIT-14", "The response to a submit arrives only when the generation has ended",
           edit_replies(is_accepted, _held)),
    Mutant("repeated-body-is-one-request", "SUBMIT-15", "A body that was accepted before gets the first request id again",
           replayed(lambda reply, _: reply)),
    Mutant("malformed-json-is-500", "SUBMIT-16", "Malformed JSON gets 500", refuse(_is_malformed, spec.Broken())),
    Mutant("no-object-is-500", "SUBMIT-17", "An empty body, or JSON that is not an object, gets 500",
           refuse(lambda reply: is_refused(reply) and reply.request.members() is None and not _is_malformed(reply), spec.Broken())),
    Mutant("unknown-members-refused", "SUBMIT-18", "Members that the page does not list are refused", policy(unknown_members="refuse")),
)  # fmt: skip


FEE = 10_000
PRICE = 350_000
"""Of the cheapest generation, in millionths of a dollar: a wallet with less counts as empty."""
RACE = spec.SECOND
"""The time during which the next check does not see a debit."""


def _charge(when: Condition, amount: int) -> Edits:

    def charged(reply: Reply, context: Context) -> Reply:
        context.charge(amount, reply.request.read_id or "")
        return reply

    return edit_replies(when, charged)


def _debited_again(plan: spec.Plan, price: int, policy: spec.Policy) -> int:
    return -price if plan.outcome is spec.Status.COMPLETED else refund_due(plan, price, policy)


def _affords_by_old_balance(ledger: Ledger, price: int, now: int) -> bool:
    unseen = (entry for entry in ledger.entries(now) if entry.kind is EntryKind.DEBIT and now - entry.at < RACE)
    return ledger.balance(now) - sum(entry.amount for entry in unseen) >= price


WALLET = (
    Mutant("debited-twice", "WAL-01", "The price is taken again on completion", behaviour(refund_due=_debited_again)),
    Mutant("error-is-charged", "WAL-02", "ERROR is charged", behaviour(refund_due=lambda *_: 0)),
    Mutant("failed-is-refunded", "WAL-03", "FAILED is not charged", policy(refunds="error_failed")),
    Mutant("refusal-is-charged", "WAL-04", "A submit is charged before it is validated", _charge(is_refused, PRICE)),
    Mutant("read-is-charged", "WAL-05", "Each status read costs a cent", _charge(is_read, FEE)),
    Mutant("wallet-overdrawn", "WAL-06", "The balance is checked without the debits of the last second", behaviour(affords=_affords_by_old_balance)),
)  # fmt: skip


HOUR = 3600 * spec.SECOND
NOT_COUNTED = (401, 403, 500)
"""Status codes of refusals that precede the check of the rate."""
_SURROGATE_PAIR = re.compile(rb"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}", re.IGNORECASE)
_SURROGATE = re.compile(rb"\\ud[89a-f][0-9a-f]{2}", re.IGNORECASE)


def is_validation(reply: Reply) -> bool:
    """Whether a JSON object was refused for its members or for a webhook URL."""
    is_json = (reply.request.header("content-type") or "").startswith("application/json")
    if not is_refused(reply) or not is_json or reply.request.members() is None:
        return False
    return reply.members() is not None and not names_model(reply)


def names_model(reply: Reply) -> bool:
    return reply.status == 400 and (reply.members() or {}).get("error") == "Model not found"


def _refused(reply: Reply, context: Context, refusal: spec.Refusal) -> Reply:
    """The refusal, with the id of the generation if one was queued anyway."""
    refused = context.refusal(refusal, reply.request)
    if not is_accepted(reply):
        return refused
    return refused.with_members({**(refused.members() or {}), "request_id": (reply.members() or {})["request_id"]})


def _remember_balance(request: Request, context: Context) -> Request:
    context.memory.put(context.balance, "balance")
    return request


def _queued_by_the_poor(reply: Reply, context: Context) -> Reply:
    if context.balance >= 0:
        return reply
    taken = context.memory.get("balance") - context.balance
    context.charge(-taken)
    return _refused(reply, context, spec.InsufficientFunds(taken))


def _queued_when_throttled(reply: Reply, context: Context) -> Reply:
    """Count the submits that the gateway accepts without its own check of their rate."""
    is_counted = submits(reply.request) and reply.status not in NOT_COUNTED
    wait = context.caller.apply(CountCall(context.now)) if is_counted and context.caller else None
    return reply if wait is None else _refused(reply, context, spec.Throttled(wait))


def _queued_when_broken(reply: Reply, context: Context) -> Reply:
    is_broken = submits(reply.request) and context.caller and context.caller.account.broken
    return _refused(reply, context, spec.Broken()) if is_broken else reply


def _still_suspended(request: Request, context: Context) -> Request | Reply:
    is_suspended = context.caller and context.caller.account.suspended
    return context.refusal(spec.KeySuspended(), request) if is_suspended else request


def _throttled_for_ever(request: Request, context: Context) -> Request | Reply:
    return context.refusal(spec.Throttled(60), request) if context.memory.get("throttled") else request


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


CONFLICT = {"error": "Conflict", "message": "This request was accepted already."}


ERRORS = (
    Mutant("detail-for-error", "ERR-ENV-01", "A refused submit has detail instead of error and message",
           in_refusals(chain(drop("error"), rename("message", "detail")), 400, 402)),
    Mutant("error-is-an-object", "ERR-ENV-01", "The error of a refused submit is an object",
           in_refusals(change("error", lambda title: {"title": title}), 400, 402)),
    Mutant("detail-for-model", "ERR-ENV-01", "The error about a model has detail instead of error and message",
           edit_replies(names_model, in_members(chain(drop("error"), rename("message", "detail"))))),
    Mutant("detail-for-402", "ERR-ENV-01", "The 402 has detail instead of error and message",
           in_refusals(chain(drop("error"), rename("message", "detail")), 402)),
    Mutant("member-not-named", "ERR-ENV-02", "A validation error does not name the member",
           in_refusals(where(lambda members: members.get("error") == "Invalid request", put("message", "The request is not valid.")), 400)),
    Mutant("422-for-parameters", "ERR-400-01", "An invalid parameter gets 422", edit_replies(is_validation, with_status(422))),
    Mutant("404-for-model", "ERR-400-02", "An unknown or disabled model gets 404", edit_replies(names_model, with_status(404))),
    Mutant("model-not-named", "ERR-400-03", "The error about a model does not name it",
           edit_replies(names_model, in_members(put("message", "Model not found or is disabled")))),
    Mutant("403-for-empty-wallet", "ERR-402-01", "An empty wallet gets 403", edit_replies(has_status(402), with_status(403))),
    Mutant("other-words-for-402", "ERR-402-02", "The 402 is not worded as the page prints it",
           in_refusals(chain(put("error", "Payment Required"), put("message", "Please top up your wallet.")), 402)),
    Mutant("queued-in-spite-of-402", "ERR-402-03", "A submit that gets 402 is queued anyway; the 402 contains its id",
           without_checks("funds") | Edits(request=_remember_balance, reply=where(is_accepted, _queued_by_the_poor))),
    Mutant("402-on-reads", "ERR-402-04", "With an empty wallet, reads also get 402",
           refuse(is_read, spec.InsufficientFunds(PRICE), lambda context: context.balance < PRICE)),
    Mutant("503-for-throttled", "ERR-429-01", "Exceeding the rate gets 503", edit_replies(has_status(429), with_status(503))),
    Mutant("503-after-three-calls", "ERR-429-01", "An account is served three times, and then gets 503",
           THROTTLED_LATER | edit_replies(has_status(429), with_status(503))),
    Mutant("queued-in-spite-of-429", "ERR-429-02", "A submit that gets 429 is queued anyway; the 429 contains its id",
           without_checks("rate") | Edits(reply=_queued_when_throttled)),
    Mutant("retry-after-in-the-past", "ERR-429-03", "The Retry-After of a 429 is a date in the past",
           edit_replies(has_status(429), with_header("retry-after", lambda context: spec.http_date(context.now - HOUR).decode()))),
    Mutant("throttled-for-ever", "ERR-429-04", "An account that got 429 once gets it forever",
           edit_requests(lambda request: reads(request) or submits(request), _throttled_for_ever)
           | remember(has_status(429), "throttled", lambda reply: reply.status)),
    Mutant("lone-surrogate-is-500", "ERR-500-01", "A lone surrogate in the body gets 500",
           refuse(lambda reply: is_refused(reply) and bool(_SURROGATE.search(_SURROGATE_PAIR.sub(b"", reply.request.body))), spec.Broken())),
    Mutant("500-after-queueing", "ERR-500-02", "Every fifth accepted submit gets 500",
           refuse(is_accepted, spec.Broken(), lambda context: context.memory.count("accepted") % 5 == 0)),
    Mutant("queued-in-spite-of-500", "ERR-500-02", "A submit that gets 500 is queued anyway; the 500 contains its id",
           without_checks("suspended") | edit_requests(submits, _still_suspended) | Edits(reply=_queued_when_broken)),
    Mutant("409-for-repeated-body", "ERR-SET-01", "A body that was accepted before gets 409",
           replayed(lambda reply, _: reply.with_members(CONFLICT).with_status(409))),
    Mutant("wallet-checked-before-parameters", "ERR-PREC-01", "The wallet is checked before the parameters are",
           policy(check_order="key,suspended,rate,json,funds,model,parameters")),
)  # fmt: skip
