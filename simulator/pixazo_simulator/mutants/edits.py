"""The vocabulary of the catalogue: which requests, replies, webhooks and JSON objects an edit affects, and what it changes there.

An edit is a function of what it edits and of the context; it returns the edited value, and leaves the given one as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from pixazo_simulator.spec import SECOND, STATUS_PATH, Policy, Refusal, timestamp
from pixazo_simulator.webhooks import WebhookRequest

from .mutant import *

__all__ = [
    "Edit", "ReplyEdit", "When", "accept", "behaviour", "chain", "change", "compute", "drop", "drop_webhooks",
    "edit_replies", "edit_requests", "edit_webhooks", "hide", "hide_accepted", "in_accepted", "in_envelopes",
    "in_json", "in_media_urls", "in_members", "in_output", "in_refusals", "in_status", "in_submitted",
    "in_webhooks", "instant", "policy", "put", "refuse", "refuse_submits", "remember", "rename", "shift", "submit_instead",
    "submits_members", "webhook_header", "where", "with_header", "with_status", "without_checks", "without_prefix",
]  # fmt: skip

T = TypeVar("T")
M = TypeVar("M", bound=Message)
Edit = Callable[[Members, Context], Members]
When = Callable[[Members], bool]
ReplyEdit = Callable[[Reply, Context], Reply]
MISSING = object()
Value = str | Callable[[Context], str]
"""A header's value, or what computes it."""


def where(when: Callable[[T], bool], edit: Callable[[T, Context], T]) -> Callable[[T, Context], T]:
    return lambda value, context: edit(value, context) if when(value) else value


def chain(*edits: Callable[[T, Context], T]) -> Callable[[T, Context], T]:

    def edit(value: T, context: Context) -> T:
        for each in edits:
            value = each(value, context)
        return value

    return edit


# Members of a JSON object


def put(name: str, value: object) -> Edit:
    return lambda members, _: {**members, name: value}


def compute(name: str, value: Callable[[Members, Context], Any]) -> Edit:
    """Set a member to a value that is computed from the object and the context."""
    return lambda members, context: {**members, name: value(members, context)}


def change(name: str, value: Callable[[Any], Any]) -> Edit:
    """Change the value of a member that is neither missing nor null."""
    return where(lambda members: members.get(name) is not None, compute(name, lambda members, _: value(members[name])))


def drop(*names: str) -> Edit:
    return lambda members, _: {name: value for name, value in members.items() if name not in names}


def rename(old: str, new: str) -> Edit:
    """Give a member another name, at the same place."""
    return lambda members, _: {new if name == old else name: value for name, value in members.items()}


def in_output(edit: Edit) -> Edit:
    return where(
        lambda members: bool(members.get("output")),
        compute("output", lambda members, context: edit(members["output"], context)),
    )


def in_media_urls(value: Callable[[str], str]) -> Edit:
    """Change every entry of `media_url`."""
    return in_output(change("media_url", lambda urls: [value(url) for url in urls]))


def shift(milliseconds: int, *names: str) -> Edit:
    """Move timestamps in time."""
    return chain(*(change(name, lambda text: timestamp(instant(text) + milliseconds)) for name in names))


def without_prefix(text: str) -> str:
    """A request id without the model's name."""
    return text.rpartition("_")[2]


