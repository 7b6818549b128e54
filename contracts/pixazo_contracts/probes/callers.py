"""Probes of callers: routes, methods, keys and ids; accounts in a special state, or with funds for a certain number of generations."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from pixazo_contracts.trace import MODEL_BASE, STATUS_BASE, Exchange, Intent, whole_number

from .conversation import (
    LATER_POLLS,
    PRINTED,
    PRINTED_HEADERS,
    PROMPT,
    About,
    AwaitCallbacks,
    Conversation,
    Headers,
    Pause,
    Placement,
    Probe,
    ReceiverUrl,
    RunContext,
    Send,
    Together,
    download,
    encode,
    ordinary,
    poll,
    probe,
    read,
    strangers,
    submit,
    unknown_id,
    valid_body,
    webhook_headers,
)
from .families import RULES

OPERATIONS: Final = ("generate", "imageToVideo")


def _valid(
    account: str,
    case: str,
    *aims: str,
    intent: Intent = "any",
    operation: str = "generate",
    headers: Headers = PRINTED_HEADERS,
    **changes: object,
) -> Send:
    """A valid submit: only the account, and what it has, gives a reason to refuse it."""
    body = valid_body(operation, case, **changes)
    return submit(operation, body, case=case, aims=aims, intent=intent, account=account, headers=headers)


def _submits(account: str, aim: str, case: str, *feeds: str) -> Probe:
    """A valid submit to both operations with a key that must be refused, with a webhook if callbacks can reach us."""
    name = "keyless submits" if account == "" else f"{case}, submits"

    @probe(name, *feeds, worst=1)
    def submits(context: RunContext) -> Conversation[None]:
        for operation in OPERATIONS:
            headers = yield from webhook_headers(context, ReceiverUrl(f"{aim}-{operation}"))
            yield from _valid(account, case, aim, operation=operation, intent="refuse", headers=headers)

    return submits


@probe("keyless reads", "BASE-04", "AUTH-02", "AUTH-03", "AUTH-04", "AUTH-12", "HDR-04")
def _keyless_reads(context: RunContext) -> Conversation[None]:
    """Reads of an id of nobody without a key, with an unknown and with a blank one."""
    accounts = {"no key": ("", "AUTH-02"), "unknown key": ("unknown", "AUTH-03"), "blank key": ("blank", "AUTH-04")}
    for case, (account, aim) in accounts.items():
        yield from read(unknown_id(context.run, case), case=case, aims=(aim,), account=account)


#: Invalid spellings of a key by the names of their cases: see `Send`.
NEAR: Final = {
    "letter case of the key": "near.case",
    "key without its end": "near.short",
    "last character of the key": "near.end",
    "longer key": "near.long",
    "key in quotation marks": "near.quoted",
}


@probe("keys almost like ours", "AUTH-03", worst=1)
def _near(context: RunContext) -> Conversation[None]:
    for case, account in NEAR.items():
        yield from read(unknown_id(context.run, account), case=case, aims=("AUTH-03",), account=account)
    for case, account in NEAR.items():  # a submit that is accepted by mistake may end the probe
        for operation in OPERATIONS:
            yield from _valid(account, case, "AUTH-03", operation=operation, intent="refuse")


#: The places of a key by the names of their cases.
HEADERS: Final[dict[str, Placement]] = {
    "header as printed": "header",
    "header in lower case": "lower-case",
    "header in upper case": "upper-case",
}
ELSEWHERE: Final[dict[str, Placement]] = {"key as query parameter": "query", "key as Bearer token": "bearer"}


@probe("header in another letter case", "AUTH-05", "AUTH-11", worst=1)
def _letter_cases(context: RunContext) -> Conversation[None]:
    for case, placement in HEADERS.items():
        about: About = {"aims": ("AUTH-05",), "intent": "refuse", "placement": placement}
        yield from read(unknown_id(context.run, "placement"), case=case, aims=("AUTH-05",), placement=placement)
        for operation in OPERATIONS:
            yield from submit(operation, b"{", case=f"{case}, malformed", **about)


@probe("key elsewhere", "AUTH-06", "AUTH-11", needs={"risk:query-key"})
def _elsewhere(context: RunContext) -> Conversation[None]:
    for case, placement in ELSEWHERE.items():
        yield from read(unknown_id(context.run, "placement"), case=case, aims=("AUTH-06",), placement=placement)


def _method(method: str, url: str, what: str, body: bytes | None = None, headers: Headers = PRINTED_HEADERS) -> Send:
    """A request with a method that the path does not have."""
    case, headers = f"{method} {what}", headers if body is not None else ()
    about: About = {"aims": ("BASE-06",), "intent": "refuse"}
    return Send(operation="other", method=method, url=url, case=case, headers=headers, body=body, **about)


@probe("methods", "BASE-06", worst=1)
def _methods(context: RunContext) -> Conversation[None]:
    for operation in OPERATIONS:
        url, body = f"{MODEL_BASE}/{operation}", encode(valid_body(operation, "methods"))
        headers = yield from webhook_headers(context, ReceiverUrl(f"methods-{operation}"))
        query = f"{url}?prompt=A+paper+boat&duration=6&resolution=768P"
        # A gateway may answer a browser's preflight request with a 2xx, which would be counted as a generation.
        for method in ("GET", "HEAD") if context.limited else ("GET", "HEAD", "OPTIONS"):
            yield from _method(method, query, operation, body, headers)
        yield from _method("PUT", url, operation, body)
        yield from _method("DELETE", url, operation)
    yield from _method("POST", f"{STATUS_BASE}{unknown_id(context.run, 'methods')}", "status", b"{}")


@probe("methods while it runs", "BASE-06", cost=1)
def _methods_meanwhile(context: RunContext) -> Conversation[None]:
    accepted = yield from submit("generate", valid_body("generate", "methods"), case="methods", intent="accept")
    if accepted.accepted_id is not None:
        url = f"{STATUS_BASE}{accepted.accepted_id}"
        for account in () if context.limited else strangers(context):
            yield from replace(_method("DELETE", url, f"status, {account or 'no'} key"), account=account)
        for method in ("HEAD", "PUT", "DELETE", "POST"):
            yield from _method(method, url, "own status", b"{}" if method in {"PUT", "POST"} else None)
        yield from poll(context, accepted)


#: Paths that look like the documented one, by the names of their cases.
ALIASES: Final = {
    "other letter case": f"{MODEL_BASE}/Generate",
    "trailing slash": f"{MODEL_BASE}/generate/",
    "doubled slash": "/minimax-hailuo-ai//v1/generate",
    "unknown path": f"{MODEL_BASE}/no-such-operation",
}


@probe("aliases", "BASE-07", worst=1)
def _aliases(_: RunContext) -> Conversation[None]:
    body = {"prompt": PROMPT}
    for case, url in ALIASES.items():
        yield from submit("other", body, case=case, aims=("BASE-07",), intent="refuse", account="", url=url)


@probe("plain HTTP", "BASE-08", needs={"tls"})
def _plain_http(context: RunContext) -> Conversation[None]:
    host = urlsplit(context.profile.origin).hostname
    url = f"http://{host}{STATUS_BASE}{unknown_id(context.run, 'plain')}"
    yield from Send(operation="other", url=url, case="plain HTTP", aims=("BASE-08",), account="")


@probe("unknown id", "STATUS-10", "HDR-04", "ERR-500-01")
def _unknown(context: RunContext) -> Conversation[None]:
    yield from read(unknown_id(context.run, "unknown"), case="unknown id", aims=("STATUS-10",))


@probe("malformed ids", "STATUS-11", "ERR-500-01")
def _malformed(context: RunContext) -> Conversation[None]:
    uuid = unknown_id(context.run, "malformed").partition("_")[2]
    ids: Final = {
        "empty": "",
        "no prefix": uuid,
        "other model's prefix": f"no-such-model_{uuid}",
        "over-long": "minimax-hailuo-ai_" + "0" * 2000,
        "encoded slash": "minimax-hailuo-ai_%2F..%2Fsecret",
        "not ASCII": "minimax-hailuo-ai_%E2%82%AC",
    }
    for case, request_id in ids.items():
        yield from read(request_id, case=case, aims=("STATUS-11",))


#: The clauses for which a submit without a key is evidence: that the route exists, and what an error looks like.
KEYLESS: Final = ("BASE-01", "BASE-02", "BASE-03", "AUTH-01", "AUTH-12", "HDR-04", "ERR-SET-01")

ROUTES: Final = (
    _keyless_reads, _letter_cases, _elsewhere,
    _submits("", "AUTH-01", "no key", *KEYLESS),
    _submits("unknown", "AUTH-03", "unknown key", "AUTH-03", "AUTH-12", "ERR-SET-01"),
    _submits("blank", "AUTH-04", "blank key", "AUTH-04"),
    _near, _methods, _methods_meanwhile, _aliases, _plain_http, _unknown, _malformed,
)  # fmt: skip

#: A generation may fail as soon as it is processed, so while it is queued it is read this many times as often as others;
#: less often across a network.
QUICKER: Final = 250.0
QUICKER_REMOTE: Final = 4.0

#: The longest Retry-After that a run waits for, in seconds; and how often one account does.
LONGEST_WAIT: Final = 60
WAITS: Final = 2

#: An account need not be throttled from its first request on: up to this many reads, which are free, are sent until one is
#: (fewer to a target on this machine), and then up to this many submits.
MOST_READS: Final = 20
MOST_LOCAL_READS: Final = 4
MOST_SUBMITS: Final = 6
UNTIL_THROTTLED: Final = f"at most {MOST_READS} reads ({MOST_LOCAL_READS} on this machine)"


def _bad_end(kind: str, *feeds: str) -> Probe:
    """A generation with a prompt known to end `failed` or `error`, with a callback if callbacks can reach us."""
    shared = ("FAIL-04", "FAIL-05", "FLOW-04", "WEBHOOK-07")

    @probe(f"{kind} prompt", *feeds, *shared, cost=1, needs={f"prompt:{kind}"})
    def bad_end(context: RunContext) -> Conversation[None]:
        headers = yield from webhook_headers(context, ReceiverUrl(kind))
        body = {"prompt": context.prompts[kind]}
        accepted = yield from submit("generate", body, case=f"{kind}-prompt", intent="accept", headers=headers)
        quicker = QUICKER if context.profile.loopback else QUICKER_REMOTE
        end = yield from poll(context, accepted, queued=context.profile.pace / quicker)
        if end is not None and context.has_receiver:
            yield from AwaitCallbacks(headers[-1][1], 1, context.profile.settle)
            yield from read(str(accepted.accepted_id), case="again")

    return bad_end


def _reads_until_throttled(context: RunContext, account: str, aim: str) -> Conversation[Exchange]:
    """Read until a 429 or another surprise; returns the last exchange."""
    request_id, most = unknown_id(context.run, account), MOST_LOCAL_READS if context.profile.loopback else MOST_READS
    while True:
        last = yield from read(request_id, case="until throttled", aims=(aim,), account=account)
        most -= 1
        if not most or last.status is None or last.status == 429 or last.status >= 500:
            return last


@probe("recovering account", "ERR-429-04", needs={"account:recovering"}, note=f"{UNTIL_THROTTLED} until one gets 429")
def _recovery(context: RunContext) -> Conversation[None]:
    """A throttle that ends: a read is refused, and sent again once the stated wait is over; twice, as the gateway may be overloaded."""
    request_id = unknown_id(context.run, "recovering")
    refused = yield from _reads_until_throttled(context, "recovering", "ERR-429-04")
    for _ in range(WAITS):
        wait = whole_number(refused.header("retry-after"))
        if refused.status != 429 or wait is None or wait > LONGEST_WAIT:
            return
        yield from Pause(wait + context.profile.pace)
        about: About = {"aims": ("ERR-429-04",), "account": "recovering"}
        refused = yield from read(request_id, case="read after the wait", **about)


def _refused_ones(context: RunContext, role: str, *aims: str, intent: Intent = "refuse") -> Conversation[None]:
    """Other submits that such an account is refused: a valid one with a webhook, and one without a prompt."""
    if context.has_receiver:
        headers = yield from webhook_headers(context, ReceiverUrl(role))
        yield from _valid(role, f"{role} account, webhook", *aims, headers=headers, intent=intent)
    no_prompt = f"{role} account, no prompt"
    yield from submit("generate", PRINTED, case=no_prompt, aims=("ERR-PREC-01",), intent=intent, account=role)


def _refused(role: str, *aims: str, feeds: tuple[str, ...] = (), intent: Intent = "refuse") -> Probe:
    """Submits of an account that must not submit: valid, with webhook, without prompt. Intent `any` gives no reservation back."""
    cost = 0 if intent == "refuse" else 3

    @probe(f"{role} account", *aims, *feeds, worst=max(1, cost), cost=cost, needs={f"account:{role}"})
    def refused(context: RunContext) -> Conversation[None]:
        yield from _valid(role, f"{role} account", *aims, intent=intent)
        if intent == "refuse":
            headers = yield from webhook_headers(context, ReceiverUrl(f"{role}-image"))
            image = f"{role} account, image to video"
            yield from _valid(role, image, *aims, operation="imageToVideo", headers=headers, intent=intent)
        yield from _refused_ones(context, role, *aims, intent=intent)

    return refused


def _meanwhile(context: RunContext) -> Conversation[None]:
    """Reads of another account while one is throttled: an overloaded gateway may throttle one of them."""
    if "account:other" in context.profile.capabilities:
        request_id = unknown_id(context.run, "meanwhile")
        one = read(request_id, case="another account", aims=("ERR-429-02",), account="other")
        yield from Together((one, one, one))


@probe(
    "throttled account", "ERR-429-01", "ERR-429-02", "ERR-429-03", "ERR-PREC-01",
    worst=MOST_SUBMITS, cost=1, needs={"account:throttled"},
    note=f"{UNTIL_THROTTLED} and then at most {MOST_SUBMITS} submits until one gets 429",
)  # fmt: skip
def _throttled(context: RunContext) -> Conversation[None]:
    """Exceed the rate of an account, and see what a throttled submit does; where it costs money only one is sent after that."""
    last = yield from _reads_until_throttled(context, "throttled", "ERR-429-01")
    if last.status == 429:
        yield from _meanwhile(context)
    for _ in range(MOST_SUBMITS):
        last = yield from _valid("throttled", "throttled account", "ERR-429-01", "ERR-429-02")
        if last.status == 429 and not context.limited:
            yield from _meanwhile(context)
            yield from _refused_ones(context, "throttled", "ERR-429-02")
        if not last.succeeded:
            return


@probe("empty wallet, reads", "ERR-402-04", needs={"account:empty"})
def _empty_reads(context: RunContext) -> Conversation[None]:
    request_id = unknown_id(context.run, "empty")
    yield from read(request_id, case="unknown id with an empty wallet", aims=("ERR-402-04",), account="empty")


@probe("precedence", "AUTH-08", "ERR-PREC-01", worst=1)
def _precedence(_: RunContext) -> Conversation[None]:
    body, case = b'{"prompt": "A paper boat', "unknown key, malformed body"
    yield from submit("generate", body, case=case, aims=("AUTH-08",), intent="refuse", account="unknown")
    for account, case in (("", "no key, no prompt"), ("unknown", "unknown key, no prompt")):
        yield from submit("generate", {}, case=case, aims=("ERR-PREC-01",), intent="refuse", account=account)


@probe("unknown model", "ERR-400-02", worst=1)
def _unknown_model(_: RunContext) -> Conversation[None]:
    for operation in OPERATIONS:
        url, body = f"/no-such-model/v1/{operation}", valid_body(operation, "no-such-model")
        yield from submit("other", body, case="no-such-model", url=url, aims=("ERR-400-02",), intent="refuse")


@probe("disabled model", "ERR-400-02", "ERR-400-03", "ERR-ENV-01", worst=1, needs={"account:disabled"})
def _disabled_model(_: RunContext) -> Conversation[None]:
    for operation, case in (("generate", "disabled model"), ("imageToVideo", "disabled model, image to video")):
        yield from _valid("disabled", case, "ERR-400-02", operation=operation, intent="refuse")


ACCOUNTS: Final = (
    _bad_end("failed", "FAIL-01", "FAIL-02"),
    _bad_end("error", "FAIL-03"),
    _refused("empty", "ERR-402-01", "ERR-402-03", feeds=("ERR-402-02", "ERR-PREC-01", "ERR-ENV-01")),
    _throttled, _recovery,
    _refused("broken", "ERR-500-02", intent="any"),
    _refused("suspended", "AUTH-09", feeds=("ERR-PREC-01",)),
    _empty_reads, _precedence, _unknown_model, _disabled_model,
)  # fmt: skip

#: A generation that is not read is given this many times as long as others took.
PATIENT: Final = 3.0

#: This many reads would be expensive if a read cost anything.
READS: Final = 20


@probe("debited once", "WAL-01", cost=3, needs={"account:two"})
def _paid_once(context: RunContext) -> Conversation[None]:
    """Only submits are sent with this account until it has bought two; another account's generation shows when to continue."""
    yield from _valid("two", "first", "WAL-01")
    sibling = yield from _valid("default", "sibling", "WAL-01")
    yield from poll(context, sibling)
    yield from Pause(context.profile.pace)
    second = yield from _valid("two", "second", "WAL-01")
    yield from poll(context, second)
    yield from _valid("two", "third", "WAL-01", "ERR-402-01", intent="refuse")


