"""Gateways that differ in ways that the page allows: a check that alarms on one of them is too strict."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from pixazo_simulator.mutants.context import Scene
from pixazo_simulator.mutants.edits import answers, envelopes, has_status, policy, refusals, swapped
from pixazo_simulator.mutants.members import amended, output_url, put
from pixazo_simulator.mutants.messages import Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Variant
from pixazo_simulator.spec import SECOND, http_date
from pixazo_simulator.webhooks import WebhookRequest
from pixazo_simulator.world import Delivery, next_attempt

PAUSE = 0.01
"""Real seconds by which every answer is slower."""


def _any(_: Request, __: Reply) -> bool:
    return True


def _everywhere(edit: Callable[[Reply, Scene], Reply]) -> Edits:
    return answers(_any, edit)


def _headed(headers: Mapping[str, str]) -> Edits:
    def edit(reply: Reply, _: Scene) -> Reply:
        for name, value in headers.items():
            reply = reply.with_header(name, value)
        return reply

    return _everywhere(edit)


def _written(write: Callable[[bytes], bytes]) -> Edits:
    """Write all JSON, in replies and callbacks, in another way."""

    def reply(reply: Reply, _: Scene) -> Reply:
        return reply.with_body(write(reply.body)) if reply.is_json and reply.body else reply

    def callback(webhook: WebhookRequest, _: Scene) -> tuple[WebhookRequest, ...]:
        return (replace(webhook, body=write(webhook.body)),)

    return _everywhere(reply) | Edits(callback=callback)


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _reversed(members[name]) for name in reversed(members)}
    return value


def _backwards(body: bytes) -> bytes:
    return msgspec.json.encode(_reversed(msgspec.json.decode(body)))


def _pretty(body: bytes) -> bytes:
    return msgspec.json.format(body, indent=2)


def _escaped(body: bytes) -> bytes:
    return json.dumps(json.loads(body), ensure_ascii=True).replace("/", "\\/").encode()


def _slower(reply: Reply, _: Scene) -> Reply:
    return msgspec.structs.replace(reply, pause=PAUSE)


def _with_charset(reply: Reply, _: Scene) -> Reply:
    return reply.with_header("content-type", "application/json; charset=utf-8") if reply.is_json else reply


def _date_ahead(reply: Reply, scene: Scene) -> Reply:
    return reply.with_header("date", http_date(scene.now + SECOND).decode())


def _on_localhost(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"localhost:{parts.port}" if parts.port else "localhost").geturl()


def _second_later(delivery: Delivery, retries: tuple[int, ...]) -> int | None:
    due = next_attempt(delivery, retries)
    return due if due is None or delivery.attempts else due + SECOND


def _numbered(webhook: WebhookRequest, scene: Scene) -> tuple[WebhookRequest, ...]:
    number = str(scene.memory.count("delivery"))
    return (replace(webhook, headers={**webhook.headers, "x-delivery-number": number}),)


VARIANTS = (
    Variant("members-backwards", "Members of JSON objects come in the opposite order", _written(_backwards)),
    Variant("json-indented", "JSON is indented", _written(_pretty)),
    Variant("json-escaped", "JSON escapes slashes and whatever is not ASCII", _written(_escaped)),
    Variant("json-ends-in-newline", "JSON ends in a newline", _written(lambda body: body + b"\n")),
    Variant("headers-in-title-case", "Header names are written in title case", Edits(names="title case")),
    Variant("more-headers", "Replies carry headers of a front door", _headed({"x-request-id": "0f3a", "server": "cloudflare", "vary": "Accept"})),
    Variant("charset-named", "The JSON type names its charset", _everywhere(_with_charset)),
    Variant("not-to-be-stored", "Replies say Cache-Control: no-store", _headed({"cache-control": "no-store"})),
    Variant("connections-closed", "Every reply closes its connection", _headed({"connection": "close"})),
    Variant("chunked", "Replies come in chunks, without Content-Length", _everywhere(lambda reply, _: reply.without_header("content-length"))),
    Variant("date-ahead", "The Date of replies is one second ahead", _everywhere(_date_ahead)),
    Variant("slower", "Every answer takes 10 ms longer", _everywhere(_slower)),
    Variant("unhurried", "Generations take between 5 and 12 s", policy(job_times="1-3+4-9")),
    Variant("media-on-localhost", "Media URLs name the host localhost", envelopes(output_url(_on_localhost))),
    Variant("media-placeholder", "Media are named and typed as in the page's sample", policy(media="placeholder")),
    Variant("failures-as-printed", "FAILED and ERROR carry the five members of the page's sample", policy(status_members="minimal_failure")),
    Variant("404-in-other-words", "An unknown id is refused in other words",
            refusals(put("message", "We do not know this request."), 404)),
    Variant("validation-in-other-words", "Validation errors are worded otherwise",
            refusals(amended("message", lambda text: f"Validation failed: {text}"), 400)),
    Variant("429-in-other-words", "A 429 is worded otherwise",
            answers(has_status(429), lambda reply, _: reply.with_members({**(reply.members() or {}), "message": "Slow down."}))),
    Variant("401-as-queue-error", "A 401 has the shape of the queue's errors", policy(missing_key="queue", unknown_key="queue")),
    Variant("405-for-methods", "A wrong method is answered 405 with Allow", policy(unknown_route="405")),
    Variant("callbacks-a-second-later", "A callback comes one second after the end", swapped(next_attempt=_second_later)),
    Variant("callbacks-numbered", "A callback carries a header with its number", Edits(callback=_numbered)),
)  # fmt: skip
