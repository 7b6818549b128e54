"""Checks that several clauses share: how responses to requests that probes send for a clause are judged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from pixazo_contracts.trace import (
    MISSING,
    MODEL,
    STATES,
    Callback,
    Exchange,
    Intent,
    Profile,
    Trace,
    instant,
    is_object,
    repeated_names,
    split_url,
)

from .clause import SharedCheck
from .remarks import Evidence, Observation, Remarks, Unseen, Violation, check, check_member, code_shown, code_word, show

#: Status codes that say nothing about the parameters of a submit: key, wallet, permission, route, rate.
UNDECIDED: Final = frozenset({401, 402, 403, 404, 405, 429})
#: Status codes of a refusal: the request was wrong.
REFUSALS: Final = range(400, 500)
#: Status codes of a gateway that has no such route.
NO_ROUTE: Final = frozenset({404, 405})
#: The states before the end.
RUNNING: Final = STATES[:2]
#: Prefixes of the ids of clauses for which a single submit is sent that should be accepted.
OF_ACCEPTANCE: Final = ("T2V-", "I2V-", "HDR-0", "WEBHOOK-01")
JSON_TYPE: Final = re.compile(r"application/([\w.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)
#: The one charset of JSON (RFC 8259, 8.1), if a media type names any.
CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)
#: The query of a URL that has a signature, after the rest of it.
SIGNED_QUERY: Final = re.compile(r'(https?://[^"?\s]+)\?(?=[^"\s]*(?:sig|signature|token)=)[^"\s]*', re.IGNORECASE)
#: A gateway may write whole seconds.
TICK: Final = 1.0
#: A body of this many bytes may be refused by closing the connection before it is read.
TOO_LARGE: Final = 8 * 1024 * 1024


def unsigned(value: object) -> str:
    """A value without the queries of signed URLs: a gateway may sign them anew for each response."""
    return SIGNED_QUERY.sub(r"\1", json.dumps(value, sort_keys=True))


def is_null_or_absent(value: object) -> bool:
    return value is None or value is MISSING


def equals(expected: object) -> Callable[[object], bool]:
    return lambda value: value == expected


#: Whether a member is absent; whether it is there and null.
is_absent: Final = equals(MISSING)
is_null: Final = equals(None)


def is_string(value: object) -> bool:
    return isinstance(value, str)


def is_no_evidence(trace: Trace, exchange: Exchange) -> bool:
    """Whether the response says nothing about the request: it was not served, or the wallet has become empty."""
    if exchange.status == 402:
        return not any(e.account == exchange.account and e.started >= exchange.finished for e in trace.acceptances)
    return trace.is_unserved(exchange)


def not_shown(read: Exchange, name: str) -> bool:
    """Whether a request is still running and lacks the member: the field table lists it, but no sample shows such a response."""
    return read.state in RUNNING and read.members.get(name) is None


def stamps(reads: Iterable[Exchange], first: str, second: str) -> Iterator[tuple[Exchange, float, float]]:
    """The reads that have both timestamps, with these in seconds of the gateway's clock."""
    for read in reads:
        one, other = instant(read.members.get(first)), instant(read.members.get(second))
        if one is not None and other is not None:
            yield read, one, other


def shows_work(exchange: Exchange) -> bool:
    """Whether a response begins or shows work: it accepts, or has an id, a state or a result."""
    body, name = exchange.members, str(exchange.members.get("request_id") or "none")
    # Not an id of each answer, for support: a gateway may give it the same name.
    is_known = name.startswith(f"{MODEL}_") or name == exchange.request_id
    if exchange.succeeded and (exchange.is_submit or is_known):
        return True
    named = is_known and exchange.request_id is None
    # A refusal may say ERROR, too, whatever its status code: it names no request.
    return named or body.get("status") in (*RUNNING, "COMPLETED") or is_object(body.get("output"))


def callbacks_of(trace: Trace, submit: Exchange) -> list[Callback]:
    """The callbacks to the URL in the header of a submit, whatever its outcome."""
    hook = submit.request_header("X-Webhook-URL") or "\0"
    return [callback for callback in trace.callbacks if callback.target.partition("?")[0] in hook]


def begins_nothing(trace: Trace, exchange: Exchange) -> Remarks:
    """A request that must be refused gets no response that shows work, and its receiver is not called."""
    yield check(not shows_work(exchange), exchange, "body", "nothing of a request", words=show(exchange.members))
    for callback in callbacks_of(trace, exchange):
        yield Violation(callback, "callback", f"none for {exchange.case!r}", callback.method, (exchange,))