@probe("FAILED", "WAL-03", cost=2, needs={"account:one.4", "prompt:failed"})
def _after_failed(context: RunContext) -> Conversation[None]:
    first = yield from _valid("one.4", "failed", "WAL-03", prompt=context.prompts["failed"])
    if (yield from poll(context, first)) is not None:
        yield from _valid("one.4", "after", "WAL-03")


@probe("ERROR is free", "WAL-02", cost=3, needs={"account:one.1", "prompt:error"})
def _after_errors(context: RunContext) -> Conversation[None]:
    """With funds for one: requests that end in ERROR, the second with a URL and unread, and then one that does not.

    Each waits a few polls: a debit in advance may be refunded a little after the end. The first is for a video of an image, which
    may have another price; if that is too expensive, the others show the same.
    """
    error, later = context.prompts["error"], LATER_POLLS * context.profile.pace
    first = yield from _valid("one.1", "error", "WAL-02", prompt=error, operation="imageToVideo")
    case = "first"
    if first.accepted_id is not None:
        if (yield from poll(context, first)) is None:
            return
        case = "after"
        yield from Pause(later)
    headers = yield from webhook_headers(context, ReceiverUrl("error-unread"))
    second = yield from _valid("one.1", case, "WAL-02", prompt=error, headers=headers)
    if second.accepted_id is not None:
        yield from Pause(min(PATIENT * (yield from ordinary(context)), context.profile.deadline) + later)
        last = yield from _valid("one.1", "after", "WAL-02")
        if last.accepted_id is not None:
            yield from poll(context, second)


