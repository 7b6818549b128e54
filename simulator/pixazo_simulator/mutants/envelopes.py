"""STATUS, FLOW, OUT, TIME, FAIL, WEBHOOK: wrong status envelopes: states, outputs, media, timestamps, failures, webhooks."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from pixazo_simulator import spec
from pixazo_simulator.world import Admitted, Delivery, next_attempt, plan_for

from .edits import *
from .mutant import *

REQUEST_ID = re.compile(rf"{spec.MODEL_ID}_[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12,13}}")
"""A well-formed request id, in either form of policy `request_id`."""
STEP = 5 * spec.SECOND
"""How far one read advances a generation."""
LAG = 3 * spec.SECOND
"""How far a stale replica lags."""
MINUTE = 60 * spec.SECOND
UPSTREAM_MODEL = "MiniMax-Hailuo-2.3"


def _is_unknown(reply: Reply) -> bool:
    """Whether a known caller read an id that no generation has."""
    return reads(reply.request) and reply.status == 404


def _is_well_formed(request_id: str | None) -> bool:
    return REQUEST_ID.fullmatch(request_id or "") is not None


def _running(members: Members) -> bool:
    """Whether a status is not terminal; it may be a word that a fault put there."""
    return members.get("status") not in spec.TERMINAL


def polling_url(members: Members, _: Context) -> str:
    """The status URL of an envelope at the documented host."""
    return f"https://gateway.pixazo.ai{spec.STATUS_PATH}{members['request_id']}"


def _upcoming_output(members: Members, context: Context) -> object:
    ends = context.ends(members["request_id"])
    last = context.peek(members["request_id"], ends) if ends is not None else None
    return last["output"] if last else None


def _any_id_is_queued(reply: Reply, context: Context) -> Reply:
    request_id = reply.request.read_id or ""
    if not _is_well_formed(request_id) or context.owner(request_id):
        return reply
    known = {"request_id": request_id, "status": "QUEUED", "model_id": spec.MODEL_ID}
    return reply.with_members({**known, "error": None, "output": None}).with_status(200)


def _advanced_by_reads(members: Members, context: Context) -> Members:
    earlier = context.memory.count("reads", members["request_id"]) - 1
    seen = context.peek(members["request_id"], context.now + earlier * STEP) if earlier else None
    return seen or members


def _video_of_reads(reply: Reply, context: Context) -> Reply:
    """The video, once the reads so far have brought the generation to its end."""
    request_id = reply.request.media_id or ""
    earlier = int(context.memory.get("reads", request_id) or 1) - 1
    seen = context.peek(request_id, context.now + earlier * STEP)
    is_completed = seen is not None and seen["status"] == "COMPLETED"
    return (context.video(request_id, reply.request) if is_completed else None) or reply


def _started_by_reads(members: Members, context: Context) -> Members:
    if context.memory.count("reads", members["request_id"]) == 1:
        return members
    return {**members, "status": "PROCESSING", "updated_at": spec.timestamp(context.now)}


def _stale_every_second(members: Members, context: Context) -> Members:
    is_stale = context.memory.count("reads", members["request_id"]) % 2 == 0
    return (context.peek(members["request_id"], context.now - LAG) if is_stale else None) or members


def _throttled_at_third(reply: Reply, context: Context) -> Reply:
    earlier: list[int] = context.memory.get("read at", reply.request.read_id) or []
    recent = [*(at for at in earlier if context.now - at < MINUTE), context.now]
    context.memory.put([] if len(recent) == 3 else recent, "read at", reply.request.read_id)
    return context.refusal(spec.Throttled(5), reply.request) if len(recent) == 3 else reply


def _numbered_urls(members: Members, context: Context) -> Members:
    number = context.memory.count("completed reads", members["request_id"])
    return in_media_urls(lambda url: f"{url}?v={number}")(members, context) if number > 1 else members


STATUS = (
    Mutant("202-while-running", "STATUS-01", "A read gets 202 until the terminal state",
           edit_replies(lambda reply: is_read(reply) and _running(reply.members() or {}), with_status(202))),
    Mutant("processing-called-running", "STATUS-02", "The status is RUNNING instead of PROCESSING",
           in_envelopes(put("status", "RUNNING"), "PROCESSING")),
    Mutant("completed-called-succeeded", "STATUS-02", "The status is SUCCEEDED instead of COMPLETED",
           in_envelopes(put("status", "SUCCEEDED"), "COMPLETED")),
    Mutant("status-in-lower-case", "STATUS-02", "The status is in lower case until it is terminal",
           in_envelopes(where(_running, change("status", str.lower)))),
    Mutant("status-without-prefix", "STATUS-03", "The request_id of a status response lacks the model's name",
           in_status(change("request_id", without_prefix))),
    Mutant("upstream-model-name", "STATUS-04", "The model_id is the name of the upstream model", in_envelopes(put("model_id", UPSTREAM_MODEL))),
    Mutant("empty-error", "STATUS-05", "The error is an empty string instead of null",
           in_envelopes(where(lambda members: members.get("error") is None, put("error", "")))),
    Mutant("output-while-processing", "STATUS-06", "The media_url is visible while PROCESSING",
           in_status(compute("output", _upcoming_output), "PROCESSING")),
    Mutant("polling-url-in-status", "STATUS-07", "A status response repeats polling_url", in_status(compute("polling_url", polling_url))),
    Mutant("nulls-omitted-while-running", "STATUS-08", "Members that are null are missing while the generation runs",
           in_envelopes(where(_running, lambda members, _: {name: value for name, value in members.items() if value is not None}))),
    Mutant("no-updated-at", "STATUS-09", "A status response has no updated_at", in_envelopes(drop("updated_at"))),
    Mutant("any-id-is-queued", "STATUS-10", "Any well-formed id reads as QUEUED", edit_replies(_is_unknown, _any_id_is_queued)),
    Mutant("malformed-id-is-500", "STATUS-11", "A malformed id gets 500",
           refuse(lambda reply: _is_unknown(reply) and not _is_well_formed(reply.request.read_id), spec.Broken())),
    Mutant("reads-advance", "STATUS-12", "Every read advances the generation by 5 s",
           edit_replies(lambda reply: bool(reply.request.media_id) and reply.status == 404, _video_of_reads) | in_status(_advanced_by_reads)),
    Mutant("first-read-starts", "STATUS-12", "A QUEUED generation is PROCESSING after its first read", in_status(_started_by_reads, "QUEUED")),
    Mutant("third-read-throttled", "STATUS-13", "The third read of a status within a minute gets 429", edit_replies(is_read, _throttled_at_third)),
    Mutant("media-url-changes", "STATUS-14", "The media_url is different on each read", in_status(_numbered_urls, "COMPLETED")),
    Mutant("stale-replica", "STATUS-15", "Every second read of a status is 3 s old", in_status(_stale_every_second)),
    Mutant("status-forgotten-in-10-minutes", "STATUS-16", "A status is forgotten ten minutes after the end", policy(retention="status=600")),
)  # fmt: skip


GRACE = 20 * spec.SECOND
"""How long a generation stays COMPLETED before it becomes FAILED."""


def _falling_back(accepted: int, plan: spec.Plan, now: int) -> spec.StatusSpan:
    """QUEUED again in the middle third of PROCESSING."""
    seen = spec.status_span(accepted, plan, now)
    if seen.status is not spec.Status.PROCESSING or seen.until is None:
        return seen
    third = (seen.until - seen.since) // 3
    first, last = seen.since + third, seen.since + 2 * third
    if now < first:
        return spec.StatusSpan(spec.Status.PROCESSING, seen.since, first)
    if now < last:
        return spec.StatusSpan(spec.Status.QUEUED, first, last)
    return spec.StatusSpan(spec.Status.PROCESSING, last, seen.until)


def _skipping(submission: Admitted, policy: spec.Policy, random: Random) -> spec.Plan:
    plan = plan_for(submission, policy, random)
    if plan.outcome is not spec.Status.COMPLETED:
        return plan
    return replace(plan, queued=plan.queued + plan.processing, processing=0)


def _withdrawn(members: Members, context: Context) -> Members:
    ends = context.ends(members["request_id"])
    if ends is None or context.now < ends + GRACE:
        return members
    return {**members, "status": "FAILED", "error": "The result was withdrawn.", "output": None}


FLOW = (
    Mutant("processing-falls-back", "FLOW-01", "PROCESSING falls back to QUEUED for a while", behaviour(status_span=_falling_back)),
    Mutant("processing-skipped", "FLOW-02", "QUEUED jumps to COMPLETED", behaviour(plan_for=_skipping)),
    Mutant("completed-turns-failed", "FLOW-03", "COMPLETED becomes FAILED 20 s later", in_status(_withdrawn, "COMPLETED")),
    Mutant("error-from-queued", "FLOW-04", "ERROR and FAILED follow QUEUED directly", policy(queued_to_end="yes")),
    Mutant("stuck-in-processing", "FLOW-05", "PROCESSING never ends",
           behaviour(plan_for=lambda *given: replace(plan_for(*given), processing=spec.NEVER))),
)  # fmt: skip


FOREIGN_HOST = "https://media.invalid"
"""A host outside the documented CDN; the top-level domain is reserved and never resolves (RFC 2606, 2)."""
NOTHING = b'{"status":"ok"}'


def _aliased(url: str) -> str:
    *before, request_id, file = url.split("/")
    alias = base64.urlsafe_b64encode(request_id.encode()).decode().rstrip("=")
    return "/".join([*before, alias, file])


def _unaliased(request: Request, _: Context) -> Request:
    alias = request.media_id or ""
    try:
        request_id = base64.urlsafe_b64decode(f"{alias}{'=' * (-len(alias) % 4)}").decode()
    except ValueError:  # binascii.Error is one, too
        return request
    return request.at(request.path.replace(alias, request_id)) if request_id.startswith(spec.MODEL_ID) else request


def _without_video(reply: Reply, _: Context) -> Reply:
    bare = reply.without_header("content-range").without_header("etag").with_status(200)
    return bare.with_body(NOTHING).with_header("content-type", "application/json")


OUTPUT = (
    Mutant("no-output-on-completed", "OUT-01", "The output is null on COMPLETED", in_envelopes(put("output", None), "COMPLETED")),
    Mutant("no-media-type", "OUT-01", "The output has no media_type", in_envelopes(in_output(drop("media_type")))),
    Mutant("media-url-is-text", "OUT-02", "The media_url is a string instead of an array",
           in_envelopes(in_output(change("media_url", lambda urls: urls[0])))),
    Mutant("media-url-is-empty", "OUT-02", "The media_url is an empty array", in_envelopes(in_output(put("media_url", [])))),
    Mutant("media-url-is-object-key", "OUT-03", "A media URL is a path without scheme and host",
           in_envelopes(in_media_urls(lambda url: urlsplit(url).path.removeprefix("/")))),
    Mutant("other-media-host", "OUT-04", "The media is on a host other than the documented CDN",
           in_envelopes(in_media_urls(lambda url: f"{FOREIGN_HOST}{urlsplit(url).path}"))),
    Mutant("random-object-name", "OUT-05", "A media URL does not contain the request id",
           in_envelopes(in_media_urls(_aliased)) | edit_requests(lambda request: bool(request.media_id), _unaliased)),
    Mutant("media-type-mp4", "OUT-06", "The media_type is mp4", in_envelopes(in_output(put("media_type", "mp4")))),
    Mutant("media-type-png", "OUT-07", "The media_type is image/png", in_envelopes(in_output(put("media_type", "image/png")))),
    Mutant("download-needs-key", "OUT-08", "The media cannot be downloaded without a key",
           refuse(lambda reply: is_media(reply) and not reply.request.header(spec.KEY_HEADER), spec.MissingKey())),
    Mutant("json-for-video", "OUT-09", "A JSON document is served instead of the video", edit_replies(is_media, _without_video)),
    Mutant("always-6-seconds", "OUT-10", "The video lasts 6 s even if 10 s were requested",
           submit_instead(None, "duration", 6, of=10, unless=("resolution", "1080P"))),
    Mutant("always-768p", "OUT-11", "The video is 768P even if 1080P was requested",
           submit_instead(None, "resolution", "768P", of="1080P", unless=("duration", 10))),
    Mutant("thumbnail-in-media-url", "OUT-12", "The media_url has a second entry",
           in_envelopes(in_output(change("media_url", lambda urls: [*urls, f"{urls[0]}?thumbnail"])))),
    Mutant("preview-in-output", "OUT-12", "The output has a third member", in_envelopes(in_output(put("preview_url", None)))),
    Mutant("media-gone-after-a-minute", "OUT-13", "The media cannot be downloaded after 60 s", policy(retention="media=60")),
)  # fmt: skip


ALL = ("created_at", "updated_at", "completed_at")
HOUR = 3600 * spec.SECOND
STATES = ("QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR")


def _all(value: Callable[[str], str]) -> Edit:
    return chain(*(change(name, value) for name in ALL))


def _recompute(name: str, value: Callable[[Members, Context], Any]) -> Edit:
    return where(lambda members: name in members, compute(name, value))


def _previous(members: Members, context: Context) -> object:
    known = context.memory.get("previous", members["request_id"])
    if known is None:
        known = context.memory.get("latest") or members["completed_at"]
        context.memory.put(known, "previous", members["request_id"])
        context.memory.put(members["completed_at"], "latest")
    return known


def _drifting(members: Members, _: Context) -> str:
    """One millisecond more in each state, so the order of the timestamps stays the same."""
    return spec.timestamp(instant(members["created_at"]) + min(STATES.index(members["status"]), 2))


def _estimate(members: Members, context: Context) -> str | None:
    ends = context.ends(members["request_id"])
    return None if ends is None else spec.timestamp(ends)


TIMESTAMPS = (
    Mutant("no-fractional-seconds", "TIME-01", "Timestamps have no fractional digits", in_envelopes(_all(lambda text: re.sub(r"\.\d+", "", text)))),
    Mutant("offset-instead-of-z", "TIME-01", "Timestamps end in +00:00 instead of Z", in_envelopes(_all(lambda text: text.replace("Z", "+00:00")))),
    Mutant("updated-at-behind", "TIME-02", "The updated_at is one hour early", in_envelopes(shift(-HOUR, "updated_at"))),
    Mutant("completed-at-of-previous", "TIME-03", "The completed_at is that of the request that ended before",
           in_envelopes(_recompute("completed_at", _previous), *spec.TERMINAL)),
    Mutant("completed-before-created", "TIME-03", "The completed_at is one hour early", in_envelopes(shift(-HOUR, "completed_at"))),
    Mutant("updated-after-completed", "TIME-04", "At the end updated_at is 1 ms after completed_at",
           in_envelopes(shift(1, "updated_at"), *spec.TERMINAL)),
    Mutant("created-at-is-now", "TIME-05", "The created_at is the time of the read",
           in_status(_recompute("created_at", lambda _, context: spec.timestamp(context.now)))),
    Mutant("created-at-drifts", "TIME-05", "The created_at is 1 ms later in each state", in_envelopes(_recompute("created_at", _drifting))),
    Mutant("updated-at-frozen", "TIME-06", "The updated_at stays what it was on acceptance",
           in_envelopes(_recompute("updated_at", lambda members, _: members["created_at"]))),
    Mutant("completed-at-estimated", "TIME-07", "The completed_at is an estimate while PROCESSING",
           in_status(compute("completed_at", _estimate), "PROCESSING")),
    Mutant("local-time-labelled-z", "TIME-08", "Timestamps are local time, two hours ahead, but end in Z", in_envelopes(shift(2 * HOUR, *ALL))),
)  # fmt: skip


FAILURE = (
    Mutant("no-error-on-failed", "FAIL-01", "The error is null on FAILED", in_envelopes(put("error", None), "FAILED")),
    Mutant("empty-error-on-failed", "FAIL-01", "The error is an empty string on FAILED", in_envelopes(put("error", ""), "FAILED")),
    Mutant("empty-output-on-failed", "FAIL-02", "The output is an empty list of media on FAILED",
           in_envelopes(put("output", {"media_url": [], "media_type": "video/mp4"}), "FAILED")),
    Mutant("no-output-on-error", "FAIL-03", "ERROR has no member output", in_envelopes(drop("output"), "ERROR")),
    Mutant("error-object-on-error", "FAIL-03", "The error is an object on ERROR",
           in_envelopes(put("error", {"code": 1000, "message": "System error"}), "ERROR")),
    Mutant("failure-without-timestamps", "FAIL-04", "FAILED and ERROR have no timestamps", policy(status_members="minimal_failure")),
    Mutant("502-on-error", "FAIL-05", "Reading an ERROR gets 502",
           edit_replies(lambda reply: is_read(reply) and (reply.members() or {}).get("status") == "ERROR", with_status(502))),
)  # fmt: skip


EARLY = 2 * spec.SECOND


def _has_webhook(request: Request) -> bool:
    return submits(request) and request.webhook_url is not None


def _early(delivery: Delivery, retries: tuple[int, ...]) -> int | None:
    due = next_attempt(delivery, retries)
    return due if due is None or delivery.attempts or delivery.progress else due - EARLY


def _with_last_url(request: Request, context: Context) -> Request:
    last = context.memory.get("webhook")
    return request if request.webhook_url or not last else request.with_header(spec.WEBHOOK_URL_HEADER, last)


def _is_unusable(reply: Reply) -> bool:
    given = reply.request.webhook_url
    return is_refused(reply) and given is not None and spec.url_problem(given) is not None


def _failed_by_receiver(members: Members, context: Context) -> Members:
    if not context.undelivered(members["request_id"]):
        return members
    return {**members, "status": "ERROR", "error": "The callback could not be delivered.", "output": None}


WEBHOOK = (
    Mutant("webhook-header-refused", "WEBHOOK-01", "A submit with X-Webhook-URL is refused with 400",
           refuse_submits(_has_webhook, "X-Webhook-URL is not supported.")),
    Mutant("webhook-without-query", "WEBHOOK-02", "A webhook is delivered to the URL without its query",
           edit_webhooks(lambda webhook, _: replace(webhook, url=urlsplit(webhook.url)._replace(query="").geturl()))),
    Mutant("no-callback-on-completed", "WEBHOOK-03", "There is no webhook delivery on COMPLETED", drop_webhooks("COMPLETED")),
    Mutant("callback-nested", "WEBHOOK-04", "The envelope of a webhook delivery is nested under data",
           in_webhooks(lambda members, _: {"data": members})),
    Mutant("callback-without-prefix", "WEBHOOK-05", "The request_id of a webhook delivery lacks the model's name",
           in_webhooks(change("request_id", without_prefix))),
    Mutant("callback-too-early", "WEBHOOK-06", "A webhook is delivered 2 s before the state that it reports", behaviour(next_attempt=_early)),
    Mutant("failures-not-called-back", "WEBHOOK-07", "There is no webhook delivery on FAILED and ERROR", drop_webhooks("FAILED", "ERROR")),
    Mutant("no-status-with-webhook", "WEBHOOK-08", "The status of a request with a webhook cannot be read", hide_accepted(_has_webhook)),
    Mutant("last-webhook-remembered", "WEBHOOK-09", "A submit without X-Webhook-URL has the webhook of the submit before",
           edit_requests(submits, _with_last_url)
           | remember(lambda reply: is_accepted(reply) and _has_webhook(reply.request), "webhook", lambda reply: reply.request.webhook_url)),
    Mutant("callback-typed-as-form", "WEBHOOK-10", "A webhook delivery is declared as a form",
           webhook_header("content-type", "application/x-www-form-urlencoded")),
    Mutant("no-retry", "WEBHOOK-11", "A webhook delivery that failed is not repeated", policy(webhook_retries="none")),
    Mutant("callback-twice", "WEBHOOK-12", "Each webhook is delivered twice", Edits(webhook=lambda webhook, _: (webhook, webhook))),
    Mutant("callback-signed", "WEBHOOK-13", "A webhook delivery has signature headers", policy(webhook_signature="standard")),
    Mutant("key-in-callback", "WEBHOOK-14", "The key is sent to the receiver", webhook_header(spec.KEY_HEADER, lambda context: context.key)),
    Mutant("unusable-webhook-is-500", "WEBHOOK-15", "An unusable X-Webhook-URL gets 500", refuse(_is_unusable, spec.Broken())),
    Mutant("webhook-failure-fails-generation", "WEBHOOK-16", "A generation whose webhook delivery failed ends as ERROR",
           in_status(_failed_by_receiver, *spec.TERMINAL)),
    Mutant("redirect-followed", "WEBHOOK-17", "A webhook delivery follows the receiver's redirect", policy(webhook_redirects="follow")),
    Mutant("callback-while-processing", "WEBHOOK-18", "There is also a webhook delivery on PROCESSING",
           policy(webhook_events="header")
           | edit_requests(_has_webhook, lambda request, _: request.with_header(spec.WEBHOOK_MODE_HEADER, "sync"))),
    Mutant("callback-url-ignored", "WEBHOOK-19", "The member callback_url is ignored", policy(callback_url="ignore")),
    Mutant("only-member-called", "WEBHOOK-20", "Of two webhook URLs only the one in the body is used", policy(both_channels="member")),
    Mutant("receiver-challenged", "WEBHOOK-21", "The receiver of callback_url must first echo a challenge", policy(callback_url="challenge")),
    Mutant("polling-url-in-callback", "WEBHOOK-22", "A webhook delivery repeats polling_url", in_webhooks(compute("polling_url", polling_url))),
)  # fmt: skip
