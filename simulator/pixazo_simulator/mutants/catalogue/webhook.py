"""WEBHOOK: webhooks that are wrongly accepted or delivered."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import (
    behaviour,
    drop_webhooks,
    edit_requests,
    edit_webhooks,
    hide_accepted,
    in_status,
    in_webhooks,
    is_accepted,
    is_refused,
    policy,
    refuse,
    refuse_submits,
    submits,
    webhook_header,
)
from pixazo_simulator.mutants.members import change, compute, finished, status_is, where, without_prefix
from pixazo_simulator.mutants.messages import Members, Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import KEY_HEADER, SECOND, WEBHOOK_MODE_HEADER, WEBHOOK_URL_HEADER, Broken, url_problem
from pixazo_simulator.world import Delivery, next_attempt

from .status import polling_url

EARLY = 2 * SECOND


def _has_webhook(request: Request) -> bool:
    return submits(request) and request.header(WEBHOOK_URL_HEADER) is not None


def _early(delivery: Delivery, retries: tuple[int, ...]) -> int | None:
    due = next_attempt(delivery, retries)
    return due if due is None or delivery.attempts or delivery.progress else due - EARLY


def _with_last_url(request: Request, context: Context) -> Request:
    last = context.memory.get("webhook")
    given = request.header(WEBHOOK_URL_HEADER)
    return request if given or not last else request.with_header(WEBHOOK_URL_HEADER, last)


def _remember_url(request: Request, reply: Reply, context: Context) -> Reply:
    given = request.header(WEBHOOK_URL_HEADER)
    if given and is_accepted(request, reply):
        context.memory.put(given, "webhook")
    return reply


def _is_unusable(request: Request, reply: Reply) -> bool:
    given = request.header(WEBHOOK_URL_HEADER)
    return is_refused(request, reply) and given is not None and url_problem(given) is not None


def _failed_by_receiver(members: Members, context: Context) -> Members:
    if not context.undelivered(members["request_id"]):
        return members
    return {**members, "status": "ERROR", "error": "The callback could not be delivered.", "output": None}


WEBHOOK = (
    Mutant("webhook-header-refused", "WEBHOOK-01", "A submit with X-Webhook-URL is refused with 400",
           refuse_submits(_has_webhook, "X-Webhook-URL is not supported."), ("SUBMIT-*", "T2V-BODY-01", "WEBHOOK-*")),
    Mutant("webhook-without-query", "WEBHOOK-02", "A webhook is delivered to the URL without its query",
           edit_webhooks(lambda webhook, _: replace(webhook, url=urlsplit(webhook.url)._replace(query="").geturl())), ("WEBHOOK-*",)),
    Mutant("no-callback-on-completed", "WEBHOOK-03", "There is no webhook delivery on COMPLETED", drop_webhooks(status_is("COMPLETED")),
           ("WEBHOOK-*",)),
    Mutant("callback-nested", "WEBHOOK-04", "The envelope of a webhook delivery is nested under data",
           in_webhooks(lambda members, _: {"data": members}), ("WEBHOOK-*",)),
    Mutant("callback-without-prefix", "WEBHOOK-05", "The request_id of a webhook delivery lacks the model's name",
           in_webhooks(change("request_id", without_prefix)), ("WEBHOOK-*",)),
    Mutant("callback-too-early", "WEBHOOK-06", "A webhook is delivered 2 s before the state that it reports", behaviour(next_attempt=_early),
           ("WEBHOOK-04",)),
    Mutant("failures-not-called-back", "WEBHOOK-07", "There is no webhook delivery on FAILED and ERROR", drop_webhooks(status_is("FAILED", "ERROR"))),
    Mutant("no-status-with-webhook", "WEBHOOK-08", "The status of a request with a webhook cannot be read",
           hide_accepted(_has_webhook), ("WEBHOOK-*", "SUBMIT-1[23]", "STATUS-01", "FLOW-05")),
    Mutant("last-webhook-remembered", "WEBHOOK-09", "A submit without X-Webhook-URL has the webhook of the submit before",
           edit_requests(submits, _with_last_url) | Edits(reply=_remember_url), ("WEBHOOK-04",)),
    Mutant("callback-typed-as-form", "WEBHOOK-10", "A webhook delivery is declared as a form",
           webhook_header("content-type", "application/x-www-form-urlencoded")),
    Mutant("no-retry", "WEBHOOK-11", "A webhook delivery that failed is not repeated", policy(webhook_retries="none")),
    Mutant("callback-twice", "WEBHOOK-12", "Each webhook is delivered twice", Edits(callback=lambda webhook, _: (webhook, webhook))),
    Mutant("callback-signed", "WEBHOOK-13", "A webhook delivery has signature headers", policy(webhook_signature="standard")),
    Mutant("key-in-callback", "WEBHOOK-14", "The key is sent to the receiver", webhook_header(KEY_HEADER, lambda context: context.key),
           ("AUTH-11", "WEBHOOK-13")),
    Mutant("unusable-webhook-is-500", "WEBHOOK-15", "An unusable X-Webhook-URL gets 500", refuse(_is_unusable, Broken()), ("ERR-500-01",)),
    Mutant("receiver-decides-fate", "WEBHOOK-16", "A generation whose webhook delivery failed ends as ERROR",
           in_status(where(finished, _failed_by_receiver)), ("FLOW-03", "STATUS-14", "WEBHOOK-04")),
    Mutant("redirect-followed", "WEBHOOK-17", "A webhook delivery follows the receiver's redirect", policy(webhook_redirects="follow")),
    Mutant("callback-while-processing", "WEBHOOK-18", "There is a webhook delivery on PROCESSING, too",
           policy(webhook_events="header")
           | edit_requests(_has_webhook, lambda request, _: request.with_header(WEBHOOK_MODE_HEADER, "sync")), ("WEBHOOK-12",)),
    Mutant("callback-url-ignored", "WEBHOOK-19", "The member callback_url is ignored", policy(callback_url="ignore"), ("WEBHOOK-2[01]",)),
    Mutant("only-member-called", "WEBHOOK-20", "Of two webhook URLs only that of the body is used", policy(both_channels="member")),
    Mutant("receiver-challenged", "WEBHOOK-21", "The receiver of callback_url must first echo a challenge", policy(callback_url="challenge"),
           ("WEBHOOK-19", "WEBHOOK-20")),
    Mutant("polling-url-in-callback", "WEBHOOK-22", "A webhook delivery repeats polling_url", in_webhooks(compute("polling_url", polling_url)),
           ("WEBHOOK-04",)),
)  # fmt: skip
