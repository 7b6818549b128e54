"""HDR: request and response headers."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from pixazo_contracts.clauses.checks import accepted, observed
from pixazo_contracts.clauses.clause import Group, Violation, check
from pixazo_contracts.clauses.standing import DOCUMENTED, EXAMPLE, FREE, FREE_IF_REFUSED, IMPLIED, SHARED, SILENT
from pixazo_contracts.trace import TERMINAL, fit_clock, instant, is_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Exchange, GatewayClock, Generation, Trace

HDR = Group()

JSON_TYPE = re.compile(r"application/([\w.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)

#: Status codes that a server may send before the application sees the request.
SERVER_CODES = frozenset({404, 405, 408, 411, 413, 414, 431})

#: A read this many seconds after the change that still shows the older state is stale, not late.
STALE_AFTER = 0.25


# fmt: off
HDR.row("HDR-01", DOCUMENTED, SHARED, accepted, depends_on="BASE-02 T2V-BODY-01", core=True,
    section='Request Headers: "Content-Type application/json"',
    demands="A request body typed `application/json` is accepted, with or without a charset parameter.")
HDR.row("HDR-02", SILENT, FREE_IF_REFUSED, partial(observed, codes=True), depends_on="BASE-02", section="silence",
    demands="A body with another or no Content-Type is refused (400 or 415) and queues nothing.")
HDR.row("HDR-03", EXAMPLE, SHARED, accepted, depends_on="BASE-02 T2V-BODY-01",
    section='Request Headers: "Cache-Control no-cache"',
    demands="`Cache-Control: no-cache` on the request is accepted and is not required, though the header table lists it.")
# fmt: on


def _documented(trace: Trace) -> Iterator[Exchange]:
    """Exchanges on documented routes by documented methods that the application itself answered with a body."""
    for exchange in trace.exchanges:
        routed = exchange.is_submit or (exchange.operation == "status" and exchange.method == "GET")
        by_server = exchange.status in SERVER_CODES and not (exchange.operation == "status" and exchange.request_id)
        if routed and exchange.size and not by_server and "STATUS-11" not in exchange.aims:
            yield exchange


@HDR.clause("HDR-04", IMPLIED, FREE, depends_on="BASE-02 BASE-03 BASE-04", core=True,
    section="Output; Response; Error Responses")  # fmt: skip
def hdr_04(trace: Trace) -> Remarks:
    """Every response body, error or not, is a UTF-8 JSON object typed as JSON."""
    for exchange in _documented(trace):
        content_type = exchange.header("content-type") or "none"
        if not JSON_TYPE.fullmatch(content_type):
            yield Violation(exchange, "Content-Type", "application/json", content_type)
        else:
            yield check(
                is_object(exchange.json),
                exchange,
                "body",
                "a UTF-8 JSON object",
                exchange.body or f"{exchange.size} bytes",
            )


def _freshness(exchange: Exchange) -> Remarks:
    # RFC 9111: a cache may serve a response for as long as max-age says (section 5.2.2.1) unless no-store or no-cache
    # forbids it, and says with Age (section 5.1) for how long it has had the one that it serves.
    cache = (exchange.header("cache-control") or "").lower()
    fresh = re.search(r"(s-maxage|max-age)\s*=\s*\"?0*([1-9]\d*)", cache)
    unused = "no-store" in cache or "no-cache" in cache
    yield check(not fresh or unused, exchange, "Cache-Control", "no positive max-age", cache)
    age = exchange.header("age") or "0"
    yield check(age.strip("0 ") == "", exchange, "Age", "absent or 0", age)


def _stale(generation: Generation, clock: GatewayClock, margin: float) -> Remarks:
    ends = [instant(read.members.get("completed_at")) for read in generation.ends]
    completed = next((stamp for stamp in ends if stamp is not None), None)
    if completed is None:
        return
    changed = clock.ours(completed)
    for read in generation.seen:
        if read.state not in TERMINAL and read.started > changed + margin:
            got = f"{read.state}, {read.started - changed:.2f} s after completed_at"
            yield Violation(read, "status", str(generation.outcome), got)


@HDR.clause("HDR-05", IMPLIED, SHARED, core=True,
    depends_on="STATUS-01 STATUS-02 TIME-01 TIME-03 TIME-05 STATUS-12 FLOW-01 FLOW-03",
    section='Typical Workflow: "Poll every 5-10 seconds"')  # fmt: skip
def hdr_05(trace: Trace) -> Remarks:
    """Status answers are current: no cache in front serves an older state."""
    for read in trace.envelopes:
        yield from _freshness(read)
    clock = fit_clock(trace.generations)
    if clock is not None:
        for generation in trace.generations:
            yield from _stale(generation, clock, STALE_AFTER + (0 if trace.profile.loopback else trace.profile.pace))