def answered(trace: Trace, clause_id: str, code: int) -> Remarks:
    """Every request sent for the clause is refused with the status code, and begins nothing."""
    for exchange in trace.aimed(clause_id, unanswered=True):
        if exchange.status == code or not is_no_evidence(trace, exchange):
            yield check(exchange.status == code, exchange, "status code", str(code), words=code_shown(exchange))
            yield from begins_nothing(trace, exchange)


def each(
    pick: Callable[[Trace], Iterable[Exchange | Callback]], name: str, holds: Callable[[object], bool], expected: str
) -> SharedCheck:
    """A member of each message that `pick` takes from the trace is as expected."""
    return lambda trace, _: (check_member(message, name, holds, expected) for message in pick(trace))


def envelopes(*states: str) -> Callable[[Trace], Iterable[Exchange]]:
    """The status envelopes of a trace: those in one of the states, or all if none is given."""
    return lambda trace: (read for read in trace.envelopes if not states or read.state in states)


def noted(describe: Callable[[Exchange], str], *, unless: Collection[int] = ()) -> SharedCheck:
    """The response to each request sent for the clause, in the words of `describe`, unless it has one of these status codes."""
    return lambda trace, clause_id: (
        Observation(describe(e), e) for e in trace.aimed(clause_id) if e.status not in unless
    )


def one_of(requests: Sequence[Exchange], served: Sequence[Exchange], where: str, expected: str) -> Remarks:
    """At least one of the requests, if there were any, was served; otherwise each of them is a violation."""
    for exchange in served[:1] or requests:
        yield check(bool(served), exchange, where, expected, words=code_shown(exchange))


def _decided(trace: Trace, clause_id: str, intent: Intent) -> Iterator[Exchange]:
    """The requests with this intent sent for the clause, unless their status codes say nothing about their parameters."""
    aimed = trace.aimed(clause_id, unanswered=intent == "refuse")
    return (e for e in aimed if e.intent == intent and e.status not in UNDECIDED)


def is_single(exchange: Exchange) -> bool:
    """Whether a submit is sent for one clause only, which says that it is accepted.

    A refused submit for several clauses counts against none of them: each has its own. SUBMIT-01 or -02 judges it.
    """
    return len(exchange.aims) == 1 and exchange.aims[0].startswith(OF_ACCEPTANCE)


def is_repetition(first: Exchange, second: Exchange) -> bool:
    """Whether an account sent one body to one operation twice."""
    kept = ("account", "operation", "request_body")
    return all(getattr(first, name) == getattr(second, name) for name in kept)


def is_accepted(trace: Trace, exchange: Exchange) -> Remarks:
    """The submit is accepted."""
    if exchange.succeeded or (is_single(exchange) and not is_no_evidence(trace, exchange)):
        where = f"status code ({exchange.case})"
        yield check(exchange.succeeded, exchange, where, "acceptance, 202", words=code_shown(exchange))


def accepted(trace: Trace, clause_id: str) -> Remarks:
    """The requests sent for the clause that should be accepted are accepted."""
    for exchange in trace.aimed(clause_id, unanswered=True):
        if exchange.intent == "accept":
            yield from is_accepted(trace, exchange)


def _completes(trace: Trace, submit: Exchange) -> Remarks:
    """No valid body ends FAILED or ERROR every time it is sent; the page does not promise success, so a violation is drift."""
    generation = trace.generation(submit.accepted_id)
    # A run sends a valid body again until it completes; an app need not.
    if generation is not None and generation.outcome in {"FAILED", "ERROR"} and not submit.from_app:
        end, same = generation.ends[0], [g for g in trace.generations if is_repetition(submit, g.submit)]
        if not any(each.outcome == "COMPLETED" for each in same):
            where, got = f"outcome ({submit.case})", f"{end.state}: {show(end.member('error'))}"
            yield Violation(submit, where, "COMPLETED at least once", got, related=(end,), drifts=True)


def as_meant(trace: Trace, clause_id: str, *, later: bool = False) -> Remarks:
    """Each request sent for the clause is treated as the page says: refused, or accepted and able to complete.

    With `later`, a rule about the image may also be enforced by ending FAILED or ERROR. Requests whose outcome the page leaves
    open are observed; ERR-400-01 judges the status code of a refusal.
    """
    for exchange in _decided(trace, clause_id, "refuse"):
        generation = trace.generation(exchange.accepted_id) if later else None
        if generation is None and (exchange.status is not None or exchange.request_size < TOO_LARGE):
            work, where = shows_work(exchange), f"status code ({exchange.case})"
            holds = exchange.status in REFUSALS and not work
            got = code_word(exchange) + (f", {show(exchange.members)}" if work else "")
            yield check(holds, exchange, where, "a refusal, 400", words=got)
        elif generation is not None and generation.reads:
            holds, got = generation.outcome in {"FAILED", "ERROR"}, generation.outcome or "no end"
            where, expected = f"outcome ({exchange.case})", "a refusal, or FAILED later"
            yield check(holds, exchange, where, expected, words=got, related=generation.reads)
    yield from accepted(trace, clause_id)
    valid = [exchange for exchange in trace.aimed(clause_id) if exchange.intent == "accept"]
    for exchange in [*filter(is_single, valid)] or valid:
        yield from _completes(trace, exchange)
    yield from observed(trace, clause_id)


