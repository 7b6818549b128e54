"""What the form of responses shows: ids, media, origins, members, envelopes of errors, headers."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Final

from pixazo_contracts.probes import media_urls
from pixazo_contracts.trace import (
    MODEL,
    STAMP,
    STAMPS,
    STATUS_BASE,
    TERMINAL,
    Callback,
    Exchange,
    Generation,
    Trace,
    is_object,
    join_url,
    split_url,
)
from pixazo_contracts.traffic.classify import SUBMITS

from .evidence import Sighting, has_known_key

#: The part after `<model_id>_`.
IDS: Final = {
    "uuid7": re.compile(rf"{MODEL}_[0-9a-f]{{8}}-[0-9a-f]{{4}}-7[0-9a-f]{{3}}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}"),
    "thirteen": re.compile(rf"{MODEL}_[0-9a-f]{{8}}-[0-9a-f]{{4}}-7[0-9a-f]{{3}}-[0-9a-f]{{4}}-[0-9a-f]{{13}}"),
}

#: The origin of the page's sample of `media_url`.
PAGE_MEDIA: Final = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev"

#: Envelopes of errors by the names of their members: of API Management, of the page, and the third.
SHAPES: Final = {
    frozenset({"statusCode", "message"}): "apim",
    frozenset({"error", "message"}): "queue",
    frozenset({"error", "status"}): "sentence",
}

BARE_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
MODERATED: Final = re.compile(r"moderat|sensitive", re.IGNORECASE)
PRINTED_BALANCE: Final = "Your wallet does not have enough balance."


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL as written."""
    parts = split_url(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


def base_of(accepted: Exchange) -> str | None:
    """The origin, perhaps with a path, of the `polling_url` of an accepted submit."""
    url, at = accepted.members.get("polling_url"), f"{STATUS_BASE}{accepted.accepted_id}"
    return url.removesuffix(at) if isinstance(url, str) and url.endswith(at) and origin_of(url) else None


def _accepted(generation: Generation, passed: Container[str]) -> Iterator[Sighting]:
    submit = generation.submit
    if submit.status in {200, 202}:
        yield Sighting("submit_code", str(submit.status), submit)
    for form, pattern in IDS.items():
        if pattern.fullmatch(generation.request_id):
            yield Sighting("request_id", form, submit)
    if base := base_of(submit):
        called = origin_of(submit.url)
        forwarded = submit.request_header("X-Forwarded-Host") or submit.request_header("Forwarded")
        is_forwarded = forwarded and split_url(base).netloc in forwarded
        is_called = base.lower() == called or (submit.passing and base in passed)
        yield Sighting("public_origin", "caller" if is_called else "forwarded" if is_forwarded else base, submit)


def _completed(generation: Generation, read: Exchange | Callback) -> Iterator[Sighting]:
    output = read.members.get("output")
    kind = output.get("media_type") if is_object(output) else None
    for url in media_urls(read):
        name = url.rpartition("/")[2]
        forms = {("output.mp4", "video/mp4"): "mp4", ("output.ext", "application/octet-stream"): "placeholder"}
        if form := forms.get((name, str(kind))):
            yield Sighting("media", form, read)
        base, origin = base_of(generation.submit), origin_of(url)
        if base is None or not origin:
            continue
        possible = [*(["same"] if url.startswith(f"{base}/") else []), *(["page"] if origin == PAGE_MEDIA else [])]
        yield Sighting("media_origin", "|".join(possible or [origin]), read)


def _envelope(read: Exchange | Callback) -> Iterator[Sighting]:
    later = [value for name in STAMPS[1:] if isinstance(value := read.members.get(name), str)]
    if later and all(map(STAMP.fullmatch, later)):
        yield Sighting("timestamps", "rfc3339", read)
    elif later and all(map(BARE_STAMP.fullmatch, later)):
        yield Sighting("timestamps", "mixed", read)
    if read.members.get("status") in {"FAILED", "ERROR"}:
        there = [name for name in STAMPS if name in read.members]
        if len(there) in {0, len(STAMPS)}:
            yield Sighting("status_members", "all" if there else "minimal_failure", read)
        if read.members["status"] == "FAILED" and MODERATED.search(str(read.members.get("error"))):
            yield Sighting("moderation", "fail", read)


def is_status_envelope(message: Exchange | Callback) -> bool:
    """Whether a body is the response to a status read."""
    return {"request_id", "status", "model_id"} <= message.members.keys()


def _refused(exchange: Exchange, owners: dict[str, str]) -> Iterator[Sighting]:
    """What the envelope of an error shows."""
    shape, known = SHAPES.get(frozenset(exchange.members), ""), has_known_key(exchange)
    match exchange.status:
        case 400 | 415 if exchange.is_submit and known:
            form = {"queue": "title_message", "sentence": "sentence_status"}.get(shape)
            if form and exchange.members.get("error") != "Model not found":
                yield Sighting("validation_body", form, exchange)
            if MODERATED.search(str(exchange.members.get("message") or exchange.members.get("error"))):
                yield Sighting("moderation", "refuse", exchange)
        case 401 if shape in {"apim", "queue"} and exchange.placement not in {"query", "bearer"} and not known:
            if exchange.account != "blank":
                yield Sighting("unknown_key" if exchange.account else "missing_key", shape, exchange)
        case 402 if exchange.is_submit:
            message = str(exchange.members.get("message"))
            if form := "printed" if message == PRINTED_BALANCE else "required" if "Required" in message else None:
                yield Sighting("insufficient_balance", form, exchange)
        case 403 if known and owners.get(str(exchange.request_id), exchange.account) == exchange.account:
            yield from _forbidden(exchange, shape)
        case 429 if shape in {"apim", "queue"}:
            bare = shape == "apim" and exchange.header("retry-after") is None
            yield Sighting("throttled", "apim_bare" if bare else shape, exchange)
        case _:
            pass


def _forbidden(exchange: Exchange, shape: str) -> Iterator[Sighting]:
    is_html = "html" in (exchange.header("content-type") or "")
    if shape == "apim":
        yield Sighting("forbidden", "apim_quota", exchange)
    elif exchange.operation == "status" and (shape == "queue" or is_html):
        yield Sighting("forbidden", "html_reads" if is_html else "queue", exchange)
    elif exchange.is_submit and shape == "queue":
        yield Sighting("forbidden", "queue|html_reads", exchange)


def _routes(exchange: Exchange, owners: dict[str, str], served: set[str]) -> Iterator[Sighting]:
    path, method, status = split_url(exchange.url).path, exchange.method, exchange.status
    identity = path.removeprefix(STATUS_BASE) if path.startswith(STATUS_BASE) else None
    is_foreign = owners.get(str(identity), exchange.account) != exchange.account and exchange.account in served
    of_submit = path in SUBMITS
    if method == "OPTIONS":
        if exchange.request_header("Access-Control-Request-Method"):
            yield Sighting("cors", "on" if exchange.succeeded else "off", exchange)
    elif method == "HEAD" and identity is not None:
        if owners.get(identity) == exchange.account and status in {200, 404, 405}:
            yield Sighting("status_head", "answer" if status == 200 else "refuse", exchange)
    elif status in {404, 405} and ((of_submit and method != "POST") or (identity is not None and method != "GET")):
        yield Sighting("unknown_route", str(status), exchange)
    elif method == "GET" and status in {403, 404} and has_known_key(exchange) and is_foreign:
        yield Sighting("unknown_id", "404" if status == 404 else "403_foreign", exchange)
    if exchange.placement == "query" and exchange.account and status is not None and status < 500:
        yield Sighting("query_key", "refuse" if status == 401 else "accept", exchange)


def _caching(exchange: Exchange) -> Iterator[Sighting]:
    said = (exchange.header("cache-control") or "").lower()
    if exchange.operation == "media" and exchange.succeeded and ("public" in said or not said):
        yield Sighting("cache_control", "media|no_store" if said else "none", exchange)
    elif exchange.operation in {"status", *SUBMITS.values()} and exchange.status and said in {"", "no-store"}:
        yield Sighting("cache_control", "no_store" if said else "media|none", exchange)


def seen_in_answers(trace: Trace) -> Iterator[Sighting]:
    """What the form of each response, and of each webhook, shows."""
    owners = {generation.request_id: generation.submit.account for generation in trace.generations}
    served = {exchange.account for exchange in trace.exchanges if exchange.status not in {None, 401, 403}}
    for generation in trace.generations:
        yield from _accepted(generation, trace.profile.public_origins)  # those that an app used for a proxy
        seen: list[Exchange | Callback] = [*generation.seen, *filter(is_status_envelope, generation.callbacks)]
        for read in seen:
            yield from _envelope(read)
            if read.members.get("status") in TERMINAL:
                yield from _completed(generation, read)
    for exchange in trace.exchanges:
        yield from _refused(exchange, owners)
        yield from _routes(exchange, owners, served)
        yield from _caching(exchange)


def is_medium_of(url: str, read: Exchange) -> bool:
    """Whether a URL is that of a medium of an envelope."""
    return url in {join_url(read.url, each) for each in media_urls(read)}
