"""WEBHOOK: callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pixazo_contracts.clauses.checks import PACKS, observed
from pixazo_contracts.clauses.clause import Cost, Evidence, Observation, Strength, Violation, check, clause
from pixazo_contracts.trace import MISSING, RANK, TERMINAL

from .headers import JSON_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Callback, Generation, Trace


ROOTS = ("SUBMIT-03", "WEBHOOK-01", "WEBHOOK-02")
STATES = ("STATUS-01", "STATUS-02")
PARTS = ("status", "model_id", "error", "output")
STAMPS = ("created_at", "completed_at")

#: Headers that HTTP itself puts on a request.
PLAIN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "transfer-encoding",
        "user-agent",
    }
)


def _with(trace: Trace, channel: str) -> Iterator[tuple[Generation, str]]:
    """Generations that were given a URL through that channel."""
    for generation in trace.generations:
        url = generation.webhook_urls.get(channel)
        if url is not None:
            yield generation, url


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _at(generation: Generation, url: str) -> list[Callback]:
    """The callbacks that reached this URL, its query aside."""
    return [callback for callback in generation.callbacks if urlsplit(callback.target).path == urlsplit(url).path]


def _status(callback: Callback) -> object:
    return callback.members.get("status", MISSING)


def _envelopes(trace: Trace) -> Iterator[tuple[Generation, Callback]]:
    """Callbacks to the header's URL that are JSON, challenges aside."""
    for generation, url in _with(trace, "header"):
        for callback in _at(generation, url):
            if callback.json is not MISSING and "challenge" not in callback.members:
                yield generation, callback


@clause(
    "WEBHOOK-01",
    section="Webhook (Optional)",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=("BASE-02", "T2V-BODY-01", "T2V-BODY-02"),
    core=True,
)
def webhook_01(trace: Trace) -> Remarks:
    """`X-Webhook-URL` on a submit is accepted (any header case) and leaves the 202 unchanged."""
    plain = [e for e in trace.acceptances if e.request_header("X-Webhook-URL") is None]
    for exchange in trace.aimed("WEBHOOK-01"):
        if exchange.succeeded or exchange.case not in PACKS:
            yield check(exchange.succeeded, exchange, "status code", "acceptance, 202", str(exchange.status))
        if exchange.succeeded and plain:
            same = set(exchange.members) == set(plain[0].members)
            got = ", ".join(sorted(exchange.members))
            yield check(same, exchange, "members of the 202", ", ".join(sorted(plain[0].members)), got)


@clause(
    "WEBHOOK-02",
    section="Webhook (Optional)",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=("WEBHOOK-01", "SUBMIT-10"),
    core=True,
)
def webhook_02(trace: Trace) -> Remarks:
    """The gateway sends an HTTP POST to exactly that URL, path and query kept."""
    for generation in trace.generations:
        targets = {_path(url) for url in generation.webhook_urls.values()}
        for callback in generation.callbacks:
            # A redirect that the gateway followed is WEBHOOK-17's business.
            if callback.target.startswith("/redirected/"):
                continue
            yield check(callback.method == "POST", callback, "method", "POST", callback.method)
            if targets:
                yield check(
                    callback.target in targets, callback, "target", " or ".join(sorted(targets)), callback.target
                )


def _called_back(trace: Trace, *outcomes: str) -> Remarks:
    """Generations with a header URL that ended so are called back about it."""
    for generation, url in _with(trace, "header"):
        if generation.outcome not in outcomes:
            continue
        arrived = [c for c in generation.callbacks if _status(c) not in {"QUEUED", "PROCESSING"}]
        if arrived:
            yield Evidence(arrived[0])
        elif trace.waited_since(generation.ends[0].finished):
            got = f"none within {trace.profile.settle:g} s of {generation.outcome}"
            yield Violation(generation.submit, "callback", f"one to {url}", got)


@clause(
    "WEBHOOK-03",
    section="Webhook; Workflow tip",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=(*ROOTS, *STATES),
    core=True,
)
def webhook_03(trace: Trace) -> Remarks:
    """The callback comes on COMPLETED, so that polling is unnecessary."""
    return _called_back(trace, "COMPLETED")


