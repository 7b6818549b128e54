"""What single responses show about a point by their form, and webhooks by their URLs, times, bodies and repetitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

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
    instant,
    is_object,
    join_url,
    receiver_token,
    split_url,
)
from pixazo_contracts.traffic.classify import SUBMIT_PATHS

Message = Exchange | Callback
Item = TypeVar("Item")
Key = TypeVar("Key")

#: How many of the messages that show a value are named.
MOST_NAMED = 5

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

#: A webhook must arrive within this many seconds of the end, or of the redirect that it follows.
PATIENCE: Final = 10.0
REDIRECT: Final = 2.0

#: The least seconds after a failed attempt without another one, and the same as a multiple of the last pause.
SILENCE: Final = 600.0
SILENCE_FACTOR: Final = 10.0

#: With `X-Webhook-Mode: sync` a webhook is due every 15 seconds of processing.
SYNC_PAUSE: Final = 16.0


class Sighting(NamedTuple):
    """A message, and the values of a point with which a gateway would have sent it, in words separated by `|`."""

    point: str
    values: str
    message: Message


class Finding(NamedTuple):
    """What the traffic says about a point: its value, None if it contradicts itself or leaves several; the lines of a comment say why."""

    value: str | None
    lines: tuple[str, ...]
    contradicts: tuple[str, ...] = ()


def has_known_key(exchange: Exchange) -> bool:
    """Whether a call was made with the key of an account, in the header where it belongs."""
    account = exchange.account
    in_header = exchange.placement not in {"query", "bearer"}
    return in_header and account not in {"", "unknown", "blank"} and not account.startswith("near.")


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """The items by a key, in the order in which the keys first appear."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def named(messages: Iterable[Message]) -> str:
    """Messages by their numbers, exchanges with their status codes, and how many there are."""
    found = list(dict.fromkeys(messages))
    kinds = {"callback" if isinstance(each, Callback) else "exchange" for each in found}
    kind = next(iter(kinds)) if len(kinds) == 1 else "message"
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    shown = ", ".join(
        f"callback {each.number}" if isinstance(each, Callback) else f"{each.number} ({each.status or each.error})"
        for each in found[:MOST_NAMED]
    )
    return f"{len(found)} {kind}{'s' if len(found) > 1 else ''}: {shown}{more}"


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
        is_called = base.lower() == called or (submit.from_app and base in passed)
        yield Sighting("public_origin", "caller" if is_called else "forwarded" if is_forwarded else base, submit)


def _completed(generation: Generation, read: Message) -> Iterator[Sighting]:
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


def _envelope(read: Message) -> Iterator[Sighting]:
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


def is_status_envelope(message: Message) -> bool:
    """Whether a body is the response to a status read."""
    return {"request_id", "status", "model_id"} <= message.members.keys()


def _refused(exchange: Exchange, owners: dict[str, str]) -> Iterator[Sighting]:
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
    of_submit = path in SUBMIT_PATHS
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
    elif exchange.operation in {"status", *SUBMIT_PATHS.values()} and exchange.status and said in {"", "no-store"}:
        yield Sighting("cache_control", "no_store" if said else "media|none", exchange)


def seen_in_answers(trace: Trace) -> Iterator[Sighting]:
    """What the form of each response, and of each webhook, shows."""
    owners = {generation.request_id: generation.submit.account for generation in trace.generations}
    served = {exchange.account for exchange in trace.exchanges if exchange.status not in {None, 401, 403}}
    for generation in trace.generations:
        yield from _accepted(generation, trace.profile.public_origins)  # those that an app used for a proxy
        seen: list[Message] = [*generation.seen, *filter(is_status_envelope, generation.callbacks)]
        for read in seen:
            yield from _envelope(read)
            if read.members.get("status") in TERMINAL:
                yield from _completed(generation, read)
    for exchange in trace.exchanges:
        yield from _refused(exchange, owners)
        yield from _routes(exchange, owners, served)
        yield from _caching(exchange)


def is_medium_of(url: str, read: Exchange) -> bool:
    return url in {join_url(read.url, each) for each in media_urls(read)}


def _end_of(trace: Trace) -> float:
    times = [*(e.finished for e in trace.exchanges), *(c.at for c in trace.callbacks)]
    return max([trace.footer.seconds if trace.footer else 0.0, *times])


def _is_running(callback: Callback) -> bool:
    return callback.members.get("status") in {"PROCESSING", "QUEUED", "processing"}


def _at(generation: Generation, channel: str) -> list[Callback]:
    """The callbacks of a generation to the URL of one channel; none if both channels have the same URL."""
    tokens = {name: receiver_token(url) for name, url in generation.webhook_urls.items()}
    if len(set(tokens.values())) < len(tokens) or channel not in tokens:
        return []
    return [each for each in generation.callbacks if receiver_token(each.target) == tokens[channel]]


def _is_over(generation: Generation, end: float) -> bool:
    """Whether a generation was seen to end long enough ago for its first webhook."""
    return bool(generation.ends) and end - generation.ends[0].finished >= PATIENCE