@probe("refusals are free", "WAL-04", cost=1, needs={"account:one"})
def _after_refusals(context: RunContext) -> Conversation[None]:
    """The first value that each rule forbids; one that may be refused later only if another account, which can pay, was refused."""
    about: About = {"aims": ("WAL-04",), "intent": "refuse", "account": "one"}
    for operation in OPERATIONS:
        yield from submit(operation, b"{", case="malformed", **about)
        yield from submit(operation, b"[]", case="not an object", **about)
    yield from submit("generate", b"{", case="malformed text", headers=(("Content-Type", "text/plain"),), **about)
    for rule in [rule for rule in RULES if rule.forbidden and not (rule.late and context.limited)]:
        case = rule.cases(dict([*rule.forbidden.items()][:1]), "refuse")[0]
        body, name = case.encoded(), f"{rule.clause}, {case.name}"
        if not rule.late or not (yield from submit(rule.operation, body, case=name, intent="any")).succeeded:
            yield from submit(rule.operation, body, case=name, **about)
    yield from _valid("one", "after", "WAL-04")


@probe("reads are free", "WAL-05", cost=1, needs={"account:one.2"})
def _after_reads(context: RunContext) -> Conversation[None]:
    for n in range(READS):
        step = read(unknown_id(context.run, f"purse {n}"), case="read", account="one.2")
        yield from replace(step, method="HEAD") if n % 2 else step
    yield from _valid("one.2", "after", "WAL-05")