#: The same for a rule that may be enforced later.
AS_MEANT_LATER: Final = partial(as_meant, later=True)


def observed(trace: Trace, clause_id: str, *, codes: bool = False) -> Remarks:
    """The outcome of each request for the clause whose outcome the page leaves open; with `codes`, the status of a refusal."""
    for exchange in _decided(trace, clause_id, "any"):
        generation = trace.generation(exchange.accepted_id)
        ending = f", then {generation.outcome}" if generation is not None and generation.outcome else ""
        word = "refused" if exchange.status in REFUSALS and not codes else code_word(exchange)
        yield Observation(f"{exchange.case}: {word}{ending}", exchange, generation.reads if generation else ())


def late(trace: Trace, clause_id: str, alive: str) -> Remarks:
    """The responses to late re-reads sent for the clause; `alive` is the word for a success."""
    words = {alive if exchange.succeeded else str(exchange.status) for exchange in trace.aimed(clause_id)}
    if words:
        yield Observation(f"late in the run: {', '.join(sorted(words))}")


def is_json(message: Exchange | Callback) -> Remarks:
    """A message is a UTF-8 JSON object, typed as that."""
    content_type = message.header("content-type")
    charset = CHARSET.search(content_type or "")
    typed = JSON_TYPE.fullmatch(content_type or "") and (charset is None or charset[1].lower() in {"utf-8", "utf8"})
    got = show(MISSING if content_type is None else content_type)
    yield check(bool(typed), message, "Content-Type", "application/json", words=got)
    got = f"{message.size} bytes that are not UTF-8" if message.body is None else show(message.body)
    yield check(is_object(message.json), message, "body", "a UTF-8 JSON object", words=got)
    twice = ", ".join(show(name) for name in repeated_names(message.body or ""))
    yield check(not twice, message, "body", "each member once", words=f"more than once: {twice}")


def no_key(trace: Trace, record: Exchange | Callback, places: Iterable[str]) -> Evidence | Violation | Unseen:
    """None of these places of a message contains the API key."""
    if not trace.header.key_searched:
        return Unseen("the key is like a word, so finding it proves nothing: use a longer key", skips=True)
    found = ", ".join(places)
    return check(not found, record, found, "no trace of the key", words="the key")


def is_absolute_url(url: object, profile: Profile) -> bool:
    """Whether a value is an absolute https URL; a gateway on this machine may have no certificate and use http."""
    parts = split_url(url if isinstance(url, str) and url.isprintable() and " " not in url else "")
    return parts.scheme in ("https", *(["http"] if profile.loopback else [])) and bool(parts.hostname)


def playing_time(download: Exchange, duration: object, profile: Profile) -> Remarks:
    """The video plays for about `duration` seconds; nothing is judged if its bytes do not show how long it plays."""
    media = download.media
    if isinstance(duration, int | float) and media is not None and media.seconds is not None:
        holds = abs(media.seconds - duration) <= profile.length_tolerance
        yield check(holds, download, "playing time", f"{duration} s", words=f"{media.seconds:.2f} s")


#: How a download is compared with what its submit asked for.
Measure = Callable[[Exchange, object, Profile], Remarks]

#: Heights in pixels of the two documented resolutions.
HEIGHTS: Final = {"768P": 768, "1080P": 1080}


def frame(download: Exchange, resolution: object, profile: Profile) -> Remarks:
    """The video's frame belongs to that resolution; nothing is judged if its bytes do not show how large it is."""
    height, media = HEIGHTS.get(str(resolution)), download.media
    if height is not None and media is not None and media.width and media.height:
        # A resolution names the short side: a portrait video is as wide as a landscape one is high.
        sides = {media.height, min(media.width, media.height)}
        holds = any(abs(side - height) <= height * profile.height_tolerance for side in sides)
        yield check(holds, download, "frame", f"the {resolution} class", words=f"{media.width} x {media.height}")
