"""BASE, AUTH, HDR: where the API answers, the API key, the headers of requests and responses."""

from __future__ import annotations

import re
from functools import partial
from itertools import chain

from pixazo_contracts.trace import TERMINAL, Exchange, GatewayClock, Generation, Trace, fit_clock, http_date, instant

from . import checks
from .clause import ACCOUNT, DOCUMENTED, EXAMPLE, FREE, FREE_IF_REFUSED, FURTHER, IMPLIED, SHARED, SILENT, Group
from .remarks import Evidence, Observation, Remarks, Violation, check, code_shown, code_word, member_names, plain, show

BASE = Group()
#: Accounts whose responses show whether a route exists.
PLAIN_ACCOUNTS = frozenset({"", "default"})


def _routed(trace: Trace, *operations: str) -> Remarks:
    """At least one POST to the operations is answered by a route."""
    posts = [post for post in trace.submits if post.operation in operations and post.status]
    served = [post for post in posts if post.account in PLAIN_ACCOUNTS and post.status not in checks.NO_ROUTE]
    spoiled = [post for post in posts if post.status in checks.NO_ROUTE]
    return checks.one_of(spoiled, served, "status code", f"a route for {' and '.join(operations)}")


@BASE.clause("BASE-01", DOCUMENTED, FREE, core=True,
    section='Base URL: "https://gateway.pixazo.ai/minimax-hailuo-ai/v1"')  # fmt: skip
def base_01(trace: Trace) -> Remarks:
    """The model API is served over TLS at the documented gateway host, under the base path `/minimax-hailuo-ai/v1`."""
    yield from _routed(trace, "generate", "imageToVideo")
    for post in trace.submits[:1]:
        yield check(trace.profile.loopback or post.url.startswith("https:"), post, "url", "https", post.url)


BASE.row("BASE-02", DOCUMENTED, FREE, lambda trace, _: _routed(trace, "generate"), depends_on="BASE-01", core=True,
    section='Request Code (Text to Video): "POST https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate"',
    demands="Text-to-video is submitted with POST to `{base}/generate`.")  # fmt: skip
BASE.row("BASE-03", DOCUMENTED, FREE, lambda trace, _: _routed(trace, "imageToVideo"), depends_on="BASE-01", core=True,
    section='Request Code (Image to Video): "POST https://gateway.pixazo.ai/minimax-hailuo-ai/v1/imageToVideo"',
    demands="Image-to-video is submitted with POST to `{base}/imageToVideo`, camelCase as printed.")  # fmt: skip


@BASE.clause("BASE-04", DOCUMENTED, FREE, core=True,
    section='Endpoint: "GET https://gateway.pixazo.ai/v2/requests/status/{request_id}"')  # fmt: skip
def base_04(trace: Trace) -> Remarks:
    """Status is read with GET at `{origin}/v2/requests/status/{request_id}`: origin level, version 2, not below the model base."""
    reads = [read for generation in trace.generations for read in generation.reads if read.status is not None]
    found = [read for read in reads if read.status not in checks.NO_ROUTE]
    spoiled = [read for read in trace.operation("status") if read.status in checks.NO_ROUTE] if reads else []
    yield from checks.one_of(spoiled, found, "status code", "the status route")
    for keyless in trace.operation("status"):
        if keyless.account == "" and keyless.status == 401:
            yield Evidence(keyless)


@BASE.clause("BASE-05", DOCUMENTED, FURTHER, depends_on="BASE-02 BASE-03 BASE-04 AUTH-07 SUBMIT-03",
    section='Retrieving Results: "Poll the universal status endpoint to check progress and retrieve results."')  # fmt: skip
def base_05(trace: Trace) -> Remarks:
    """The status route is universal: one route resolves ids issued by either operation."""
    for operation in ("generate", "imageToVideo"):
        generations = [generation for generation in trace.generations if generation.submit.operation == operation]
        reads = [read for generation in generations for read in generation.reads if read.status not in {None, 429}]
        found = [read for read in reads if read.succeeded]
        yield from checks.one_of(reads, found, f"status code for an id of {operation}", "200")


