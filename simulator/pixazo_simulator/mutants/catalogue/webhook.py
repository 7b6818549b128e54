"""Wrong callbacks: WEBHOOK."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from pixazo_simulator.mutants.context import Scene
from pixazo_simulator.mutants.edits import (
    callbacks,
    heard_as,
    is_accepted,
    is_read,
    policy,
    refused_as,
    refuses,
    submits,
    swapped,
    unreadable,
)
from pixazo_simulator.mutants.members import amended, computed, finished, status_is, without_prefix
from pixazo_simulator.mutants.messages import Members, Reply, Request, members_of
from pixazo_simulator.mutants.mutant import CallbackEditor, Edits, Mutant
from pixazo_simulator.spec import KEY_HEADER, SECOND, WEBHOOK_MODE_HEADER, WEBHOOK_URL_HEADER, Broken, url_problem
from pixazo_simulator.webhooks import WebhookRequest
from pixazo_simulator.world import Delivery, next_attempt

from .status import polling_url

EARLY = 2 * SECOND


def _has_webhook(request: Request) -> bool:
    return submits(request) and request.header(WEBHOOK_URL_HEADER) is not None


def _edited(edit: CallbackEditor) -> Edits:
    return Edits(callback=edit)


def _without_query(webhook: WebhookRequest, _: Scene) -> tuple[WebhookRequest, ...]:
    return (replace(webhook, url=urlsplit(webhook.url)._replace(query="").geturl()),)


def _dropping(*words: str) -> Edits:
    """Drop callbacks that tell of one of these states."""
    concerned = status_is(*words)

    def post(webhook: WebhookRequest, _: Scene) -> tuple[WebhookRequest, ...]:
        told = members_of(webhook.body)
        return () if told and concerned(told) else (webhook,)

    return Edits(callback=post)


def _nested(told: Members, _: Scene) -> Members:
    return {"data": told}


def _early(delivery: Delivery, retries: tuple[int, ...]) -> int | None:
    due = next_attempt(delivery, retries)
    return due if due is None or delivery.attempts or delivery.progress else due - EARLY


def _remembering_callers(request: Request, reply: Reply, scene: Scene) -> Reply:
    said = reply.members() if is_accepted(request, reply) and _has_webhook(request) else None
    if said:
        scene.memory.put(said["request_id"], "called back", said["request_id"])
    return reply


def _is_called_back(request: Request, scene: Scene) -> bool:
    return scene.memory.get("called back", request.read_id) is not None


def _last_url(request: Request, scene: Scene) -> Request:
    last = scene.memory.get("webhook")
    given = request.header(WEBHOOK_URL_HEADER)
    return request if given or not last else request.with_header(WEBHOOK_URL_HEADER, last)


def _remembering_url(request: Request, reply: Reply, scene: Scene) -> Reply:
    given = request.header(WEBHOOK_URL_HEADER)
    if given and is_accepted(request, reply):
        scene.memory.put(given, "webhook")
    return reply


def _typed_as_form(webhook: WebhookRequest, _: Scene) -> tuple[WebhookRequest, ...]:
    return (replace(webhook, headers={**webhook.headers, "content-type": "application/x-www-form-urlencoded"}),)


def _twice(webhook: WebhookRequest, _: Scene) -> tuple[WebhookRequest, ...]:
    return (webhook, webhook)


def _with_key(webhook: WebhookRequest, scene: Scene) -> tuple[WebhookRequest, ...]:
    return (replace(webhook, headers={**webhook.headers, KEY_HEADER: scene.key}),)


def _unusable(request: Request, reply: Reply) -> bool:
    given = request.header(WEBHOOK_URL_HEADER)
    return submits(request) and reply.status == 400 and given is not None and url_problem(given) is not None


def _failed_by_receiver(request: Request, reply: Reply, scene: Scene) -> Reply:
    told = reply.members() if is_read(request, reply) else None
    if not told or not finished(told) or not scene.undelivered(request.read_id or ""):
        return reply
    return reply.with_members(
        {**told, "status": "ERROR", "error": "The callback could not be delivered.", "output": None}
    )


WEBHOOK = (
    Mutant("webhook-header-refused", "WEBHOOK-01", "A submit with X-Webhook-URL is refused with 400",
           refuses(None, _has_webhook, "X-Webhook-URL is not supported."), ("SUBMIT-*", "T2V-BODY-01", "WEBHOOK-*")),
    Mutant("webhook-without-query", "WEBHOOK-02", "A callback goes to the URL without its query", _edited(_without_query), ("WEBHOOK-*",)),
    Mutant("no-callback-on-completed", "WEBHOOK-03", "Success is not called back", _dropping("COMPLETED"), ("WEBHOOK-*",)),
    Mutant("callback-nested", "WEBHOOK-04", "The envelope of a callback is nested under data", callbacks(_nested), ("WEBHOOK-*",)),
    Mutant("callback-without-prefix", "WEBHOOK-05", "The request_id of a callback lacks the model's name",
           callbacks(amended("request_id", without_prefix)), ("WEBHOOK-*",)),
    Mutant("callback-too-early", "WEBHOOK-06", "A callback comes 2 s before the state that it tells of", swapped(next_attempt=_early),
           ("WEBHOOK-04",)),
    Mutant("failures-not-called-back", "WEBHOOK-07", "Only success is called back", _dropping("FAILED", "ERROR")),
    Mutant("no-status-with-webhook", "WEBHOOK-08", "A request that has a callback cannot be polled",
           Edits(reply=_remembering_callers) | unreadable(_is_called_back), ("WEBHOOK-*", "SUBMIT-1[23]", "STATUS-01", "FLOW-05")),
    Mutant("last-webhook-remembered", "WEBHOOK-09", "A submit without X-Webhook-URL is called back at the URL of the one before",
           heard_as(submits, _last_url) | Edits(reply=_remembering_url), ("WEBHOOK-04",)),
    Mutant("callback-typed-as-form", "WEBHOOK-10", "A callback is declared as a form", _edited(_typed_as_form)),
    Mutant("no-retry", "WEBHOOK-11", "A callback that failed is not repeated", policy(webhook_retries="none")),
    Mutant("callback-twice", "WEBHOOK-12", "Each callback is delivered twice", _edited(_twice)),
    Mutant("callback-signed", "WEBHOOK-13", "A callback carries signature headers", policy(webhook_signature="standard")),
    Mutant("key-in-callback", "WEBHOOK-14", "The key is sent to the receiver", _edited(_with_key), ("AUTH-11", "WEBHOOK-13")),
    Mutant("unusable-webhook-is-500", "WEBHOOK-15", "An unusable X-Webhook-URL is answered 500",
           refused_as(_unusable, lambda _: Broken()), ("ERR-500-01",)),
    Mutant("receiver-decides-fate", "WEBHOOK-16", "A generation whose callback failed ends as ERROR", Edits(reply=_failed_by_receiver),
           ("FLOW-03", "STATUS-14", "WEBHOOK-04")),
    Mutant("redirect-followed", "WEBHOOK-17", "A redirect answered by the receiver is followed", policy(webhook_redirects="follow")),
    Mutant("callback-while-processing", "WEBHOOK-18", "A callback tells of PROCESSING, too",
           policy(webhook_events="header")
           | heard_as(_has_webhook, lambda request, _: request.with_header(WEBHOOK_MODE_HEADER, "sync")), ("WEBHOOK-12",)),
    Mutant("callback-url-ignored", "WEBHOOK-19", "The member callback_url is ignored", policy(callback_url="ignore"), ("WEBHOOK-2[01]",)),
    Mutant("only-member-called", "WEBHOOK-20", "With two URLs given, only that of the body is called", policy(both_channels="member")),
    Mutant("receiver-challenged", "WEBHOOK-21", "The receiver of callback_url must first echo a challenge", policy(callback_url="challenge"),
           ("WEBHOOK-19", "WEBHOOK-20")),
    Mutant("polling-url-in-callback", "WEBHOOK-22", "A callback repeats polling_url", callbacks(computed("polling_url", polling_url)),
           ("WEBHOOK-04",)),
)  # fmt: skip
