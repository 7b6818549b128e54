"""SUBMIT, T2V, I2V: submitting and the 202; the parameters of the two operations."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from statistics import median
from urllib.parse import urlsplit

from pixazo_contracts.trace import (
    DOCUMENTED_ORIGIN,
    MODEL,
    STATUS_BASE,
    TERMINAL,
    WORST_MISFIT,
    Exchange,
    Generation,
    Trace,
    created,
    fit_clock,
    host_is_loopback,
    join_url,
    split_url,
    webhook_urls,
)

from . import checks
from .clause import DOCUMENTED, EXAMPLE, FREE, FREE_IF_REFUSED, FURTHER, IMPLIED, NOT_OUTSIDE, SHARED, SILENT, Group
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
#: What is normal under load, this many reads of the same time show.
FEWEST_READS = 5
#: Where by the gateway's clock all requests of a kind, at least this many, had ended before their 202, each of which took this many
#: times as long as most reads of that time, the kind waits: unless more than this share of the others did the same.
FEWEST_HELD = 3
HELD_RATIO = 2.0
OTHERS_HELD = 0.1
#: A body of more bytes takes its time to arrive and to be read, however quickly the gateway accepts it.
SMALL_BODY = 100_000
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
    refused = [e for e in valid if not e.succeeded and not checks.is_no_evidence(trace, e)]
    # If a clause about one value already reports a refusal, submits with several values add nothing.
    if not any(map(checks.is_single, refused)):
        for exchange in refused:
            if not any(checks.is_repetition(first, exchange) for first in accepted):
                yield Violation(exchange, f"status code ({exchange.case})", "202", code_shown(exchange))


SUBMIT.row("SUBMIT-01", DOCUMENTED, SHARED, lambda trace, _: _code_202(trace, "generate"),
    depends_on="BASE-02", core=True, section='Response Handling (Text to Video): "202 | Accepted — Request queued"',
    demands="A valid T2V submit answers 202.")  # fmt: skip
SUBMIT.row("SUBMIT-02", DOCUMENTED, SHARED, lambda trace, _: _code_202(trace, "imageToVideo"),
    depends_on="BASE-03", core=True, section='Response Handling (Image to Video): "202 | Accepted — Request queued"',
    demands="A valid I2V submit answers 202.")  # fmt: skip


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


SUBMIT.row("SUBMIT-05", EXAMPLE, SHARED, checks.each(_having("status"), "status", lambda status: status == "QUEUED", '"QUEUED"'),
    depends_on="SUBMIT-03", core=True, drift_fails=True,
    section='Output; Status Values: "QUEUED | Request accepted, waiting to be processed"',
    demands="`status` in the 202 body is exactly `QUEUED`.")  # fmt: skip
SUBMIT.row("SUBMIT-06", EXAMPLE, SHARED,
    checks.each(_having("request_id"), "request_id", lambda value: UUID_TEXT.fullmatch(str(value)) is not None, f"{MODEL}_<uuid>"),
    depends_on="SUBMIT-03", core=True, drift_fails=True,
    section='Output: "minimax-hailuo-ai_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"',
    demands="`request_id` is a string: model id, one underscore, a UUID text.")  # fmt: skip


def _uuid(request_id: object) -> str:
    """The UUID text of an id; empty if the id is not a string."""
    return request_id.rpartition("_")[2] if isinstance(request_id, str) else ""


SUBMIT.row("SUBMIT-07", EXAMPLE, SHARED,
    checks.each(_having("request_id"), "request_id", lambda value: CANONICAL.fullmatch(_uuid(value)) is not None, "8-4-4-4-12 lower-case hex digits"),
    depends_on="SUBMIT-06", section='Output: "019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"',
    demands="The UUID is canonical: 8-4-4-4-12, lower-case hex.")  # fmt: skip


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


def _continues(generation: Generation, second: Exchange) -> bool:
    """Whether the history of a generation does not begin again with a second submit."""
    before = {read.members.get("created_at") for read in generation.seen if read.finished <= second.started}
    after = {read.members.get("created_at") for read in generation.seen if read.started >= second.finished}
    return not before or not after or before == after


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
        for first, second in pairwise(by_id[generation.request_id]):
            # A body sent twice may be taken for one request (SUBMIT-15).
            same = checks.is_repetition(first, second) and _continues(generation, second)
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
        yield check(checks.is_absolute_url(url, trace.profile), exchange, "polling_url", "an absolute https URL", url)
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


def _held(first: Exchange, submit: Exchange, ordinary: float, rate: float) -> bool:
    """Whether the 202 came only when the generation was over, and not late for another reason, such as an image that had to be fetched.

    `rate`: seconds of the gateway's clock in one of ours.
    """
    slow = submit.latency >= max(SLOW_SUBMIT, SLOW_RATIO * ordinary)
    over = first.state in TERMINAL and first.started - submit.finished <= submit.latency
    took = [ended - begun for _, begun, ended in checks.stamps([first], "created_at", "completed_at")]
    return slow and over and all(seconds / rate >= submit.latency / 2 for seconds in took)


def _clock_moved(first: Exchange, submit: Exchange) -> bool:
    """Whether the submit moved the clock that only we move: work that takes longer ended immediately."""
    longest = first.started - submit.started + VIRTUAL_SLACK
    took = [ended - begun for _, begun, ended in checks.stamps([first], "created_at", "completed_at")]
    return first.state in TERMINAL and any(seconds > longest for seconds in took)


def _waits(trace: Trace) -> Iterator[tuple[Exchange, Exchange, bool]]:
    """The submits that can be judged, each with the first read of its generation, and whether it seems to have waited for the end."""
    reads = sorted((e.started, e.latency) for e in trace.operation("status") if e.status is not None)
    ordinary = median([latency for _, latency in reads] or [0.0])
    clock = fit_clock(trace.generations)
    rate = 1.0 if clock is None else clock.rate
    begun, ended = sorted(e.started for e in trace.exchanges), sorted(e.finished for e in trace.exchanges)
    for generation in trace.generations:
        submit, first = generation.submit, next(iter(generation.seen), None)
        if first is None:
            continue
        if trace.profile.virtual:
            yield submit, first, _clock_moved(first, submit)
            continue
        # Under our own load every response is slow. A gateway that stands still for a while delays the reads of that time, too:
        # a submit that is not alone is compared with the slowest of those that began in the first half of its time.
        span = slice(bisect_left(reads, (submit.started,)), bisect_left(reads, (submit.started + submit.latency / 2,)))
        meanwhile = [latency for _, latency in reads[span]]
        is_alone = bisect_left(begun, submit.finished) - bisect_right(ended, submit.started) <= 1
        if submit.request_size <= SMALL_BODY and (is_alone or len(meanwhile) >= FEWEST_READS):
            yield submit, first, _held(first, submit, ordinary if is_alone else max(meanwhile), rate)


def _held_kinds(trace: Trace) -> Iterator[tuple[Exchange, Exchange]]:
    """The submits of kinds whose response waits for the end by the gateway's clock, however busy it is, each with its first read."""
    clock = None if trace.profile.virtual else fit_clock(trace.generations)
    reads = [(e.started, e.latency) for e in trace.operation("status") if e.status is not None]
    held: dict[Exchange, tuple[Exchange, bool]] = {}
    for generation in trace.generations:
        submit, first = generation.submit, next(iter(generation.seen), None)
        if clock is None or first is None or submit.request_size > SMALL_BODY:
            continue
        if first.state not in TERMINAL:
            held[submit] = first, False
        for _, begun, ended in checks.stamps([first], "created_at", "completed_at") if first.state in TERMINAL else ():
            meanwhile = [took for at, took in reads if submit.started <= at <= submit.finished]
            slow = submit.latency >= max(SLOW_SUBMIT, HELD_RATIO * median(meanwhile or [0.0]))
            took = (ended - begun) / clock.rate
            over = clock.ours(ended) <= submit.finished + WORST_MISFIT and took >= submit.latency / 2
            if slow or not over:
                held[submit] = first, over
    for kind in {kind for submit in held for kind in _kinds(submit)}:
        mine = [submit for submit in held if kind in _kinds(submit)]
        others = [is_held for submit, (_, is_held) in held.items() if kind not in _kinds(submit)]
        if min(len(mine), len(others)) >= FEWEST_HELD and all(held[submit][1] for submit in mine):
            yield from ((submit, held[submit][0]) for submit in mine if sum(others) <= OTHERS_HELD * len(others))


