"""Every mutant and every variant. A variant differs in a way that the page allows: a check that fails on one is too strict."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from pixazo_simulator.spec import SECOND, http_date, nearest
from pixazo_simulator.world import Delivery, next_attempt

from . import access, envelopes, parameters, submit
from .edits import *
from .mutant import *

PAUSE = 0.01
"""Real seconds by which every reply is slower."""


def _as_text(reply: Reply, _: Context) -> Reply:
    text = str((reply.members() or {}).get("message"))
    return reply.with_body(text.encode()).with_header("content-type", "text/plain; charset=utf-8")


def on_localhost(url: str) -> str:
    """A URL of the simulator with another name, under which it also responds."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"localhost:{parts.port}" if parts.port else "localhost").geturl()


def _second_later(delivery: Delivery, retries: tuple[int, ...]) -> int | None:
    due = next_attempt(delivery, retries)
    return due if due is None or delivery.attempts else due + SECOND


VARIANTS = (
    Variant("members-backwards", "The members of JSON objects are in the opposite order",
            in_json(lambda body: msgspec.json.encode(json.loads(body, object_pairs_hook=lambda pairs: dict(reversed(pairs)))))),
    Variant("json-indented", "JSON is indented", in_json(lambda body: msgspec.json.format(body, indent=2))),
    Variant("json-escaped", "JSON escapes slashes and all characters that are not ASCII",
            in_json(lambda body: json.dumps(json.loads(body), ensure_ascii=True).replace("/", "\\/").encode())),
    Variant("json-ends-in-newline", "JSON ends in a newline", in_json(lambda body: body + b"\n")),
    Variant("headers-in-title-case", "Header names are written in title case", Edits(names="title case")),
    Variant("more-headers", "Replies have the headers of a proxy in front of the gateway",
            Edits(reply=with_header("x-request-id", "0f3a")) | Edits(reply=with_header("server", "cloudflare"))
            | Edits(reply=with_header("vary", "Accept"))),
    Variant("charset-named", "The JSON type has a charset",
            edit_replies(lambda reply: reply.is_json, with_header("content-type", "application/json; charset=utf-8"))),
    Variant("not-to-be-stored", "Replies have Cache-Control: no-store", Edits(reply=with_header("cache-control", "no-store"))),
    Variant("connections-closed", "Every reply closes its connection", Edits(reply=with_header("connection", "close"))),
    Variant("chunked", "Replies come in chunks, without Content-Length", Edits(reply=lambda reply, _: reply.without_header("content-length"))),
    Variant("date-ahead", "The Date of replies is one second ahead",
            Edits(reply=with_header("date", lambda context: http_date(context.now + SECOND).decode()))),
    Variant("slower", "Every reply takes 10 ms longer", Edits(reply=lambda reply, _: replace(reply, pause=PAUSE))),
    Variant("unhurried", "Generations take between 5 and 12 s", policy(job_times="1-3+4-9")),
    Variant("media-on-localhost", "Media URLs have the host localhost", in_envelopes(in_media_urls(on_localhost))),
    Variant("media-placeholder", "Media is named and typed as in the page's sample", policy(media="placeholder")),
    Variant("failures-as-printed", "FAILED and ERROR have the five members of the page's sample", policy(status_members="minimal_failure")),
    Variant("404-in-other-words", "The refusal of an unknown id is worded differently", in_refusals(put("message", "We do not know this request."), 404)),
    Variant("validation-in-other-words", "Validation errors are worded differently",
            in_refusals(change("message", lambda text: f"Validation failed: {text}"), 400)),
    Variant("429-in-other-words", "A 429 is worded differently", in_refusals(put("message", "Slow down."), 429)),
    Variant("validation-as-details", "Validation errors are a list of details",
            edit_replies(submit.is_validation, in_members(lambda members, _: {"detail": [{"loc": ["body"], "msg": members.get("message")}]}))),
    Variant("validation-as-text", "Validation errors are plain text", edit_replies(submit.is_validation, _as_text)),
    Variant("throttled-after-three-calls", "The throttled account is served three times before it is throttled", submit.THROTTLED_LATER),
    Variant("submits-throttled", "Only submits of the throttled account are throttled, after three of them", submit.SUBMITS_THROTTLED_LATER),
    Variant("401-as-queue-error", "A 401 has the form of the queue's errors", policy(missing_key="queue", unknown_key="queue")),
    Variant("405-for-methods", "A wrong method gets 405 with Allow", policy(unknown_route="405")),
    Variant("callbacks-a-second-later", "A webhook is delivered one second after the end", behaviour(next_attempt=_second_later)),
    Variant("callbacks-numbered", "A webhook delivery has a header with its number",
            webhook_header("x-delivery-number", lambda context: str(context.memory.count("delivery")))),
)  # fmt: skip


MUTANTS: tuple[Mutant, ...] = (
    *access.ADDRESSING, *access.CREDENTIALS, *access.HEADERS, *submit.SUBMIT, *parameters.T2V, *parameters.I2V,
    *envelopes.STATUS, *envelopes.FLOW, *envelopes.OUTPUT, *envelopes.TIMESTAMPS, *envelopes.FAILURE, *submit.WALLET, *submit.ERRORS, *envelopes.WEBHOOK,
)  # fmt: skip
"""Every mutant, in the order of the clauses."""

Change = TypeVar("Change", Mutant, Variant)


def find_mutant(name: str) -> Mutant:
    """The mutant of this name. Raises ValueError with the nearest known name."""
    return _find(name, MUTANTS, "mutant")


def find_variant(name: str) -> Variant:
    """The benign variant of this name. Raises ValueError with the nearest known name."""
    return _find(name, VARIANTS, "variant")


def _find(name: str, changes: Sequence[Change], kind: str) -> Change:
    known = {each.name: each for each in changes}
    if name not in known:
        raise ValueError(f"{kind} {name!r} does not exist{nearest(name, tuple(known))}: see pixazo-sim mutants")
    return known[name]