@BASE.clause("BASE-06", IMPLIED, FREE_IF_REFUSED, depends_on="BASE-02 BASE-03 BASE-04 SUBMIT-13",
    section="unacceptable to any caller: GET, HEAD or OPTIONS begins or ends anything")  # fmt: skip
def base_06(trace: Trace) -> Remarks:
    """GET, HEAD and OPTIONS on a submit path begin no work, and no other method on a status path ends what runs; what they get is observed."""
    for exchange in trace.aimed("BASE-06"):
        generation = trace.generation(exchange.url.rpartition("/")[2])
        if exchange.method in {"GET", "HEAD", "OPTIONS"}:
            yield from checks.begins_nothing(trace, exchange)
        if generation is not None:
            # These methods do not cause what happens to it after its end.
            seen = [
                read for read in generation.reads if not generation.ends or read.number <= generation.ends[0].number
            ]
            lost = next((read for read in seen if read.status in checks.NO_ROUTE), None)
            bad = lost or next((read for read in seen if read.state in TERMINAL and read.state != "COMPLETED"), None)
            got, related = "" if bad is None else bad.state or code_word(bad), generation.reads
            drifts = lost is None  # it may have failed for its own reasons
            yield check(bad is None, exchange, "status", "COMPLETED later", words=got, related=related, drifts=drifts)
        allow = sorted((exchange.header("allow") or "").replace(" ", "").split(","))
        hint = f" allow {', '.join(map(plain, allow))}" if any(allow) else ""
        if exchange.account == "default":
            yield Observation(f"{exchange.case}: {code_word(exchange)}{hint}", exchange)


BASE.row("BASE-07", SILENT, FREE, checks.noted(lambda e: f"{e.case}: {code_word(e)}, {'JSON' if e.members else 'not a JSON object'}"), depends_on="HDR-04",
    section="silence",
    demands="Other letter case, trailing slash, doubled slash are not aliases; an unknown path is a JSON 404.")  # fmt: skip
BASE.row("BASE-08", SILENT, FREE,
    lambda trace, clause_id: (
        Observation(f"{e.case}: {e.error or code_word(e)}", e) for e in trace.exchanges if clause_id in e.aims
    ),
    needs="tls", section="silence",
    demands="What becomes of plain HTTP: no connection, a redirect, a refusal, or an answer as over TLS.")  # fmt: skip


AUTH = Group()

#: The clauses that explain why no route answers.
ROUTES = "BASE-02 BASE-03 BASE-04"
UNAUTHORIZED = 'Response Handling: "401 | Unauthorized"'
KEY_ROW = 'Authentication: "Ocp-Apim-Subscription-Key | string | Yes | Your API subscription key"'
HEADER_REQUIRED = 'Authentication: "All requests require an API key passed via header."'


def _caller_refused(trace: Trace, clause_id: str, *, code: int, account: str) -> Remarks:
    """Requests sent for the clause are refused with the status code, and no POST of this account begins anything."""
    yield from checks.answered(trace, clause_id, code)
    for exchange in trace.exchanges:
        if exchange.method == "POST" and exchange.account == account and clause_id not in exchange.aims:
            yield from checks.begins_nothing(trace, exchange)


def _hidden(trace: Trace, account: str) -> Remarks:
    """No read of this account by a path that is only like the printed one shows work; that it shows nothing is no evidence of the printed one."""
    for read in trace.operation("other"):
        if read.method == "GET" and read.account == account and checks.shows_work(read):
            yield from checks.begins_nothing(trace, read)


