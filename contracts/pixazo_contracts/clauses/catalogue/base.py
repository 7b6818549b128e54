"""BASE: where the API answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_contracts.clauses.checks import code_word
from pixazo_contracts.clauses.clause import Cost, Evidence, Observation, Strength, check, clause

if TYPE_CHECKING:
    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Trace


#: Codes by which a gateway says that it has no such route.
NO_ROUTE = frozenset({404, 405})

#: Accounts whose answers tell whether a route exists.
PLAIN_ACCOUNTS = frozenset({"", "default"})


def _routed(trace: Trace, *operations: str) -> Remarks:
    """At least one POST to the operations is answered by a route."""
    posts = [e for e in trace.submits if e.operation in operations and e.account in PLAIN_ACCOUNTS and e.status]
    if posts:
        served = [post for post in posts if post.status not in NO_ROUTE]
        path = " and ".join(operations)
        yield check(bool(served), (served or posts)[0], "status code", f"a route for {path}", str(posts[0].status))


@clause("BASE-01", section="Base URL", strength=Strength.DOCUMENTED, cost=Cost.FREE, core=True)
def base_01(trace: Trace) -> Remarks:
    """The model API is served over TLS at the documented gateway host, under the base path `/minimax-hailuo-ai/v1`."""
    yield from _routed(trace, "generate", "imageToVideo")
    for post in trace.submits[:1]:
        yield check(trace.profile.loopback or post.url.startswith("https:"), post, "url", "https", post.url)


@clause(
    "BASE-02",
    section="T: Request Code",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE,
    depends_on=("BASE-01",),
    core=True,
)
def base_02(trace: Trace) -> Remarks:
    """Text-to-video is submitted with POST to `{base}/generate`."""
    return _routed(trace, "generate")


@clause(
    "BASE-03",
    section="I: Request Code",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE,
    depends_on=("BASE-01",),
    core=True,
)
def base_03(trace: Trace) -> Remarks:
    """Image-to-video is submitted with POST to `{base}/imageToVideo`, camelCase as printed."""
    return _routed(trace, "imageToVideo")


@clause("BASE-04", section="Retrieving Results", strength=Strength.DOCUMENTED, cost=Cost.FREE, core=True)
def base_04(trace: Trace) -> Remarks:
    """Status is read with GET at `{origin}/v2/requests/status/{request_id}`: origin level, version 2, not below the model base."""
    reads = [read for generation in trace.generations for read in generation.reads if read.status is not None]
    if reads:
        found = [read for read in reads if read.status not in NO_ROUTE]
        yield check(bool(found), (found or reads)[0], "status code", "the status route", str(reads[0].status))
    for keyless in trace.operation("status"):
        if keyless.account == "" and keyless.status == 401:
            yield Evidence(keyless)


@clause(
    "BASE-05",
    section="Retrieving Results",
    strength=Strength.DOCUMENTED,
    cost=Cost.FURTHER,
    depends_on=("BASE-02", "BASE-03", "BASE-04", "AUTH-07", "SUBMIT-03"),
)
def base_05(trace: Trace) -> Remarks:
    """The status route is universal: one route resolves ids issued by either operation."""
    for operation in ("generate", "imageToVideo"):
        reads = [
            r
            for g in trace.generations
            if g.submit.operation == operation
            for r in g.reads
            if r.status not in {None, 429}
        ]
        if reads:
            found = [read for read in reads if read.succeeded]
            source = (found or reads)[0]
            yield check(bool(found), source, f"status code for an id of {operation}", "200", str(reads[0].status))


@clause("BASE-06", section="silence", strength=Strength.SILENT, cost=Cost.FREE_IF_REFUSED)
def base_06(trace: Trace) -> Remarks:
    """Submit paths take only POST and the status path only GET; any other method is refused without side effects."""
    for exchange in trace.aimed("BASE-06"):
        allow = exchange.header("allow")
        hint = f" allow {', '.join(sorted(allow.replace(' ', '').split(',')))}" if allow else ""
        yield Observation(f"{exchange.case}: {code_word(exchange)}{hint}", exchange)


@clause("BASE-07", section="silence", strength=Strength.SILENT, cost=Cost.FREE, depends_on=("HDR-04",))
def base_07(trace: Trace) -> Remarks:
    """Other letter case, trailing slash, doubled slash are not aliases; an unknown path is a JSON 404."""
    for exchange in trace.aimed("BASE-07"):
        body = "JSON" if exchange.members else "not a JSON object"
        yield Observation(f"{exchange.case}: {code_word(exchange)}, {body}", exchange)


@clause("BASE-08", section="silence", strength=Strength.SILENT, cost=Cost.FREE, needs=("tls",))
def base_08(trace: Trace) -> Remarks:
    """Plain HTTP is not a working alias of the API (refused or redirected, never processed)."""
    for exchange in trace.exchanges:
        if "BASE-08" in exchange.aims:
            word = exchange.error or code_word(exchange)
            yield Observation(f"{exchange.case}: {word}", exchange)
