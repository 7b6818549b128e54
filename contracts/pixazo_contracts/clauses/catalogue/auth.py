"""AUTH: the API key."""

from __future__ import annotations

from pixazo_contracts.clauses.checks import NO_ROUTE, answered, code_word, has_code, member_names, no_key
from pixazo_contracts.clauses.clause import Group, Observation, Remarks, check
from pixazo_contracts.clauses.standing import ACCOUNT, DOCUMENTED, FREE, IMPLIED, SHARED, SILENT
from pixazo_contracts.trace import Callback, Exchange, Trace

AUTH = Group()

ROUTES = "BASE-02 BASE-03 BASE-04"
HEADER_REQUIRED = 'Authentication: "All requests require an API key passed via header."'


# fmt: off
AUTH.row("AUTH-01", DOCUMENTED, FREE, answered(401), depends_on="BASE-02 BASE-03", core=True,
    section=f'{HEADER_REQUIRED}; Response Handling: "401 Unauthorized"',
    demands="A submit without the `Ocp-Apim-Subscription-Key` header is refused with 401 and queues nothing.")
AUTH.row("AUTH-02", DOCUMENTED, FREE, answered(401), depends_on="BASE-04", core=True,
    section=f"{HEADER_REQUIRED}; Endpoint",
    demands="A status read without the header is refused with 401.")
AUTH.row("AUTH-03", IMPLIED, FREE, answered(401), depends_on=ROUTES, core=True,
    section='Response Handling: "401 Unauthorized"',
    demands="An unknown key is refused with 401.")
AUTH.row("AUTH-04", IMPLIED, FREE, answered(401), depends_on=f"{ROUTES} AUTH-01 AUTH-02",
    section='Authentication: "Yes Your API subscription key"',
    demands="An empty or blank key counts as missing: 401.")
# fmt: on


@AUTH.clause(
    "AUTH-05", IMPLIED, FREE, depends_on="BASE-04 AUTH-07", section='Authentication: "Ocp-Apim-Subscription-Key"'
)
def auth_05(trace: Trace) -> Remarks:
    """The header name is matched without regard to letter case (HTTP semantics)."""
    for read in trace.aimed("AUTH-05"):
        # A 403 may be what this gateway says of an id that is not the caller's: the key was found.
        where = f"status code ({read.case})"
        yield check(read.status != 401, read, where, "the key to be found", str(read.status))


# fmt: off
AUTH.row("AUTH-06", IMPLIED, FREE, answered(401), depends_on="BASE-04 AUTH-02",
    section='Authentication: "passed via header"',
    demands="The credential travels in that header only: a query parameter or a Bearer token does not authenticate.")
# fmt: on


@AUTH.clause("AUTH-07", IMPLIED, SHARED, depends_on="BASE-04 SUBMIT-03", core=True,
    section='Authentication; Endpoint: "Ocp-Apim-Subscription-Key: YOUR_API_KEY"')  # fmt: skip
def auth_07(trace: Trace) -> Remarks:
    """One key serves both endpoints, although the samples name the placeholder differently on submit and on status."""
    for generation in trace.generations:
        for read in generation.reads:
            if read.status is not None and read.status != 404:
                holds = read.status not in {401, 403}
                yield check(holds, read, "status code", "the submitting key to do", str(read.status))


@AUTH.clause("AUTH-08", SILENT, FREE, depends_on="BASE-02 AUTH-03", section="silence")
def auth_08(trace: Trace) -> Remarks:
    """Authentication is decided before body validation and before the wallet."""
    for exchange in trace.aimed("AUTH-08"):
        if exchange.status not in NO_ROUTE:
            yield Observation(f"{exchange.case}: {code_word(exchange)}", exchange)


@AUTH.clause("AUTH-09", DOCUMENTED, ACCOUNT, depends_on="BASE-02", needs="account:suspended",
    section='Response Handling: "403 Forbidden"')  # fmt: skip
def auth_09(trace: Trace) -> Remarks:
    """403 is for a recognised caller that may not do this (suspended key, product not subscribed), never for a missing or unknown key."""
    for exchange in trace.aimed("AUTH-09"):
        yield has_code(exchange, 403)
    for exchange in (*trace.aimed("AUTH-01"), *trace.aimed("AUTH-03")):
        yield check(exchange.status != 403, exchange, "status code", "401 for a missing or unknown key", "403")


@AUTH.clause(
    "AUTH-10", SILENT, ACCOUNT, depends_on="BASE-04 AUTH-07 STATUS-10", needs="account:other", section="silence"
)
def auth_10(trace: Trace) -> Remarks:
    """A request belonging to another account cannot be read: 403 or 404, no envelope."""
    for read in trace.aimed("AUTH-10"):
        shown = "envelope shown" if "status" in read.members and read.succeeded else "no envelope"
        yield Observation(f"{read.status}, {shown}", read)


@AUTH.clause("AUTH-11", IMPLIED, FREE, core=True, section="security expectation")
def auth_11(trace: Trace) -> Remarks:
    """The key is never echoed: not in a body, a header, `polling_url`, `media_url` or a callback."""
    if not trace.header.key_searched:
        return
    records: tuple[Exchange | Callback, ...] = (*trace.exchanges, *trace.callbacks)
    for record in records:
        # The headers of a callback are judged by WEBHOOK-14.
        yield no_key(record, [p for p in record.leaks if isinstance(record, Exchange) or not p.startswith("header")])


@AUTH.clause("AUTH-12", SILENT, FREE, depends_on="AUTH-01 AUTH-02 AUTH-03 HDR-04", section="silence")
def auth_12(trace: Trace) -> Remarks:
    """What a 401 looks like: JSON members, `WWW-Authenticate` present or not."""
    for exchange in (*trace.aimed("AUTH-01"), *trace.aimed("AUTH-02"), *trace.aimed("AUTH-03")):
        if exchange.status == 401:
            scheme = (exchange.header("www-authenticate") or "none").split(" ")[0]
            kind = "unknown key" if exchange.account == "unknown" else "no key"
            yield Observation(f"{kind}: members {member_names(exchange)}, WWW-Authenticate {scheme}", exchange)