# fmt: off
AUTH.row("AUTH-01", DOCUMENTED, FREE, partial(_caller_refused, code=401, account=""), depends_on="BASE-02 BASE-03", core=True,
    section=f"{HEADER_REQUIRED}; {UNAUTHORIZED}",
    demands="A submit without the `Ocp-Apim-Subscription-Key` header is refused with 401 and queues nothing, whatever its path.")
AUTH.row("AUTH-02", DOCUMENTED, FREE, lambda trace, clause_id: chain(checks.answered(trace, clause_id, 401), _hidden(trace, "")),
    depends_on="BASE-04", core=True,
    section=f"{HEADER_REQUIRED}; Endpoint",
    demands="A status read without the header is refused with 401, and shows nothing.")
AUTH.row("AUTH-03", IMPLIED, FREE,
    lambda trace, clause_id: chain(_caller_refused(trace, clause_id, code=401, account="unknown"), _hidden(trace, "unknown")),
    depends_on=ROUTES, core=True, section=UNAUTHORIZED,
    demands="An unknown key is refused with 401, however like a known one it is: in other letter case, shorter, longer, in quotation marks.")
AUTH.row("AUTH-04", IMPLIED, FREE, partial(checks.answered, code=401), depends_on=f"{ROUTES} AUTH-01 AUTH-02", section=KEY_ROW,
    demands="An empty or blank key counts as missing: 401.")
# fmt: on


@AUTH.clause("AUTH-05", IMPLIED, FREE, depends_on="BASE-04 AUTH-07", section=KEY_ROW)
def auth_05(trace: Trace) -> Remarks:
    """The header name is matched without regard to letter case (HTTP semantics)."""
    printed: dict[str, Exchange] = {}
    for exchange in trace.aimed("AUTH-05", unanswered=True):
        if exchange.placement == "header" and exchange.status is not None:
            printed[exchange.operation] = exchange
        elif (like := printed.get(exchange.operation)) is not None:
            expected, where = f"{like.status}, as with the header as printed", f"status code ({exchange.case})"
            same = exchange.status == like.status
            yield check(same, exchange, where, expected, words=code_shown(exchange), related=(like,))


AUTH.row("AUTH-06", IMPLIED, FREE, partial(checks.answered, code=401), depends_on="BASE-04 AUTH-02", needs="risk:query-key",
    section=HEADER_REQUIRED,
    demands="The credential travels in that header only: a query parameter or a Bearer token does not authenticate.")  # fmt: skip


@AUTH.clause("AUTH-07", IMPLIED, SHARED, depends_on="BASE-04 SUBMIT-03", core=True,
    section='Authentication; Endpoint: "Ocp-Apim-Subscription-Key: YOUR_API_KEY"')  # fmt: skip
def auth_07(trace: Trace) -> Remarks:
    """One key serves both endpoints, although the samples name the placeholder differently on submit and on status."""
    for generation in trace.generations:
        for read in generation.reads:
            if read.status is not None and read.status != 404:
                holds = read.status not in {401, 403}
                yield check(holds, read, "status code", "acceptance of the submitting key", read.status)


AUTH.row("AUTH-08", SILENT, FREE, checks.noted(lambda e: f"{e.case}: {code_word(e)}", unless=checks.NO_ROUTE),
    depends_on="BASE-02 AUTH-03", section="silence",
    demands="Authentication is decided before body validation and before the wallet.")  # fmt: skip


@AUTH.clause("AUTH-09", DOCUMENTED, ACCOUNT, depends_on="BASE-02", needs="account:suspended",
    section='Response Handling: "403 | Forbidden"')  # fmt: skip
def auth_09(trace: Trace) -> Remarks:
    """403 is for a recognised caller that may not do this (suspended key, product not subscribed), never for a missing or unknown key."""
    yield from _caller_refused(trace, "AUTH-09", code=403, account="suspended")
    for exchange in (*trace.aimed("AUTH-01"), *trace.aimed("AUTH-03")):
        yield check(exchange.status != 403, exchange, "status code", "401 for a missing or unknown key", 403)