@clause(
    "WEBHOOK-04",
    section="Error via Status/Webhook",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=(
        *ROOTS,
        *STATES,
        "STATUS-04",
        "STATUS-05",
        "TIME-01",
        "TIME-03",
        "TIME-05",
        "FAIL-01",
        "FAIL-02",
        "OUT-01",
        "OUT-02",
        "OUT-03",
        "OUT-04",
        "OUT-05",
        "OUT-06",
        "OUT-12",
        "STATUS-14",
        "OUT-07",
    ),
    core=True,
)
def webhook_04(trace: Trace) -> Remarks:
    """The callback body is the status envelope of that state."""
    for generation, callback in _envelopes(trace):
        read = next((read for read in generation.ends if read.state == _status(callback)), None)
        for name in PARTS:
            # What a status answer lacks, too, is STATUS's or FAIL's business.
            holds = name in callback.members or (read is not None and name not in read.members)
            yield check(holds, callback, name, "present, as in a status answer", "absent")
        if read is None:
            continue
        for name in (*PARTS, *STAMPS):
            if name in callback.members and name in read.members:
                mine, shown = callback.members[name], read.members[name]
                yield check(mine == shown, callback, name, f"{shown!r} as in exchange {read.number}", mine)


@clause(
    "WEBHOOK-05",
    section="Error via Status/Webhook",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=(*ROOTS, "WEBHOOK-04"),
    core=True,
)
def webhook_05(trace: Trace) -> Remarks:
    """Its `request_id` is the one from the 202."""
    for generation, callback in _envelopes(trace):
        value = callback.members.get("request_id", MISSING)
        yield check(value == generation.request_id, callback, "request_id", generation.request_id, value)


@clause(
    "WEBHOOK-06",
    section="Webhook",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=(*ROOTS, *STATES, "WEBHOOK-04", "HDR-05", "FLOW-01", "FLOW-03", "FLOW-05"),
)
def webhook_06(trace: Trace) -> Remarks:
    """It is not early: a read started on receipt already shows that state."""
    for generation, callback in _envelopes(trace):
        told = _status(callback)
        if not isinstance(told, str) or told not in RANK:
            continue
        for read in [read for read in generation.seen if read.started >= callback.at][:3]:
            late_enough = RANK[str(read.state)] >= RANK[told]
            yield check(late_enough, read, "status", f"{told}, as called back before", read.state)


@clause(
    "WEBHOOK-07",
    section="Error via Status/Webhook",
    strength=Strength.DOCUMENTED,
    cost=Cost.ACCOUNT_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=(*ROOTS, *STATES, "WEBHOOK-03"),
    core=True,
)
def webhook_07(trace: Trace) -> Remarks:
    """FAILED and ERROR are called back too."""
    return _called_back(trace, "FAILED", "ERROR")


@clause(
    "WEBHOOK-08",
    section="Webhook (instead of polling)",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=("SUBMIT-03", "WEBHOOK-01", "BASE-04", "AUTH-07", "BASE-05"),
    core=True,
)
def webhook_08(trace: Trace) -> Remarks:
    """Polling keeps working for a request that has a callback."""
    plain = [g for g in trace.generations if not g.webhook_urls and g.reads]
    readable = any(read.succeeded for generation in plain for read in generation.reads)
    for generation, _ in _with(trace, "header"):
        reads = [read for read in generation.reads if read.status is not None and read.status != 429]
        if reads and (readable or not plain):
            found = [read for read in reads if read.succeeded]
            yield check(bool(found), (found or reads)[0], "status code", "200", str(reads[0].status))


@clause(
    "WEBHOOK-09",
    section="Webhook (Optional)",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=ROOTS,
)
def webhook_09(trace: Trace) -> Remarks:
    """Without the header nothing is called back."""
    for generation in trace.generations:
        if generation.webhook_urls or not generation.ends:
            continue
        # A callback about it went to somebody else's URL.
        stray = generation.callbacks
        if stray:
            yield Violation(stray[0], "callback", f"none for {generation.request_id}", stray[0].target)
        elif trace.waited_since(generation.ends[0].finished):
            yield Evidence(generation.submit)


