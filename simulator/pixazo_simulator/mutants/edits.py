"""Builds edits from small parts: which exchanges they concern, and what they do there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from pixazo_simulator.spec import Policy, Refusal
from pixazo_simulator.webhooks import WebhookRequest

from .context import Scene
from .members import Edit, amended
from .messages import UNKNOWN_ID, Reply, Request, members_of
from .mutant import Edits

GENERATE = "generate"
IMAGE_TO_VIDEO = "imageToVideo"

Judge = Callable[[Request, Reply], bool]


def is_accepted(request: Request, reply: Reply) -> bool:
    """Whether a submit was accepted."""
    return request.operation is not None and 200 <= reply.status < 300


def is_refused(request: Request, reply: Reply) -> bool:
    """Whether a submit was refused."""
    return request.operation is not None and reply.status >= 400


def is_read(request: Request, reply: Reply) -> bool:
    """Whether a status was read."""
    return request.read_id is not None and reply.status == 200


def is_media(request: Request, reply: Reply) -> bool:
    """Whether a video was fetched."""
    return request.media_id is not None and reply.status < 300


def has_status(*codes: int) -> Judge:
    """Whether the code of the reply is one of these."""
    return lambda _, reply: reply.status in codes


def submits(request: Request, operation: str | None = None) -> bool:
    """Whether a request is a submit, of this operation if one is named."""
    return request.operation is not None and operation in (None, request.operation.name)


# Replies


def answers(when: Judge, edit: Callable[[Reply, Scene], Reply]) -> Edits:
    """Edit the replies of which `when` is true."""
    return Edits(reply=lambda request, reply, scene: edit(reply, scene) if when(request, reply) else reply)


def with_code(status: int) -> Callable[[Reply, Scene], Reply]:
    """The same reply with another code."""
    return lambda reply, _: reply.with_status(status)


def values(edit: Edit) -> Callable[[Reply, Scene], Reply]:
    """Edit the members of a JSON reply."""

    def edited(reply: Reply, scene: Scene) -> Reply:
        told = reply.members()
        return reply if told is None else reply.with_members(edit(told, scene))

    return edited


def accepted(edit: Edit) -> Edits:
    """Edit the body of the 202."""
    return answers(is_accepted, values(edit))


def reads(edit: Edit) -> Edits:
    """Edit status answers."""
    return answers(is_read, values(edit))


def refusals(edit: Edit, *codes: int) -> Edits:
    """Edit the bodies of refusals with these codes."""
    return answers(has_status(*codes), values(edit))


def refused_as(when: Judge, refusal: Callable[[Scene], Refusal]) -> Edits:
    """Answer a refusal, as the policy words it, where `when` is true."""

    def edit(request: Request, reply: Reply, scene: Scene) -> Reply:
        return scene.refusal(refusal(scene), request) if when(request, reply) else reply

    return Edits(reply=edit)


# Callbacks


def callbacks(edit: Edit) -> Edits:
    """Edit the bodies of callbacks."""

    def post(webhook: WebhookRequest, scene: Scene) -> tuple[WebhookRequest, ...]:
        told = members_of(webhook.body)
        if told is None or "request_id" not in told:
            return (webhook,)
        return (replace(webhook, body=msgspec.json.encode(edit(told, scene))),)

    return Edits(callback=post)


def envelopes(edit: Edit) -> Edits:
    """Edit status answers and callbacks alike."""
    return reads(edit) | callbacks(edit)


# Requests


def heard_as(when: Callable[[Request], bool], edit: Callable[[Request, Scene], Request | Reply]) -> Edits:
    """Edit the requests of which `when` is true."""
    return Edits(request=lambda request, scene: edit(request, scene) if when(request) else request)


def asks(edit: Callable[[Request, Scene], Request | Reply]) -> Edits:
    """Edit every request."""
    return Edits(request=edit)


def bodies(operation: str | None, edit: Edit) -> Edits:
    """Edit the JSON objects that are submitted, to this operation if one is named."""

    def heard(request: Request, scene: Scene) -> Request:
        given = request.members() if submits(request, operation) else None
        if given is None:
            return request
        edited = edit(given, scene)
        return request if edited == given else request.with_members(edited)

    return asks(heard)


def takes_member(operation: str | None, name: str, when: Callable[[Any], bool], instead: Callable[[Any], Any]) -> Edits:
    """Accept a wrong value of a member, as if another one had been sent."""
    return bodies(operation, amended(name, lambda value: instead(value) if when(value) else value))


def refuses(operation: str | None, when: Callable[[Request], bool], message: str) -> Edits:
    """Refuse submits with 400 for a reason that the page does not know, in the usual order of checks."""

    def concerns(request: Request) -> bool:
        return submits(request, operation) and when(request)

    def heard(request: Request, _: Scene) -> Request:
        return msgspec.structs.replace(request, body=b"") if concerns(request) else request

    def told(request: Request, reply: Reply, _: Scene) -> Reply:
        said = reply.members() if reply.status == 400 and concerns(request) else None
        if said is None:
            return reply
        return reply.with_members({**said, "message" if "message" in said else "error": message})

    return Edits(request=heard, reply=told)


def refuses_member(operation: str | None, name: str, when: Callable[[Any], bool], message: str) -> Edits:
    """Refuse submits with a value of a member of which `when` is true; a member that was not sent counts as None."""

    def concerns(request: Request) -> bool:
        given = request.members()
        return given is not None and when(given.get(name))

    return refuses(operation, concerns, f"{name} {message}")


def unreadable(when: Callable[[Request, Scene], bool]) -> Edits:
    """Answer reads as if there were no such generation."""
    return asks(
        lambda request, scene: request.at(_unknown(request)) if request.read_id and when(request, scene) else request
    )


def _unknown(request: Request) -> str:
    return f"{request.path.removesuffix(request.read_id or '')}{UNKNOWN_ID}"


# Policy values, pure functions


def policy(**changes: str) -> Edits:
    """Set fields of the policy."""
    return Edits(policy=lambda policy: policy.changed(changes))


def excepting(*checks: str) -> Edits:
    """Leave checks of a submit out (policy `check_order`)."""

    def changed(policy: Policy) -> Policy:
        return replace(policy, check_order=tuple(name for name in policy.check_order if name not in checks))

    return Edits(policy=changed)


def swapped(**functions: Callable[..., Any]) -> Edits:
    """Replace pure functions of `Workings`."""
    return Edits(workings=functions)