@SUBMIT.clause("SUBMIT-14", IMPLIED, SHARED, depends_on="SUBMIT-03", section=ACCEPTED)
def submit_14(trace: Trace) -> Remarks:
    """Submit does not wait for generation."""
    judged = list(_waits(trace))
    by_kind: defaultdict[str, list[bool]] = defaultdict(list)
    for submit, _, held in judged:
        for kind in _kinds(submit):
            by_kind[kind].append(held)
    # One may have been slow by chance, but on a clock that we move: a gateway that waits does so for all submits of a kind.
    waiting = {kind for kind, same in by_kind.items() if len(same) > 1 and all(same)}
    surely = dict(_held_kinds(trace))
    for submit, first, held in judged:
        if held and (trace.profile.virtual or len(judged) == 1 or not waiting.isdisjoint(_kinds(submit))):
            surely[submit] = first
        elif submit not in surely:
            yield Evidence(submit)
    for submit, first in surely.items():
        got = f"after {submit.latency:.2f} s, {first.state} at once"
        yield Violation(submit, "response", "long before the generation ends", got)


def _kinds(submit: Exchange) -> list[str]:
    """What may decide how a submit is treated: operation, values except texts, how it gives an image and asks for callbacks."""
    image = ["image as data"] if str(submit.sent.get("first_frame_image")).startswith("data:") else []
    values = (
        f"{name} {value}" for name, value in submit.sent.items() if name == "resolution" or not isinstance(value, str)
    )
    return [submit.operation, *image, *values, *webhook_urls(submit)]


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
SUBMIT.row("SUBMIT-16", IMPLIED, FREE, partial(checks.answered, code=400), depends_on="BASE-02 BASE-03", core=True,
    section=BAD_REQUEST, demands="Malformed JSON is refused with 400.")