def instant(text: str) -> int:
    """A timestamp, in either form of policy `timestamps`, as UTC milliseconds."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * SECOND)


def in_members(edit: Edit) -> Callable[[M, Context], M]:
    """Edit the JSON object that a request or a reply has, if it has one."""

    def edited(message: M, context: Context) -> M:
        given = message.members()
        members = None if given is None else edit(given, context)
        return message if members is None or members == given else message.with_members(members)

    return edited


# Replies


def edit_replies(when: Condition, edit: ReplyEdit) -> Edits:
    return Edits(reply=where(when, edit))


def with_status(status: int) -> ReplyEdit:
    return lambda reply, _: reply.with_status(status)


def with_header(name: str, value: Value) -> ReplyEdit:
    return lambda reply, context: reply.with_header(name, _value(value, context))


def in_accepted(edit: Edit) -> Edits:
    return edit_replies(is_accepted, in_members(edit))


def in_status(edit: Edit, *words: str) -> Edits:
    """Edit the envelopes that are read, those with one of these statuses if any is named."""
    return edit_replies(is_read, in_members(where(_is_envelope(words), edit)))


def _is_envelope(words: tuple[str, ...]) -> When:
    return lambda members: {"request_id", "status"} <= members.keys() and (not words or members["status"] in words)


def in_refusals(edit: Edit, *codes: int) -> Edits:
    return edit_replies(has_status(*codes), in_members(edit))


def refuse(when: Condition, refusal: Refusal, given: Callable[[Context], bool] = lambda _: True) -> Edits:
    """Refuse, in the words of the policy, where `when` and `given` are true."""
    return edit_replies(
        when, lambda reply, context: context.refusal(refusal, reply.request) if given(context) else reply
    )


def remember(when: Condition, key: str, fact: Callable[[Reply], object]) -> Edits:
    """Remember a fact of each reply for which `when` is true."""

    def remembered(reply: Reply, context: Context) -> Reply:
        context.memory.put(fact(reply), key)
        return reply

    return edit_replies(when, remembered)


# Webhooks


def edit_webhooks(edit: Callable[[WebhookRequest, Context], WebhookRequest]) -> Edits:
    return Edits(webhook=lambda webhook, context: (edit(webhook, context),))


def webhook_header(name: str, value: Value) -> Edits:
    return edit_webhooks(
        lambda webhook, context: replace(webhook, headers={**webhook.headers, name: _value(value, context)})
    )


def in_webhooks(edit: Edit, *words: str) -> Edits:
    """Edit the envelopes that are delivered, those with one of these statuses if any is named."""
    is_concerned = _is_envelope(words)

    def edited(webhook: WebhookRequest, context: Context) -> WebhookRequest:
        members = members_of(webhook.body)
        if members is None or not is_concerned(members):  # such as the challenge of policy `callback_url`
            return webhook
        return replace(webhook, body=msgspec.json.encode(edit(members, context)))

    return edit_webhooks(edited)


def drop_webhooks(*words: str) -> Edits:
    """Do not deliver the envelopes with one of these statuses."""

    def edited(webhook: WebhookRequest, _: Context) -> tuple[WebhookRequest, ...]:
        return () if (members_of(webhook.body) or {}).get("status") in words else (webhook,)

    return Edits(webhook=edited)


def in_envelopes(edit: Edit, *words: str) -> Edits:
    """Edit the envelopes that are read or delivered, those with one of these statuses if any is named."""
    return in_status(edit, *words) | in_webhooks(edit, *words)


def in_json(edit: Callable[[bytes], bytes]) -> Edits:
    """Edit the text of all JSON, in replies and webhooks."""
    replies = edit_replies(
        lambda reply: reply.is_json and reply.body != b"", lambda reply, _: reply.with_body(edit(reply.body))
    )
    return replies | edit_webhooks(lambda webhook, _: replace(webhook, body=edit(webhook.body)))


# Requests


def edit_requests(when: Callable[[Request], bool], edit: Callable[[Request, Context], Request | Reply]) -> Edits:
    return Edits(request=lambda request, context: edit(request, context) if when(request) else request)


def submits_members(operation: str | None, when: When) -> Callable[[Request], bool]:
    """Whether a request submits a JSON object for which `when` is true, to this operation if one is named."""

    def concerns(request: Request) -> bool:
        given = request.members() if submits(request, operation) else None
        return given is not None and when(given)

    return concerns


def in_submitted(operation: str | None, edit: Edit) -> Edits:
    """Edit the JSON objects that are submitted, to this operation if one is named."""
    return edit_requests(lambda request: submits(request, operation), in_members(edit))


def submit_instead(
    operation: str | None, name: str, value: object, *, of: object = MISSING, unless: tuple[str, object]
) -> Edits:
    """Submit one value of a member instead of another or of none, unless that is invalid together with another member."""

    def concerns(given: Members) -> bool:
        return given.get(name, MISSING) == of and given.get(unless[0]) != unless[1]

    return in_submitted(operation, where(concerns, put(name, value)))


def accept(operation: str | None, name: str, when: Callable[[Any], bool], instead: Callable[[Any], Any]) -> Edits:
    """Accept an invalid value of a member, by replacing it with a valid one."""
    return in_submitted(operation, change(name, lambda value: instead(value) if when(value) else value))


def refuse_submits(when: Callable[[Request], bool], message: str) -> Edits:
    """Refuse submits with 400 for a reason that the page does not have, in the usual order of checks."""

    def reword(members: Members, _: Context) -> Members:
        return {**members, "message" if "message" in members else "error": message}

    return edit_requests(
        lambda request: submits(request) and when(request), lambda request, _: replace(request, body=b"")
    ) | edit_replies(lambda reply: is_refused(reply) and when(reply.request), in_members(reword))


def hide(when: Callable[[Request, Context], bool]) -> Edits:
    """Respond to reads for which `when` is true as if there were no such generation."""

    def edited(request: Request, context: Context) -> Request:
        return request.at(f"{STATUS_PATH}{UNKNOWN_ID}") if when(request, context) else request

    return edit_requests(reads, edited)


def hide_accepted(when: Callable[[Request], bool]) -> Edits:
    """Respond as if there were no such generation to its reads if `when` was true for its submit."""

    def note(reply: Reply, context: Context) -> Reply:
        if when(reply.request) and (members := reply.members()):
            context.memory.put(members["request_id"], "hidden", members["request_id"])
        return reply

    hidden = hide(lambda request, context: context.memory.get("hidden", request.read_id) is not None)
    return edit_replies(is_accepted, note) | hidden


# Policy values, pure functions


def policy(**changes: str) -> Edits:
    return Edits(policy=lambda policy: policy.changed(changes))


def without_checks(*checks: str) -> Edits:
    """Leave out checks of a submit (policy `check_order`)."""

    def changed(policy: Policy) -> Policy:
        return replace(policy, check_order=tuple(name for name in policy.check_order if name not in checks))

    return Edits(policy=changed)


def behaviour(**functions: Callable[..., Any]) -> Edits:
    """Replace pure functions of a world."""
    return Edits(behaviour=functions)


def _value(value: Value, context: Context) -> str:
    return value if isinstance(value, str) else value(context)
