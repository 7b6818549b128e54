"""The vocabulary of the catalogue: which requests, replies and webhooks an edit affects, and what it changes there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from pixazo_simulator.spec import STATUS_PATH, Policy, Refusal
from pixazo_simulator.webhooks import WebhookRequest

from .members import Edit, When, change, put, where
from .messages import (
    UNKNOWN_ID,
    Condition,
    Context,
    Members,
    Reply,
    Request,
    has_status,
    is_accepted,
    is_read,
    is_refused,
    members_of,
    reads,
    submits,
)
from .mutant import Edits

ReplyEdit = Callable[[Reply, Context], Reply]
MISSING = object()
Value = str | Callable[[Context], str]
"""A header's value, or what computes it."""


# Replies


def edit_replies(when: Condition, edit: ReplyEdit) -> Edits:
    return Edits(reply=lambda request, reply, context: edit(reply, context) if when(request, reply) else reply)


def with_status(status: int) -> ReplyEdit:
    return lambda reply, _: reply.with_status(status)


def with_header(name: str, value: Value) -> ReplyEdit:
    return lambda reply, context: reply.with_header(name, _value(value, context))


def with_members(edit: Edit) -> ReplyEdit:

    def edited(reply: Reply, context: Context) -> Reply:
        members = reply.members()
        return reply if members is None else reply.with_members(edit(members, context))

    return edited


def in_accepted(edit: Edit) -> Edits:
    return edit_replies(is_accepted, with_members(edit))


def in_status(edit: Edit, *words: str) -> Edits:
    """Edit the envelopes that are read, those with one of these statuses if any is named."""
    return edit_replies(is_read, with_members(where(_is_envelope(words), edit)))


def _is_envelope(words: Sequence[str]) -> When:
    return lambda members: {"request_id", "status"} <= members.keys() and (not words or members["status"] in words)


def in_refusals(edit: Edit, *codes: int) -> Edits:
    return edit_replies(has_status(*codes), with_members(edit))


def refuse(when: Condition, refusal: Refusal) -> Edits:
    """Refuse, in the words of the policy, where `when` is true."""
    return Edits(
        reply=lambda request, reply, context: context.refusal(refusal, request) if when(request, reply) else reply
    )


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
        lambda _, reply: reply.is_json and reply.body != b"", lambda reply, _: reply.with_body(edit(reply.body))
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

    def edited(request: Request, context: Context) -> Request:
        given = request.members() if submits(request, operation) else None
        if given is None:
            return request
        members = edit(given, context)
        return request if members == given else request.with_members(members)

    return Edits(request=edited)


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
    ) | edit_replies(lambda request, reply: is_refused(request, reply) and when(request), with_members(reword))


def hide(when: Callable[[Request, Context], bool]) -> Edits:
    """Respond to reads for which `when` is true as if there were no such generation."""

    def edited(request: Request, context: Context) -> Request:
        return request.at(f"{STATUS_PATH}{UNKNOWN_ID}") if reads(request) and when(request, context) else request

    return Edits(request=edited)


def hide_accepted(when: Callable[[Request], bool]) -> Edits:
    """Respond as if there were no such generation to its reads if `when` was true for its submit."""

    def remember(request: Request, reply: Reply, context: Context) -> Reply:
        members = reply.members() if is_accepted(request, reply) and when(request) else None
        if members:
            context.memory.put(members["request_id"], "hidden", members["request_id"])
        return reply

    hidden = hide(lambda request, context: context.memory.get("hidden", request.read_id) is not None)
    return Edits(reply=remember) | hidden


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