SUBMIT.row("SUBMIT-17", IMPLIED, FREE, partial(checks.answered, code=400), depends_on="BASE-02 BASE-03", core=True,
    section=BAD_REQUEST, demands="An empty body or a JSON value that is not an object is refused with 400.")
SUBMIT.row("SUBMIT-18", SILENT, FREE_IF_REFUSED, checks.as_meant, depends_on="BASE-02 T2V-PROMPT-01 T2V-BODY-02",
    section="silence", demands="Unknown members are either ignored or refused: pick up which.")
# fmt: on


T2V_TABLE = "Request Parameters - Generate Video Request"
I2V_TABLE = "Request Parameters - Generate Image To Video Request"
#: What the tables of the parameters say, as a section names it.
t2v_says, i2v_says = f'{T2V_TABLE}: "{{}}"'.format, f'{I2V_TABLE}: "{{}}"'.format

T2V = Group(depends_on="BASE-02")
#: A clause about a parameter, unless its row says otherwise: free if refused, judged by whether each request is treated as meant.
t2v = partial(T2V.row, cost=FREE_IF_REFUSED, check=checks.as_meant)

T2V_PROMPT = t2v_says("prompt | Yes | string | The narrative or scene description used to influence video generation.")
T2V_DUR = t2v_says("duration | No | number | Duration of the video in seconds.")
T2V_RES = t2v_says("resolution | No | string | Video resolution.")
T2V_PO = t2v_says("prompt_optimizer | No | boolean | Automatically refines prompt input for better video quality.")
T2V_FP = t2v_says("fast_pretreatment | No | boolean | Enable fast pretreatment for quicker processing.")
T2V_CB = t2v_says("callback_url | No | string | URL to receive callback notifications when video is ready.")
T2V_WM = t2v_says("aigc_watermark | No | boolean | Add AIGC watermark to the generated video.")
#: The clauses that explain why the end of an accepted request was not seen.
FOLLOWED = "BASE-02 BASE-04 AUTH-07 STATUS-02 SUBMIT-03 SUBMIT-10 FLOW-05"