#: The beginning of a prompt is quoted if a text has this many of its characters.
QUOTED = 16
#: A state as the gateway writes it. A refusal may say ERROR of itself, and FAILED of authentication.
SHOWN_STATE = re.compile(r"\b(QUEUED|PROCESSING|COMPLETED)\b")


@AUTH.clause("AUTH-10", IMPLIED, ACCOUNT, depends_on="BASE-04 AUTH-07 STATUS-10", needs="account:other",
    section="unacceptable to any caller: another account reads my request")  # fmt: skip
def auth_10(trace: Trace) -> Remarks:
    """A request of another account is not shown, neither while it runs nor when it has ended; which 4xx is observed."""
    # A refusal may list all states, or name a page about them, whatever the id.
    of_nobody = [e.body or "" for e in trace.exchanges if e.account == "other" and e.case == "id of nobody"]
    usual = {state for body in of_nobody for state in SHOWN_STATE.findall(body)}
    for read in trace.aimed("AUTH-10"):
        generation, body = trace.generation(str(read.request_id)), read.body or ""
        told = not usual.issuperset(SHOWN_STATE.findall(body))
        if generation is not None:
            prompt = str(generation.submit.sent.get("prompt"))
            told = told or (len(prompt) >= QUOTED and prompt[:QUOTED] in body)
            told = told or any(download.url in body for download in generation.downloads)
        work, got = told or checks.shows_work(read), f"{read.status}: {show(read.body)}"
        yield check(not (work or read.succeeded), read, "response", "a refusal", words=got, drifts=not work)
        if read.method == "GET":
            yield Observation(code_shown(read), read)
    yield from _hidden(trace, "other")


@AUTH.clause("AUTH-11", IMPLIED, FREE, core=True, section="security expectation")
def auth_11(trace: Trace) -> Remarks:
    """The key is never echoed: not in a body, a header, `polling_url`, `media_url` or a callback."""
    for exchange in trace.exchanges:
        # A refusal may quote a key that is not real; those of the role `near` are made from a real one.
        if exchange.status is not None and not exchange.account.startswith("near"):
            yield checks.no_key(trace, exchange, exchange.leaks)
    for callback in trace.callbacks:
        # The headers of a callback are judged by WEBHOOK-14.
        yield checks.no_key(trace, callback, [place for place in callback.leaks if not place.startswith("header")])


@AUTH.clause("AUTH-12", SILENT, FREE, depends_on="AUTH-01 AUTH-02 AUTH-03 HDR-04", section="silence")
def auth_12(trace: Trace) -> Remarks:
    """What a 401 looks like: JSON members, `WWW-Authenticate` present or not."""
    for exchange in (*trace.aimed("AUTH-01"), *trace.aimed("AUTH-02"), *trace.aimed("AUTH-03")):
        if exchange.status == 401:
            challenge = exchange.header("www-authenticate")
            scheme = "none" if challenge is None else plain(challenge.partition(" ")[0])
            kind = "unknown key" if exchange.account == "unknown" else "no key"
            yield Observation(f"{kind}: members {member_names(exchange)}, WWW-Authenticate {scheme}", exchange)


HDR = Group()

#: Status codes that a server may send before the application sees the request, or for an id that it does not know (STATUS-10).
SERVER_CODES = frozenset({404, 405, 408, 411, 413, 414, 431})
#: A read this many seconds after the change that still shows the older state is stale, not late.
STALE_AFTER = 0.25


# fmt: off
HDR.row("HDR-01", DOCUMENTED, SHARED, checks.accepted, depends_on="BASE-02 BASE-03 T2V-BODY-01 I2V-IMG-03", core=True,
    section='Request Headers: "Content-Type | application/json"',
    demands="A request body typed `application/json` is accepted, with or without a charset parameter.")