def _processing(generation: Generation) -> float:
    """The least seconds that a generation was seen to be processed; none if it was not read meanwhile."""
    stamps = [
        (word, at)
        for each in (*generation.seen, *generation.callbacks)
        if (word := each.members.get("status")) and (at := instant(each.members.get("updated_at"))) is not None
    ]
    began = [at for word, at in stamps if word == "PROCESSING"]
    ended = [at for word, at in stamps if word in TERMINAL]
    return max(ended) - max(began) if began and ended else 0.0


def _of_header(generation: Generation, end: float) -> Iterator[Sighting]:
    called, url = _at(generation, "header"), generation.webhook_urls["header"]
    for callback in called:
        if url.startswith("http:"):
            yield Sighting("http_webhook_url", "accept", callback)
        if is_status_envelope(callback):
            names = {name.lower() for name in callback.header_names}
            yield Sighting("webhook_signature", "standard" if "webhook-signature" in names else "none", callback)
    if (generation.submit.request_header("X-Webhook-Mode") or "").strip().lower() == "sync":
        running = [*filter(_is_running, called)]
        if running:
            yield Sighting("webhook_events", "header", running[0])
        elif called and _is_over(generation, end) and _processing(generation) > SYNC_PAUSE:
            yield Sighting("webhook_events", "terminal", called[0])


def _of_member(generation: Generation, end: float, *, reachable: bool) -> Iterator[Sighting]:
    called = _at(generation, "member")
    for callback in called:
        if set(callback.members) == {"challenge"} or "task_id" in callback.members:
            yield Sighting("callback_url", "challenge", callback)
        elif is_status_envelope(callback):
            yield Sighting("callback_url", "post", callback)
    told = [each for each in called if set(each.members) != {"challenge"}]
    if running := [*filter(_is_running, told)]:
        yield Sighting("callback_events", "updates", running[0])
    elif told and any(read.state == "PROCESSING" for read in generation.seen):
        yield Sighting("callback_events", "end", told[0])
    if not called and reachable and _is_over(generation, end) and set(generation.webhook_urls) == {"member"}:
        yield Sighting("callback_url", "ignore", generation.submit)


def seen_in_webhooks(trace: Trace) -> Iterator[Sighting]:
    """What each generation that gave a URL shows. A missing callback counts only if another URL of its host was called."""
    end = _end_of(trace)
    reached = [generation for generation in trace.generations if _at(generation, "header")]
    hosts = {split_url(generation.webhook_urls["header"]).hostname for generation in reached}
    for generation in trace.generations:
        urls = generation.webhook_urls
        if "header" in urls:
            yield from _of_header(generation, end)
        if "member" in urls:
            reachable = split_url(urls["member"]).hostname in hosts
            yield from _of_member(generation, end, reachable=reachable)
        if len(urls) == 2 and _is_over(generation, end):
            header, member = _at(generation, "header"), _at(generation, "member")
            if called := member or header:
                word = "each" if header and member else "member" if member else "header"
                yield Sighting("both_channels", word, called[0])
    yield from _redirects(trace, end)


def _redirects(trace: Trace, end: float) -> Iterator[Sighting]:
    for callback in trace.callbacks:
        if 300 <= callback.answered < 400 and end - callback.at >= REDIRECT:
            path = split_url(callback.target).path
            soon = [e for e in trace.callbacks if 0 <= e.at - callback.at <= REDIRECT and e.number != callback.number]
            followed = any(split_url(each.target).path != path and each.body == callback.body for each in soon)
            yield Sighting("webhook_redirects", "follow" if followed else "refuse", callback)


def webhook_retries(trace: Trace) -> Finding | None:
    """The pauses between the attempts of a webhook: a value only if they ended although the last one failed too."""
    attempts, end = filter(is_status_envelope, trace.callbacks), _end_of(trace)
    chains = [
        chain
        for chain in grouped(attempts, lambda callback: (callback.target, callback.body)).values()
        if all(each.answered >= 300 for each in chain[:-1]) and (len(chain) > 1 or chain[0].answered >= 400)
    ]
    if not chains:
        return None
    pauses = [[round(later.at - earlier.at) for earlier, later in pairwise(chain)] for chain in chains]
    longest = max(pauses, key=len)
    used = named(each for chain in chains for each in chain)
    agree = [all(abs(a - b) <= 1 + max(a, b) // 50 for a, b in zip(each, longest, strict=False)) for each in pauses]
    if odd := [each for each, is_like in zip(pauses, agree, strict=True) if not is_like]:
        both = (",".join(map(str, longest)), ",".join(map(str, odd[0])))
        return Finding(None, (f"{used}: pauses of {both[0]} s, and of {both[1]} s",), both)
    whole = [
        pause
        for pause, chain in zip(pauses, chains, strict=True)
        if chain[-1].answered >= 300 and end - chain[-1].at >= max(SILENCE, SILENCE_FACTOR * max(pause, default=0))
    ]
    shown = ",".join(map(str, longest)) or "none"
    if whole and len(whole[0]) == len(longest):
        return Finding(shown, (f"{shown} by {used}; then no more",))
    return Finding(None, (f"it begins {shown}, by {used}; the last attempt was answered 2xx, or was too recent",))