# fmt: off
t2v("T2V-PROMPT-01", DOCUMENTED, core=True, section=T2V_PROMPT, demands="`prompt` is required: missing or null is 400.")
t2v("T2V-PROMPT-02", DOCUMENTED, section=T2V_PROMPT,
    demands="`prompt` is a string, with line breaks, quotes and any script: any other JSON type is 400.")
t2v("T2V-PROMPT-03", SILENT, section="silence", demands="Empty or blank prompt.")
t2v("T2V-PROMPT-04", SILENT, section=f'{T2V_TABLE}; {I2V_TABLE}: "maximum 2000 characters"',
    demands="Length limit: the T2V table gives none, the I2V table gives 2000.")
t2v("T2V-BODY-01", EXAMPLE, cost=SHARED, core=True, drift_fails=True, section="Request Code (Text to Video)",
    demands="The printed example body is accepted as is, and can complete: six members, a 665-character prompt containing a non-ASCII dash.")
t2v("T2V-BODY-02", DOCUMENTED, cost=FURTHER, core=True, section=f"{T2V_PROMPT}; {T2V_DUR}",
    demands="`prompt` alone is a complete request; every other member is optional.")
t2v("T2V-DUR-01", DOCUMENTED, section=T2V_DUR, demands="`duration` is a number: string, boolean, array are 400.")
t2v("T2V-DUR-02", SILENT, depends_on=FOLLOWED, section=T2V_DUR,
    demands="Admissible T2V durations are not stated (only 6 is shown; type is number, so fractions parse).")
t2v("T2V-RES-01", DOCUMENTED, section=T2V_RES, demands="`resolution` is a string: other JSON types are 400.")
t2v("T2V-RES-02", SILENT, depends_on=FOLLOWED, section=T2V_RES,
    demands="Admissible T2V resolutions and letter case are not stated (only `768P` is shown).")
t2v("T2V-PO-01", DOCUMENTED, section=T2V_PO,
    demands="`prompt_optimizer` is boolean: true and false are accepted, other types are 400. Its T2V default is not stated.")
t2v("T2V-FP-01", DOCUMENTED, section=T2V_FP,
    demands="`fast_pretreatment` is boolean: true and false are accepted, other types are 400.")
t2v("T2V-WM-01", DOCUMENTED, section=T2V_WM,
    demands="`aigc_watermark` is boolean: true and false are accepted, other types are 400.")
t2v("T2V-CB-01", DOCUMENTED, depends_on="BASE-02 T2V-BODY-02", section=T2V_CB,
    demands="`callback_url` is a string: a URL is accepted, other types are 400; treatment of a non-URL string is not stated.")
t2v("T2V-IMG-01", SILENT, depends_on="BASE-02 T2V-PROMPT-01 I2V-IMG-03", section="silence",
    demands="`first_frame_image` on the T2V operation is an undocumented member.")
# fmt: on


def _default(trace: Trace, _: str, member: str, value: object, check: checks.Measure) -> Remarks:
    """Downloads of image-to-video generations whose submit left out `member` are as if it had been `value`."""
    for generation in trace.generations:
        submit = generation.submit
        if submit.operation == "imageToVideo" and submit.sent and member not in submit.sent:
            for download in generation.downloads:
                yield from check(download, value, trace.profile)


