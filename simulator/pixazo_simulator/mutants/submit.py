"""SUBMIT: wrong responses to a submit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from pixazo_simulator.spec import PAGE_INSTANT, SECOND, Broken, Policy, http_date
from pixazo_simulator.world import REQUEST_ID_FORMS, Submission

from .edits import ReplyEdit, behaviour, edit_replies, hide, in_accepted, policy, refuse, with_status
from .members import change, compute, drop, put, without_prefix
from .messages import GENERATE, IMAGE_TO_VIDEO, Context, Members, Reply, Request, is_accepted, is_refused, submits
from .mutant import Edits, Mutant

Identify = Callable[[Submission, Policy, Random, int], str]
LONG_AGO = PAGE_INSTANT - 86_400 * SECOND
"""A day before the page's sample."""


def _accepted_with(status: int, operation: str) -> Edits:
    return edit_replies(
        lambda request, reply: is_accepted(request, reply) and submits(request, operation), with_status(status)
    )


def _prefixed(text: Identify) -> Edits:
    """Give generations ids made of the model's name and another text."""

    def identify(call: Submission, policy: Policy, random: Random, now: int) -> str:
        return f"{call.operation.model_id}_{text(call, policy, random, now)}"

    return behaviour(identify=identify)


def _bare(_: Submission, policy: Policy, random: Random, now: int) -> str:
    return REQUEST_ID_FORMS[policy.request_id](random, now)


def _version_4(_: Submission, __: Policy, random: Random, ___: int) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def _hashed(call: Submission, _: Policy, __: Random, ___: int) -> str:
    digits = hashlib.blake2b(call.body or b"", digest_size=16).hexdigest()
    return str(UUID(f"{digits[:12]}7{digits[13:16]}a{digits[17:]}"))  # UUID(version=7) needs Python 3.14


def _previous_url(members: Members, context: Context) -> str:
    own = members["polling_url"]
    previous: str = context.memory.get("polling_url") or own
    context.memory.put(own, "polling_url")
    return previous


def _is_first_read(request: Request, context: Context) -> bool:
    return context.ends(request.read_id or "") is not None and context.memory.count("read", request.read_id) == 1


def _held(request: Request, reply: Reply, context: Context) -> Reply:
    members = reply.members() if is_accepted(request, reply) else None
    ends = context.ends(members["request_id"]) if members else None
    return reply if ends is None else msgspec.structs.replace(reply, until=ends)


def replayed(edit: ReplyEdit) -> Edits:
    """Do not accept a body a second time: respond with the edited reply to the first."""

    def first(request: Request, context: Context) -> Request | Reply:
        key = ("accepted", request.path, request.body)
        reply = context.memory.get(*key) if submits(request) and context.caller else None
        return edit(reply.with_header("date", http_date(context.now).decode()), context) if reply else request

    def remember(request: Request, reply: Reply, context: Context) -> Reply:
        if is_accepted(request, reply):
            context.memory.put(reply, "accepted", request.path, request.body)
        return reply

    return Edits(request=first, reply=remember)


def _is_malformed(request: Request, reply: Reply) -> bool:
    """Whether a body was refused that is neither empty nor JSON."""
    if not is_refused(request, reply) or not request.body.strip():
        return False
    try:
        msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
    return False


def _is_not_an_object(request: Request, reply: Reply) -> bool:
    """Whether a body was refused that is empty, or JSON but not an object."""
    return is_refused(request, reply) and request.members() is None and not _is_malformed(request, reply)


SUBMIT = (
    Mutant("200-on-generate", "SUBMIT-01", "An accepted text-to-video submit gets 200", _accepted_with(200, GENERATE)),
    Mutant("201-on-image-to-video", "SUBMIT-02", "An accepted image-to-video submit gets 201",
           _accepted_with(201, IMAGE_TO_VIDEO)),
    Mutant("no-polling-url", "SUBMIT-03", "The 202 has no polling_url", in_accepted(drop("polling_url")), ("SUBMIT-1[12]",)),
    Mutant("no-status-in-202", "SUBMIT-03", "The 202 has no status", in_accepted(drop("status")), ("SUBMIT-05",)),
    Mutant("estimated-cost-in-202", "SUBMIT-04", "The 202 also has an estimated_cost", in_accepted(put("estimated_cost", 0.35))),
    Mutant("processing-in-202", "SUBMIT-05", "The status of the 202 is PROCESSING", in_accepted(put("status", "PROCESSING")), ("FLOW-01",)),
    Mutant("bare-uuid", "SUBMIT-06", "A request id is a UUID without the model's name", behaviour(identify=_bare),
           ("SUBMIT-0[789]", "STATUS-04")),
    Mutant("upper-case-uuid", "SUBMIT-07", "The UUID of a request id is in upper case",
           _prefixed(lambda call, policy, random, now: _bare(call, policy, random, now).upper()), ("SUBMIT-06",)),
    Mutant("uuid-4", "SUBMIT-08", "The UUID of a request id has version 4", _prefixed(_version_4), ("SUBMIT-09",)),
    Mutant("uuid-7-of-one-instant", "SUBMIT-09", "The UUIDs of all request ids contain the same time",
           _prefixed(lambda call, policy, random, _: _bare(call, policy, random, LONG_AGO))),
    Mutant("id-from-body", "SUBMIT-10", "A request id is a hash of the body, so the same body gets the same id",
           _prefixed(_hashed), ("SUBMIT-0[89]", "SUBMIT-15", "TIME-05", "OUT-08", "WEBHOOK-07", "WEBHOOK-09", "WEBHOOK-18")),
    Mutant("polling-url-of-previous", "SUBMIT-11", "The polling_url is that of the account's previous request",
           in_accepted(compute("polling_url", _previous_url)), ("SUBMIT-12",)),
    Mutant("polling-url-without-prefix", "SUBMIT-11", "The request id in the polling_url lacks the model's name",
           in_accepted(change("polling_url", lambda url: f"{url.rpartition('/')[0]}/{without_prefix(url.rpartition('/')[2])}")), ("SUBMIT-12",)),
    Mutant("relative-polling-url", "SUBMIT-12", "The polling_url is a path without scheme and host",
           in_accepted(change("polling_url", lambda url: urlsplit(str(url)).path)), ("SUBMIT-11",)),
    Mutant("not-found-at-first", "SUBMIT-13", "A status is 404 for the first 500 ms", policy(read_delay="500"), ("STATUS-01",)),
    Mutant("first-read-not-found", "SUBMIT-13", "The first read of a status gets 404", hide(_is_first_read), ("STATUS-01",)),
    Mutant("submit-waits-for-the-end", "SUBMIT-14", "The response to a submit arrives only when the generation has ended",
           Edits(reply=_held), ("FLOW-0[12]", "SUBMIT-05", "WEBHOOK-*")),
    Mutant("repeated-body-is-one-request", "SUBMIT-15", "A body that was accepted before gets the first request id again",
           replayed(lambda reply, _: reply), ("SUBMIT-10",)),
    Mutant("malformed-json-is-500", "SUBMIT-16", "Malformed JSON gets 500", refuse(_is_malformed, Broken()), ("ERR-500-01",)),
    Mutant("no-object-is-500", "SUBMIT-17", "An empty body, or JSON that is not an object, gets 500",
           refuse(_is_not_an_object, Broken()), ("ERR-500-01",)),
    Mutant("unknown-members-refused", "SUBMIT-18", "Members that the page does not list are refused",
           policy(unknown_members="refuse"), ("T2V-IMG-01", "I2V-MODEL-01")),
)  # fmt: skip
