"""SUBMIT: submitting and the 202."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from statistics import median

from pixazo_contracts.trace import (
    DOCUMENTED_ORIGIN,
    MODEL,
    STATUS_BASE,
    TERMINAL,
    Exchange,
    Trace,
    created,
    host_is_loopback,
    join_url,
    split_url,
)

from .checks import answered, as_meant, each, is_absolute_url, is_no_evidence, is_repetition, is_single, stamps
from .clause import DOCUMENTED, EXAMPLE, FREE, FREE_IF_REFUSED, FURTHER, IMPLIED, SHARED, SILENT, Group
from .remarks import Evidence, Observation, Remarks, Violation, check, code_shown, plain, show

SUBMIT = Group()

BAD_REQUEST = 'Response Handling: "400 | Bad Request"'
ACCEPTED = 'Response Handling: "202 | Accepted — Request queued"'
POLLING_URL = 'Response Fields: "polling_url | string | Status URL (initial response only)"'
MEMBERS = ("request_id", "status", "polling_url")
UUID_TEXT = re.compile(rf"{MODEL}_[0-9A-Za-z]+(-[0-9A-Za-z]+){{4}}")
CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: How far the time inside an id may be from `created_at`, in seconds: two machines of the gateway may have made them.
ID_SKEW = 2.0
#: A 202 that takes this long, in seconds, and this many times as long as a normal read, waited for something.
SLOW_SUBMIT = 0.2
SLOW_RATIO = 5.0
#: On a clock that only we move, timestamps may be rounded by this many seconds.
VIRTUAL_SLACK = 1.0
#: Accounts whose valid submits there is no reason to refuse.
FUNDED = frozenset({"default", "other"})
#: A read counts as right after the 202 within this many seconds.
RIGHT_AFTER = 2.0


def _code_202(trace: Trace, operation: str) -> Remarks:
    """Accepted submits answer 202, and valid ones are accepted: but for a body sent twice, on which the page is silent."""
    accepted = [e for e in trace.acceptances if e.operation == operation]
    for exchange in accepted:
        yield check(exchange.status == 202, exchange, "status code", "202", words=code_shown(exchange))
    valid = [e for e in trace.submits if e.operation == operation and e.intent == "accept" and e.account in FUNDED]
    refused = [e for e in valid if not e.succeeded and not is_no_evidence(trace, e)]
    # If a clause about one value already reports a refusal, submits with several values add nothing.
    if not any(map(is_single, refused)):
        for exchange in refused:
            if not any(is_repetition(first, exchange) for first in accepted):
                yield Violation(exchange, f"status code ({exchange.case})", "202", code_shown(exchange))


# fmt: off
SUBMIT.row("SUBMIT-01", DOCUMENTED, SHARED, lambda trace, _: _code_202(trace, "generate"),
    depends_on="BASE-02", core=True, section='Response Handling (Text to Video): "202 | Accepted — Request queued"',
    demands="A valid T2V submit answers 202.")
SUBMIT.row("SUBMIT-02", DOCUMENTED, SHARED, lambda trace, _: _code_202(trace, "imageToVideo"),
    depends_on="BASE-03", core=True, section='Response Handling (Image to Video): "202 | Accepted — Request queued"',
    demands="A valid I2V submit answers 202.")
# fmt: on


@SUBMIT.clause("SUBMIT-03", DOCUMENTED, SHARED, depends_on="HDR-04", core=True, section=f"Output; {POLLING_URL}")
def submit_03(trace: Trace) -> Remarks:
    """The 202 body carries `request_id`, `status` and `polling_url`."""
    for exchange in trace.acceptances:
        for name in MEMBERS:
            yield check(name in exchange.members, exchange, name, "present")


@SUBMIT.clause("SUBMIT-04", EXAMPLE, SHARED, depends_on="SUBMIT-03", section="Output")
def submit_04(trace: Trace) -> Remarks:
    """The 202 body carries nothing else at top level."""
    for exchange in trace.acceptances:
        extra = sorted(set(exchange.members) - set(MEMBERS))
        yield check(not extra, exchange, "body", f"only {', '.join(MEMBERS)}", words=", ".join(map(plain, extra)))


def _having(name: str) -> Callable[[Trace], Iterator[Exchange]]:
    """The acceptances that have this member, of any type; SUBMIT-03 judges the others."""
    return lambda trace: (exchange for exchange in trace.acceptances if name in exchange.members)


# fmt: off
SUBMIT.row("SUBMIT-05", EXAMPLE, SHARED, each(_having("status"), "status", lambda status: status == "QUEUED", '"QUEUED"'),
    depends_on="SUBMIT-03", core=True, drift_fails=True,
    section='Output; Status Values: "QUEUED | Request accepted, waiting to be processed"',
    demands="`status` in the 202 body is exactly `QUEUED`.")
SUBMIT.row("SUBMIT-06", EXAMPLE, SHARED,
    each(_having("request_id"), "request_id", lambda value: UUID_TEXT.fullmatch(str(value)) is not None, f"{MODEL}_<uuid>"),
    depends_on="SUBMIT-03", core=True, drift_fails=True,
    section='Output: "minimax-hailuo-ai_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"',
    demands="`request_id` is a string: model id, one underscore, a UUID text.")
# fmt: on


def _uuid(request_id: object) -> str:
    """The UUID text of an id; empty if the id is not a string."""
    return request_id.rpartition("_")[2] if isinstance(request_id, str) else ""


@SUBMIT.clause("SUBMIT-07", EXAMPLE, SHARED, depends_on="SUBMIT-06",
    section='Output: "019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"')  # fmt: skip
def submit_07(trace: Trace) -> Remarks:
    """The UUID is canonical: 8-4-4-4-12, lower-case hex."""
    for exchange in _having("request_id")(trace):
        text = _uuid(exchange.members["request_id"])
        if isinstance(exchange.members["request_id"], str):
            holds = CANONICAL.fullmatch(text) is not None
            yield check(holds, exchange, "request_id", "8-4-4-4-12 lower-case hex digits", text)


@SUBMIT.clause("SUBMIT-08", SILENT, SHARED, section="Output; Response (Completed)")
def submit_08(trace: Trace) -> Remarks:
    """The UUID is version 7 with the RFC 9562 variant."""
    for exchange in _having("request_id")(trace):
        suffix = _uuid(exchange.members["request_id"]).lower()
        if CANONICAL.fullmatch(suffix):
            variant = "RFC 9562" if suffix[19] in "89ab" else "other"
            yield Observation(f"version {suffix[14]}, variant {variant}", exchange)
        else:
            yield Observation("not a canonical UUID", exchange)


@SUBMIT.clause("SUBMIT-09", SILENT, SHARED, depends_on="TIME-05", section="Output; Response (Completed)")
def submit_09(trace: Trace) -> Remarks:
    """The 48-bit millisecond field of the UUID is close to the submit time and to `created_at`."""
    for generation in trace.generations:
        suffix = _uuid(generation.request_id).lower()
        stamp = created(generation)
        if stamp is not None and CANONICAL.fullmatch(suffix) and suffix[14] == "7":
            # RFC 9562, 5.7: the first 48 bits of a version 7 UUID are the milliseconds since 1970.
            inside = int(suffix.replace("-", "")[:12], 16) / 1000
            word = "created_at" if abs(inside - stamp) <= ID_SKEW else "another"
            yield Observation(f"the time in the id is {word}", generation.submit)
        elif stamp is not None:
            yield Observation("the id holds no time", generation.submit)


@SUBMIT.clause("SUBMIT-10", DOCUMENTED, FURTHER, depends_on="SUBMIT-03", core=True,
    section='Response Fields: "request_id | string | Unique request identifier"')  # fmt: skip
def submit_10(trace: Trace) -> Remarks:
    """Identifiers are unique."""
    accepted = [exchange for exchange in trace.acceptances if exchange.accepted_id is not None]
    by_id: dict[str | None, list[Exchange]] = {}
    for exchange in accepted:
        by_id.setdefault(exchange.accepted_id, []).append(exchange)
    for generation in trace.generations if len(accepted) > 1 else ():
        yield Evidence(generation.submit)
        for first, second in combinations(by_id[generation.request_id], 2):
            # A body sent twice may be taken for one request (SUBMIT-15); then its history does not begin again.
            before = {read.members.get("created_at") for read in generation.seen if read.finished <= second.started}
            after = {read.members.get("created_at") for read in generation.seen if read.started >= second.finished}
            same = is_repetition(first, second) and (not before or not after or before == after)
            yield check(same, second, "request_id", "its own id", words=f"that of exchange {first.number}")


@SUBMIT.clause("SUBMIT-11", EXAMPLE, SHARED, depends_on="SUBMIT-03 AUTH-11", core=True, drift_fails=True,
    section=f"Output; {POLLING_URL}")  # fmt: skip
def submit_11(trace: Trace) -> Remarks:
    """`polling_url` is the status route of the same gateway with exactly this `request_id`."""
    profile = trace.profile
    origins = (profile.origin, DOCUMENTED_ORIGIN, *profile.public_origins)
    for exchange in trace.acceptances:
        url = exchange.members.get("polling_url")
        if isinstance(url, str) and exchange.accepted_id is not None:
            absolute = join_url(profile.origin, url)
            parts = split_url(absolute)
            if profile.loopback and host_is_loopback(parts.hostname) and parts.port == split_url(profile.origin).port:
                # Loopback may be spelled differently.
                absolute = absolute.replace(f"{parts.scheme}://{parts.netloc}", profile.origin, 1)
            wanted = [f"{origin}{STATUS_BASE}{exchange.accepted_id}" for origin in origins]
            yield check(absolute in wanted, exchange, "polling_url", show(wanted[0]), url)


@SUBMIT.clause("SUBMIT-12", EXAMPLE, SHARED, depends_on="SUBMIT-03 BASE-04 BASE-05 AUTH-07 SUBMIT-13", core=True, drift_fails=True,
    section="Output")  # fmt: skip
def submit_12(trace: Trace) -> Remarks:
    """`polling_url` is an absolute https URL that can be fetched as given."""
    for exchange in _having("polling_url")(trace):
        url = exchange.members["polling_url"]
        yield check(is_absolute_url(url, trace.profile), exchange, "polling_url", "an absolute https URL", url)
    for read in trace.aimed("SUBMIT-12", unanswered=True):
        yield check(read.status == 200, read, "status code", "200", words=code_shown(read))


@SUBMIT.clause("SUBMIT-13", IMPLIED, SHARED, depends_on="BASE-04 SUBMIT-03 AUTH-07", core=True,
    section='Typical Workflow: "Save the request_id from the response"')  # fmt: skip
def submit_13(trace: Trace) -> Remarks:
    """Read-your-writes: a status read issued right after the 202 finds the request."""
    for generation in trace.generations:
        found_later = any(read.succeeded for read in generation.reads)
        first = next((read for read in generation.reads if read.status is not None), None)
        if first is not None and found_later and first.started - generation.submit.finished <= RIGHT_AFTER:
            yield check(first.status != 404, first, "status code", "200", words="404, although the id is found later")


def _held(first: Exchange, submit: Exchange, ordinary: float) -> bool:
    """Whether the 202 came only when the generation was over."""
    slow = submit.latency >= max(SLOW_SUBMIT, SLOW_RATIO * ordinary)
    return slow and first.state in TERMINAL and first.started - submit.finished <= submit.latency


def _clock_moved(first: Exchange, submit: Exchange) -> bool:
    """Whether the submit moved the clock that only we move: work that takes longer ended immediately."""
    longest = first.started - submit.started + VIRTUAL_SLACK
    took = [ended - begun for _, begun, ended in stamps([first], "created_at", "completed_at")]
    return first.state in TERMINAL and any(seconds > longest for seconds in took)


@SUBMIT.clause("SUBMIT-14", IMPLIED, SHARED, depends_on="SUBMIT-03", section=ACCEPTED)
def submit_14(trace: Trace) -> Remarks:
    """Submit does not wait for generation."""
    reads = [e.latency for e in trace.exchanges if e.operation == "status" and e.status is not None]
    for generation in trace.generations:
        submit, first = generation.submit, next(iter(generation.seen), None)
        during = (e for e in trace.exchanges if e.started < submit.finished and submit.started < e.finished)
        # Under our own load every response is slow: only a submit sent while nothing else was under way can be judged.
        if first is None or any(exchange.number != submit.number for exchange in during):
            continue
        held = _clock_moved(first, submit) if trace.profile.virtual else _held(first, submit, median(reads))
        got = f"after {submit.latency:.2f} s, {first.state} at once"
        yield check(not held, submit, "response", "long before the generation ends", words=got)


@SUBMIT.clause("SUBMIT-15", SILENT, FURTHER, depends_on="BASE-02 T2V-BODY-02 SUBMIT-10", section="silence")
def submit_15(trace: Trace) -> Remarks:
    """Two identical submits are two requests; nothing is said about idempotency keys."""
    first: dict[str, object] = {}
    for exchange in trace.aimed("SUBMIT-15"):
        kind = "with Idempotency-Key" if exchange.request_header("Idempotency-Key") else "plain"
        if kind in first:
            word = "the first request again" if exchange.accepted_id == first[kind] else "a request of its own"
            yield Observation(f"{kind} repetition: {word if exchange.accepted_id else exchange.status}", exchange)
        else:
            first[kind] = exchange.accepted_id


# fmt: off
SUBMIT.row("SUBMIT-16", IMPLIED, FREE, partial(answered, code=400), depends_on="BASE-02 BASE-03", core=True,
    section=BAD_REQUEST, demands="Malformed JSON is refused with 400.")
SUBMIT.row("SUBMIT-17", IMPLIED, FREE, partial(answered, code=400), depends_on="BASE-02 BASE-03", core=True,
    section=BAD_REQUEST, demands="An empty body or a JSON value that is not an object is refused with 400.")
SUBMIT.row("SUBMIT-18", SILENT, FREE_IF_REFUSED, as_meant, depends_on="BASE-02 T2V-PROMPT-01 T2V-BODY-02",
    section="silence", demands="Unknown members are either ignored or refused: pick up which.")
# fmt: on