def _way(trace: Trace, clause_id: str, is_way: Callable[[str], bool]) -> Remarks:
    """The requests sent for the clause are treated as meant, and at least one valid submit with such an image is accepted."""
    yield from checks.as_meant(trace, clause_id)
    valid = [e for e in trace.submits if e.operation == "imageToVideo" and e.intent == "accept" and e.request_body]
    such = [e for e in valid if is_way(str(e.sent.get("first_frame_image"))) and not checks.is_no_evidence(trace, e)]
    if such and not any(exchange.succeeded for exchange in such):
        yield from checks.one_of(such, [], "status code", "acceptance of an image in this form")


I2V = Group(depends_on="BASE-03")
i2v = partial(I2V.row, cost=FREE_IF_REFUSED, check=checks.as_meant)
#: The clauses that explain why a request with an image is refused: its route, and the two forms of the image.
IMAGES = "BASE-03 I2V-IMG-03 I2V-IMG-04"

# fmt: off
I2V_PROMPT = i2v_says("prompt | Yes | string | Video description, maximum 2000 characters.")
I2V_CAMERA = i2v_says("Supports 15+ camera movement instructions for professional video control.")
I2V_IMG = i2v_says("first_frame_image | Yes | string | Image URL to use as the starting frame. Supports public URLs or Base64 encoded Data URLs.")
I2V_IMG_RULES = i2v_says("Image requirements: JPG/JPEG/PNG/WebP, <20MB, short side >300px, aspect ratio 2:5 to 5:2.")
I2V_DUR = i2v_says("duration | No | integer | Default: 6. Video duration in seconds. Must be 6 or 10 seconds for MiniMax-Hailuo-2.3-Fast model.")
I2V_RES = i2v_says("""resolution | No | string | Default: "768P". Video resolution. Must be '768P' or '1080P' for MiniMax-Hailuo-2.3-Fast model.""")
I2V_PO = i2v_says("prompt_optimizer | No | boolean | Default: true. Automatically optimizes the prompt for better video quality.")
I2V_FP = i2v_says("fast_pretreatment | No | boolean | Default: false. Shortens prompt optimization time (only for MiniMax-Hailuo-2.3-Fast model).")
I2V_CB = i2v_says("callback_url | No | string | URL to receive task status update notifications.")
I2V_WM = i2v_says("aigc_watermark | No | boolean | Default: false. Whether to add AIGC watermark to the generated video.")

i2v("I2V-PROMPT-01", DOCUMENTED, core=True, section=I2V_PROMPT, demands="`prompt` is required.")
i2v("I2V-PROMPT-02", DOCUMENTED, depends_on=IMAGES, section=I2V_PROMPT,
    demands="`prompt` is a string, with line breaks, quotes and any script.")
i2v("I2V-PROMPT-03", DOCUMENTED, cost=FURTHER, depends_on=IMAGES, section=I2V_PROMPT,
    demands="A prompt of exactly 2000 characters is accepted.")
i2v("I2V-PROMPT-04", DOCUMENTED, core=True, section=I2V_PROMPT,
    demands="A prompt of 2001 characters is 400, however many bytes they have.")
i2v("I2V-PROMPT-05", IMPLIED, cost=FURTHER, depends_on="BASE-03 I2V-IMG-04 I2V-PROMPT-03", section=I2V_PROMPT,
    demands="The limit counts characters, neither bytes nor UTF-16 units: 2000 code points of three or four bytes pass.")
i2v("I2V-PROMPT-06", DOCUMENTED, cost=SHARED, depends_on=IMAGES, section=I2V_CAMERA,
    demands="Camera-movement syntax inside the prompt is accepted as text.")
