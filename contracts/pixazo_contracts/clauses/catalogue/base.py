"""BASE: where the API answers."""

from __future__ import annotations

from pixazo_contracts.clauses.checks import NO_ROUTE, body_word, code_word, noted, one_of
from pixazo_contracts.clauses.clause import Evidence, Group, Observation, Remarks, check
from pixazo_contracts.clauses.standing import DOCUMENTED, FREE, FREE_IF_REFUSED, FURTHER, SILENT
from pixazo_contracts.trace import Trace

BASE = Group()

#: Accounts whose responses show whether a route exists.
PLAIN_ACCOUNTS = frozenset({"", "default"})


def _routed(trace: Trace, *operations: str) -> Remarks:
    """At least one POST to the operations is answered by a route."""
    posts = [e for e in trace.submits if e.operation in operations and e.account in PLAIN_ACCOUNTS and e.status]
    served = [post for post in posts if post.status not in NO_ROUTE]
    return one_of(posts, served, "status code", f"a route for {' and '.join(operations)}")


@BASE.clause("BASE-01", DOCUMENTED, FREE, core=True,
    section='Base URL: "https://gateway.pixazo.ai/minimax-hailuo-ai/v1"')  # fmt: skip
def base_01(trace: Trace) -> Remarks:
    """The model API is served over TLS at the documented gateway host, under the base path `/minimax-hailuo-ai/v1`."""
    yield from _routed(trace, "generate", "imageToVideo")
    for post in trace.submits[:1]:
        yield check(trace.profile.loopback or post.url.startswith("https:"), post, "url", "https", post.url)


# fmt: off
BASE.row("BASE-02", DOCUMENTED, FREE, lambda trace, _: _routed(trace, "generate"), depends_on="BASE-01", core=True,
    section='Request Code (Text to Video): "POST https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate"',
    demands="Text-to-video is submitted with POST to `{base}/generate`.")
BASE.row("BASE-03", DOCUMENTED, FREE, lambda trace, _: _routed(trace, "imageToVideo"), depends_on="BASE-01", core=True,
    section='Request Code (Image to Video): "POST https://gateway.pixazo.ai/minimax-hailuo-ai/v1/imageToVideo"',
    demands="Image-to-video is submitted with POST to `{base}/imageToVideo`, camelCase as printed.")
# fmt: on


@BASE.clause("BASE-04", DOCUMENTED, FREE, core=True,
    section='Endpoint: "GET https://gateway.pixazo.ai/v2/requests/status/{request_id}"')  # fmt: skip
def base_04(trace: Trace) -> Remarks:
    """Status is read with GET at `{origin}/v2/requests/status/{request_id}`: origin level, version 2, not below the model base."""
    reads = [read for generation in trace.generations for read in generation.reads if read.status is not None]
    found = [read for read in reads if read.status not in NO_ROUTE]
    yield from one_of(reads, found, "status code", "the status route")
    for keyless in trace.operation("status"):
        if keyless.account == "" and keyless.status == 401:
            yield Evidence(keyless)


@BASE.clause("BASE-05", DOCUMENTED, FURTHER, depends_on="BASE-02 BASE-03 BASE-04 AUTH-07 SUBMIT-03",
    section='Retrieving Results: "Poll the universal status endpoint"')  # fmt: skip
def base_05(trace: Trace) -> Remarks:
    """The status route is universal: one route resolves ids issued by either operation."""
    for operation in ("generate", "imageToVideo"):
        generations = [generation for generation in trace.generations if generation.submit.operation == operation]
        reads = [read for generation in generations for read in generation.reads if read.status not in {None, 429}]
        found = [read for read in reads if read.succeeded]
        yield from one_of(reads, found, f"status code for an id of {operation}", "200")


@BASE.clause("BASE-06", SILENT, FREE_IF_REFUSED, section="silence")
def base_06(trace: Trace) -> Remarks:
    """Submit paths take only POST and the status path only GET; any other method is refused without side effects."""
    for exchange in trace.aimed("BASE-06"):
        allow = exchange.header("allow")
        hint = f" allow {', '.join(sorted(allow.replace(' ', '').split(',')))}" if allow else ""
        yield Observation(f"{exchange.case}: {code_word(exchange)}{hint}", exchange)


# fmt: off
BASE.row("BASE-07", SILENT, FREE, noted(lambda e: f"{e.case}: {code_word(e)}, {body_word(e)}"), depends_on="HDR-04",
    section="silence",
    demands="Other letter case, trailing slash, doubled slash are not aliases; an unknown path is a JSON 404.")
# fmt: on


@BASE.clause("BASE-08", SILENT, FREE, needs="tls", section="silence")
def base_08(trace: Trace) -> Remarks:
    """Plain HTTP is not a working alias of the API (refused or redirected, never processed)."""
    for exchange in trace.exchanges:
        if "BASE-08" in exchange.aims:
            word = exchange.error or code_word(exchange)
            yield Observation(f"{exchange.case}: {word}", exchange)
