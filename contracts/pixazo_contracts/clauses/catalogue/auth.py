"""AUTH: the API key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_contracts.clauses.checks import answered, code_word
from pixazo_contracts.clauses.clause import Cost, Observation, Strength, check, clause
from pixazo_contracts.trace import Callback, Exchange

if TYPE_CHECKING:
    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Trace


#: Codes by which a gateway says that it has no such route.
NO_ROUTE = frozenset({404, 405})

ROUTES = ("BASE-02", "BASE-03", "BASE-04")


@clause(
    "AUTH-01",
    section="Authentication; Response Handling",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE,
    depends_on=("BASE-02", "BASE-03"),
    core=True,
)
def auth_01(trace: Trace) -> Remarks:
    """A submit without the `Ocp-Apim-Subscription-Key` header is refused with 401 and queues nothing."""
    return answered(trace.aimed("AUTH-01"), 401)


@clause(
    "AUTH-02",
    section="Authentication; Endpoint",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE,
    depends_on=("BASE-04",),
    core=True,
)
def auth_02(trace: Trace) -> Remarks:
    """A status read without the header is refused with 401."""
    return answered(trace.aimed("AUTH-02"), 401)


@clause(
    "AUTH-03",
    section="Response Handling (401)",
    strength=Strength.IMPLIED,
    cost=Cost.FREE,
    depends_on=ROUTES,
    core=True,
)
def auth_03(trace: Trace) -> Remarks:
    """An unknown key is refused with 401."""
    return answered(trace.aimed("AUTH-03"), 401)


@clause(
    "AUTH-04",
    section="Authentication (Required: Yes)",
    strength=Strength.IMPLIED,
    cost=Cost.FREE,
    depends_on=(*ROUTES, "AUTH-01", "AUTH-02"),
)
def auth_04(trace: Trace) -> Remarks:
    """An empty or blank key counts as missing: 401."""
    return answered(trace.aimed("AUTH-04"), 401)


@clause(
    "AUTH-05", section="Authentication", strength=Strength.IMPLIED, cost=Cost.FREE, depends_on=("BASE-04", "AUTH-07")
)
def auth_05(trace: Trace) -> Remarks:
    """The header name is matched without regard to letter case (HTTP semantics)."""
    for read in trace.aimed("AUTH-05"):
        where = f"status code ({read.case})"
        # A 403 may be what this gateway says of an id that is not the caller's: the key was found.
        yield check(read.status != 401, read, where, "the key to be found", str(read.status))


@clause(
    "AUTH-06",
    section="Authentication (passed via header)",
    strength=Strength.IMPLIED,
    cost=Cost.FREE,
    depends_on=("BASE-04", "AUTH-02"),
)
def auth_06(trace: Trace) -> Remarks:
    """The credential travels in that header only: a query parameter or a Bearer token does not authenticate."""
    return answered(trace.aimed("AUTH-06"), 401)


@clause(
    "AUTH-07",
    section="Auth table; Endpoint",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=("BASE-04", "SUBMIT-03"),
    core=True,
)
def auth_07(trace: Trace) -> Remarks:
    """One key serves both endpoints, although the samples name the placeholder differently on submit and on status."""
    for generation in trace.generations:
        for read in generation.reads:
            if read.status is not None and read.status != 404:
                yield check(
                    read.status not in {401, 403}, read, "status code", "the submitting key to do", str(read.status)
                )


@clause(
    "AUTH-08",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.FREE,
    depends_on=(
        "BASE-02",
        "AUTH-03",
    ),
)
def auth_08(trace: Trace) -> Remarks:
    """Authentication is decided before body validation and before the wallet."""
    for exchange in trace.aimed("AUTH-08"):
        if exchange.status in NO_ROUTE:
            continue
        yield Observation(f"{exchange.case}: {code_word(exchange)}", exchange)


@clause(
    "AUTH-09",
    section="Response Handling (403)",
    strength=Strength.DOCUMENTED,
    cost=Cost.ACCOUNT,
    needs=("account:suspended",),
    depends_on=("BASE-02",),
)
def auth_09(trace: Trace) -> Remarks:
    """403 is for a recognised caller that may not do this (suspended key, product not subscribed), never for a missing or unknown key."""
    yield from answered(trace.aimed("AUTH-09"), 403)
    for exchange in (*trace.aimed("AUTH-01"), *trace.aimed("AUTH-03")):
        yield check(exchange.status != 403, exchange, "status code", "401 for a missing or unknown key", "403")


@clause(
    "AUTH-10",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.ACCOUNT,
    depends_on=("BASE-04", "AUTH-07", "STATUS-10"),
    needs=("account:other",),
)
def auth_10(trace: Trace) -> Remarks:
    """A request belonging to another account cannot be read: 403 or 404, no envelope."""
    for read in trace.aimed("AUTH-10"):
        shown = "envelope shown" if "status" in read.members and read.succeeded else "no envelope"
        yield Observation(f"{read.status}, {shown}", read)


@clause("AUTH-11", section="security expectation", strength=Strength.IMPLIED, cost=Cost.FREE, core=True)
def auth_11(trace: Trace) -> Remarks:
    """The key is never echoed: not in a body, a header, `polling_url`, `media_url` or a callback."""
    if not trace.header.key_searched:
        return
    records: tuple[Exchange | Callback, ...] = (*trace.exchanges, *trace.callbacks)
    for record in records:
        # The headers of a callback are WEBHOOK-14's business.
        leaks = [place for place in record.leaks if isinstance(record, Exchange) or not place.startswith("header")]
        yield check(not leaks, record, ", ".join(leaks), "no trace of the key", "the key")


@clause(
    "AUTH-12",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.FREE,
    depends_on=(
        "AUTH-01",
        "AUTH-02",
        "AUTH-03",
        "HDR-04",
    ),
)
def auth_12(trace: Trace) -> Remarks:
    """What a 401 looks like: JSON members, `WWW-Authenticate` present or not."""
    for exchange in (*trace.aimed("AUTH-01"), *trace.aimed("AUTH-02"), *trace.aimed("AUTH-03")):
        if exchange.status == 401:
            members = ", ".join(sorted(exchange.members)) or "none"
            scheme = (exchange.header("www-authenticate") or "none").split(" ")[0]
            kind = "unknown key" if exchange.account == "unknown" else "no key"
            yield Observation(f"{kind}: members {members}, WWW-Authenticate {scheme}", exchange)