HDR.row("HDR-02", SILENT, FREE_IF_REFUSED, partial(checks.observed, codes=True), depends_on="BASE-02", section="silence",
    demands="A body with another or no Content-Type is refused (400 or 415) and queues nothing.")
HDR.row("HDR-03", EXAMPLE, SHARED, checks.accepted, depends_on="BASE-02 BASE-03 T2V-BODY-01 I2V-IMG-03",
    section='Request Headers: "Cache-Control | no-cache"',
    demands="`Cache-Control: no-cache` on the request is accepted and is not required, though the header table lists it.")
# fmt: on


@HDR.clause("HDR-04", IMPLIED, FREE, depends_on="BASE-02 BASE-03 BASE-04", core=True,
    section="Output; Queue System Errors")  # fmt: skip
def hdr_04(trace: Trace) -> Remarks:
    """Every 2xx and every printed error is a UTF-8 JSON object, typed as JSON, each member once; so is any other 4xx with a body."""
    # Not validation errors: the page announces them but prints none, so ERR-ENV-02 observes them. Nor errors without a body,
    # or server errors: the page prints a body only for an empty wallet and an unknown model.
    for exchange in trace.exchanges:
        status, submits = exchange.status or 0, exchange.is_submit
        routed = submits or (exchange.operation == "status" and exchange.method == "GET")
        model = status == 400 and exchange.account == "disabled"
        excused = status in SERVER_CODES or status >= 500 or (submits and status == 400 and not model)
        printed = exchange.size or exchange.succeeded or status == 402 or model
        if routed and printed and not excused and "STATUS-11" not in exchange.aims:
            yield from checks.is_json(exchange)


def _stale(generation: Generation, clock: GatewayClock, margin: float) -> Remarks:
    """No read that began this long after the end, by the gateway's own clock, shows an older state."""
    ends = (instant(read.members.get("completed_at")) for read in generation.ends)
    for changed in [clock.ours(stamp) for stamp in ends if stamp is not None][:1]:
        for read in generation.seen:
            if read.state not in TERMINAL and read.started > changed + margin:
                got = f"{read.state}, {read.started - changed:.2f} s after completed_at"
                yield Violation(read, "status", str(generation.outcome), got, generation.ends[:1])


@HDR.clause("HDR-05", IMPLIED, SHARED, core=True,
    depends_on="STATUS-01 STATUS-02 TIME-01 TIME-03 TIME-05 STATUS-12 FLOW-01 FLOW-03",
    section='Typical Workflow: "Poll every 5-10 seconds: GET /v2/requests/status/{request_id}"')  # fmt: skip
def hdr_05(trace: Trace) -> Remarks:
    """Status answers are current: no cache in front serves an older state."""
    # RFC 9111: a cache may serve a response for as long as max-age says (section 5.2.2.1) unless no-store or no-cache
    # forbids it, and says with Age (section 5.1) for how long it has had the one that it serves.
    for read in trace.envelopes:
        cache, age = (read.header("cache-control") or "").lower(), read.header("age") or "0"
        fresh = re.search(r"(s-maxage|max-age)\s*=\s*\"?0*([1-9]\d*)", cache)
        unused = "no-store" in cache or "no-cache" in cache
        yield check(not fresh or unused, read, "Cache-Control", "no positive max-age", cache)
        # Without it Expires says until when (section 5.3). A server may note the Date a second before the application.
        until, date = http_date(read.header("expires")), http_date(read.header("date"))
        ahead = until is not None and date is not None and until - date > 1
        late = ahead and not unused and "max-age" not in cache
        yield check(not late, read, "Expires", "not after the Date", read.header("expires"))
        yield check(age.strip("0 ") == "", read, "Age", "absent or 0", age)
    clock = fit_clock(trace.generations)
    if clock is not None:
        margin = STALE_AFTER + (0 if trace.profile.loopback else trace.profile.pace)
        for generation in trace.generations:
            yield from _stale(generation, clock, margin)