i2v("I2V-IMG-01", DOCUMENTED, core=True, section=I2V_IMG, demands="`first_frame_image` is required.")
i2v("I2V-IMG-02", DOCUMENTED, section=I2V_IMG, demands="`first_frame_image` is a string.")
I2V.row("I2V-IMG-03", DOCUMENTED, SHARED, partial(_way, is_way=lambda image: not image.startswith("data:")), core=True, section=I2V_IMG,
    demands="A public image URL is accepted.")
I2V.row("I2V-IMG-04", DOCUMENTED, FURTHER, partial(_way, is_way=lambda image: image.startswith("data:")), core=True, section=I2V_IMG,
    demands="A Base64 data URL is accepted.")
i2v("I2V-IMG-05", IMPLIED, check=checks.AS_MEANT_LATER, section=I2V_IMG,
    demands="What is neither a public URL nor a Base64 data URL is refused: bare Base64, another payload, another scheme, a relative path.")
i2v("I2V-IMG-06", DOCUMENTED, cost=FURTHER, depends_on="BASE-03 I2V-IMG-04", section=I2V_IMG_RULES,
    demands="JPG, JPEG, PNG and WebP are each accepted.")
i2v("I2V-IMG-07", DOCUMENTED, check=checks.AS_MEANT_LATER, core=True, section=I2V_IMG_RULES,
    demands="Any other image format is refused, whatever its label says.")
i2v("I2V-IMG-08", DOCUMENTED, check=checks.AS_MEANT_LATER, depends_on="BASE-03 I2V-IMG-04", section=I2V_IMG_RULES,
    demands="Image size is strictly below 20 MB. Decimal or binary megabytes is not said: 20 MiB is refused, 19 MB accepted.")
i2v("I2V-IMG-09", DOCUMENTED, check=checks.AS_MEANT_LATER, section=I2V_IMG_RULES,
    demands="A short side of exactly 300 px is refused (strictly greater required).")
i2v("I2V-IMG-10", DOCUMENTED, cost=FURTHER, depends_on="BASE-03 I2V-IMG-04", section=I2V_IMG_RULES,
    demands="A short side of 301 px is accepted.")
i2v("I2V-IMG-11", DOCUMENTED, check=checks.AS_MEANT_LATER, section=I2V_IMG_RULES,
    demands="An aspect ratio outside 2:5 to 5:2 is refused.")
i2v("I2V-IMG-12", DOCUMENTED, cost=FURTHER, depends_on="BASE-03 I2V-IMG-04", section=I2V_IMG_RULES,
    demands="The end points 2:5 and 5:2 are themselves accepted (inclusive reading).")
i2v("I2V-IMG-13", SILENT, section="silence",
    depends_on="BASE-03 BASE-04 BASE-05 AUTH-07 STATUS-02 SUBMIT-03 I2V-IMG-03 FLOW-05",
    demands="What becomes of an unreachable or corrupt image: a refusal, FAILED, or COMPLETED.")
# fmt: on


@I2V.clause("I2V-IMG-14", IMPLIED, NOT_OUTSIDE, needs="receiver", section=I2V_IMG)
def i2v_img_14(trace: Trace) -> Remarks:
    """The gateway does not fetch from non-public addresses."""
    for exchange in trace.aimed("I2V-IMG-14"):
        source = exchange.sent.get("first_frame_image")
        fetches = [c for c in trace.callbacks if isinstance(source, str) and c.target == urlsplit(source).path]
        for fetch in fetches:
            yield Violation(fetch, "request to our address", "none: the address is not public", show(fetch.method))
        if not fetches and exchange.status not in checks.UNDECIDED:
            yield Evidence(exchange)


@I2V.clause("I2V-IMG-15", SILENT, FREE_IF_REFUSED, depends_on="BASE-03 I2V-IMG-07 I2V-IMG-08 I2V-IMG-09 I2V-IMG-11",
    section="silence")  # fmt: skip