@probe("reads of one's own are free", "WAL-05", cost=2, needs={"account:two.1"})
def _after_own_reads(context: RunContext) -> Conversation[None]:
    """Reads of a request that exists, its callback and its downloads, between two submits that the account can pay for."""
    headers = yield from webhook_headers(context, ReceiverUrl("two"))
    first = yield from _valid("two.1", "before", "WAL-05", headers=headers)
    for _ in range(READS if first.accepted_id is not None else 0):
        yield from read(str(first.accepted_id), case="read", account="two.1")
    yield from download(context, (yield from poll(context, first)))
    if context.has_receiver:
        yield from AwaitCallbacks(headers[-1][1], 1, context.profile.settle)
    yield from _valid("two.1", "after", "WAL-05")


@probe("several on funds for one", "WAL-06", "ERR-402-04", cost=4, needs={"account:one.3"})
def _at_once(context: RunContext) -> Conversation[None]:
    prompts = (f"{PROMPT}, boat {n}" for n in range(3))
    at_once = yield from Together(tuple(_valid("one.3", "at once", "WAL-06", prompt=prompt) for prompt in prompts))
    yield from _valid("one.3", "one more", "WAL-06", operation="imageToVideo")
    for exchange in at_once:
        if exchange.accepted_id is not None:
            case = "earlier id, wallet empty now"
            yield from read(exchange.accepted_id, case=case, aims=("ERR-402-04",), account="one.3")
            yield from poll(context, exchange)


BALANCES: Final = (_paid_once, _after_refusals, _after_errors, _after_reads, _after_own_reads, _at_once, _after_failed)