@clause(
    "WEBHOOK-10",
    section="Webhook",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=ROOTS,
)
def webhook_10(trace: Trace) -> Remarks:
    """The callback is typed JSON."""
    for generation, url in _with(trace, "header"):
        for callback in _at(generation, url):
            content_type = callback.header("content-type") or "none"
            holds = JSON_TYPE.fullmatch(content_type) is not None
            yield check(holds, callback, "Content-Type", "application/json", content_type)


@clause(
    "WEBHOOK-11",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.SHARED_WITH_RECEIVER,
    depends_on=("WEBHOOK-01",),
    needs=("receiver",),
)
def webhook_11(trace: Trace) -> Remarks:
    """Retries after a non-2xx or a time-out: count, spacing, giving up."""
    for exchange in trace.aimed("WEBHOOK-11"):
        generation = trace.generation(exchange.accepted_id)
        url = generation.webhook_urls.get("header") if generation else None
        if generation is None or url is None:
            continue
        attempts = _at(generation, url)
        first = next((n for n, attempt in enumerate(attempts) if attempt.answered >= 500), None)
        if first is not None:
            again = len(attempts) > first + 1
            yield Observation("tried again after a 500" if again else "not tried again after a 500", exchange)


@clause(
    "WEBHOOK-12",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.SHARED_WITH_RECEIVER,
    depends_on=(
        "WEBHOOK-03",
        "WEBHOOK-04",
    ),
    needs=("receiver",),
)
def webhook_12(trace: Trace) -> Remarks:
    """Duplicates and order are not promised."""
    for generation, url in _with(trace, "header"):
        ends = [c for c in _at(generation, url) if _status(c) in TERMINAL]
        if ends and all(200 <= callback.answered < 300 for callback in ends):
            yield Observation("delivered once" if len(ends) == 1 else "delivered again after a 2xx", generation.submit)


@clause("WEBHOOK-13", section="silence", strength=Strength.SILENT, cost=Cost.SHARED_WITH_RECEIVER, needs=("receiver",))
def webhook_13(trace: Trace) -> Remarks:
    """No signature or secret is documented: record the headers that arrive."""
    names: set[str] = set()
    for _, callback in _envelopes(trace):
        names |= {name.lower() for name in callback.header_names} - PLAIN_HEADERS
    if any(True for _ in _envelopes(trace)):
        yield Observation(f"beside those of HTTP: {', '.join(sorted(names)) or 'none'}")


@clause(
    "WEBHOOK-14",
    section="security expectation",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    core=True,
)
def webhook_14(trace: Trace) -> Remarks:
    """The API key is not sent to the receiver."""
    if trace.header.key_searched:
        for callback in trace.callbacks:
            yield check(not callback.leaks, callback, ", ".join(callback.leaks), "no trace of the key", "the key")


@clause(
    "WEBHOOK-15",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=(
        "BASE-02",
        "WEBHOOK-01",
        "T2V-PROMPT-01",
    ),
)
def webhook_15(trace: Trace) -> Remarks:
    """An unusable `X-Webhook-URL` (not a URL, other scheme) is refused or ignored, never 5xx."""
    return observed(trace, "WEBHOOK-15")


def _ends_change(trace: Trace) -> bool:
    """Whether the ends of generations without a callback change, too (FLOW-03): then no receiver is to blame."""
    ends = [{read.state for read in g.ends} for g in trace.generations if not g.webhook_urls]
    return any(len(words) > 1 for words in ends)


@clause(
    "WEBHOOK-16",
    section="Webhook",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=(*ROOTS, *STATES),
)
def webhook_16(trace: Trace) -> Remarks:
    """A failing or slow receiver never changes the fate of the job."""
    if _ends_change(trace):
        return
    for exchange in trace.aimed("WEBHOOK-16"):
        generation = trace.generation(exchange.accepted_id)
        if generation is not None:
            for read in generation.ends:
                yield check(read.state == "COMPLETED", read, "status", "COMPLETED", read.state)