def i2v_img_15(trace: Trace) -> Remarks:
    """Where image constraints bite: synchronous 400 or asynchronous FAILED."""
    for clause_id in ("I2V-IMG-07", "I2V-IMG-08", "I2V-IMG-09", "I2V-IMG-11"):
        for exchange in (e for e in trace.aimed(clause_id) if e.intent == "refuse"):
            generation = trace.generation(exchange.accepted_id)
            image = exchange.case.partition(" beside ")[0]  # what else the request has does not matter: see `BESIDE`
            if generation is not None and generation.outcome is not None:
                yield Observation(f"{image}: accepted, then {generation.outcome}", exchange)
            elif generation is None and exchange.status not in checks.UNDECIDED:
                yield Observation(f"{image}: refused at submit", exchange)


# fmt: off
i2v("I2V-DUR-01", DOCUMENTED, section=I2V_DUR, demands='`duration` is an integer: 6.5, 5.999, `"6"`, true are 400.')
i2v("I2V-DUR-02", DOCUMENTED, cost=FURTHER, depends_on=IMAGES, section=I2V_DUR, demands="6 and 10 are both accepted.")
i2v("I2V-DUR-03", DOCUMENTED, core=True, section=I2V_DUR, demands="Any other integer is 400.")
I2V.row("I2V-DUR-04", DOCUMENTED, SHARED, partial(_default, member="duration", value=6, check=checks.playing_time),
    depends_on="BASE-03 OUT-08 OUT-09", section=I2V_DUR, demands="Omitted `duration` means 6 seconds.")
i2v("I2V-RES-01", DOCUMENTED, cost=FURTHER, depends_on=IMAGES, section=I2V_RES,
    demands="`768P` and `1080P` are both accepted.")
i2v("I2V-RES-02", DOCUMENTED, core=True, section=I2V_RES,
    demands="Any other resolution string is 400, one in other letter case too.")
i2v("I2V-RES-03", DOCUMENTED, section=I2V_RES, demands="`resolution` is a string.")
I2V.row("I2V-RES-04", DOCUMENTED, SHARED, partial(_default, member="resolution", value="768P", check=checks.frame),
    depends_on="BASE-03 OUT-08 OUT-09", section=I2V_RES, demands="Omitted `resolution` means `768P`.")
i2v("I2V-COMBO-01", SILENT, section="silence",
    depends_on="BASE-03 BASE-04 BASE-05 AUTH-07 STATUS-02 SUBMIT-03 I2V-IMG-03 I2V-DUR-02 I2V-RES-01 FLOW-05",
    demands="1080P together with 10 s: the page is silent; other resellers of the same model family refuse it.")
i2v("I2V-PO-01", DOCUMENTED, depends_on=IMAGES, section=I2V_PO,
    demands="`prompt_optimizer` is boolean, default true: other types are 400.")
i2v("I2V-FP-01", DOCUMENTED, depends_on=IMAGES, section=I2V_FP,
    demands="`fast_pretreatment` is boolean, default false: other types are 400.")
i2v("I2V-FP-02", SILENT, depends_on="BASE-03 I2V-IMG-03", section=I2V_FP,
    demands="`fast_pretreatment: true` when the active variant is not the Fast one: ignored or refused? No member selects a variant.")
i2v("I2V-WM-01", DOCUMENTED, depends_on=IMAGES, section=I2V_WM,
    demands="`aigc_watermark` is boolean, default false: other types are 400.")
i2v("I2V-CB-01", DOCUMENTED, depends_on=IMAGES, section=I2V_CB,
    demands="`callback_url` is a string: a URL is accepted, other types are 400.")
i2v("I2V-MODEL-01", SILENT, depends_on="BASE-03 I2V-IMG-03", section=I2V_DUR,
    demands="No `model` member is documented although the constraints name a variant; sending one is an unknown member.")
# fmt: on