@clause("WEBHOOK-17", section="silence", strength=Strength.SILENT, cost=Cost.SHARED_WITH_RECEIVER, needs=("receiver",))
def webhook_17(trace: Trace) -> Remarks:
    """Redirects answered by the receiver are followed or not."""
    for exchange in trace.aimed("WEBHOOK-17"):
        generation = trace.generation(exchange.accepted_id)
        if generation is not None and generation.callbacks:
            followed = any(callback.target.startswith("/redirected/") for callback in generation.callbacks)
            yield Observation("a redirect is followed" if followed else "a redirect is not followed", exchange)


@clause(
    "WEBHOOK-18",
    section="I: Params vs T: Params vs Webhook",
    strength=Strength.SILENT,
    cost=Cost.SHARED_WITH_RECEIVER,
    depends_on=(
        "WEBHOOK-01",
        "WEBHOOK-02",
        "WEBHOOK-04",
        "WEBHOOK-19",
        "WEBHOOK-21",
        "STATUS-02",
    ),
    needs=("receiver",),
)
def webhook_18(trace: Trace) -> Remarks:
    """Progress events: one table says status updates, the other says when ready, the header text says instead of polling."""
    for channel in ("header", "member"):
        words = {
            str(_status(callback))
            for generation, url in _with(trace, channel)
            for callback in _at(generation, url)
            if _status(callback) in RANK
        }
        if words:
            running = words & {"QUEUED", "PROCESSING"}
            yield Observation(f"{channel}: {'progress too' if running else 'ends only'}")


@clause(
    "WEBHOOK-19",
    section="Params",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=("SUBMIT-03", *STATES),
)
def webhook_19(trace: Trace) -> Remarks:
    """`callback_url` in the body also produces callbacks; their shape is not shown."""
    for generation, url in _with(trace, "member"):
        if "header" in generation.webhook_urls or not generation.ends:
            continue
        arrived = _at(generation, url)
        if arrived:
            yield Evidence(arrived[0])
        elif trace.waited_since(generation.ends[0].finished):
            got = f"none within {trace.profile.settle:g} s of {generation.outcome}"
            yield Violation(generation.submit, "callback", f"one to {url}", got)


@clause(
    "WEBHOOK-20",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.SHARED_WITH_RECEIVER,
    depends_on=(
        "WEBHOOK-03",
        "WEBHOOK-19",
    ),
    needs=("receiver",),
)
def webhook_20(trace: Trace) -> Remarks:
    """Both given, different URLs: one or both called?"""
    for generation in trace.generations:
        urls = generation.webhook_urls
        if len(urls) > 1 and generation.ends and trace.waited_since(generation.ends[0].finished):
            called = [channel for channel, url in urls.items() if _at(generation, url)]
            yield Observation(f"both given, called: {', '.join(called) or 'neither'}", generation.submit)


@clause(
    "WEBHOOK-21",
    section="silence (upstream docs)",
    strength=Strength.SILENT,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
)
def webhook_21(trace: Trace) -> Remarks:
    """The upstream provider verifies its own `callback_url` by POSTing a `challenge` to be echoed within 3 s; whether the gateway passes that through is not said."""
    for generation, url in _with(trace, "member"):
        if generation.ends:
            challenged = any("challenge" in callback.members for callback in _at(generation, url))
            yield Observation("a challenge is sent" if challenged else "no challenge is sent", generation.submit)


@clause(
    "WEBHOOK-22",
    section="Response Fields (initial response only)",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED_WITH_RECEIVER,
    needs=("receiver",),
    depends_on=ROOTS,
)
def webhook_22(trace: Trace) -> Remarks:
    """`polling_url` is not in callbacks."""
    for _, callback in _envelopes(trace):
        url = callback.members.get("polling_url", MISSING)
        yield check(url is MISSING, callback, "polling_url", "absent", url)
