"""Probes of BASE, AUTH and STATUS: routes, methods, aliases, keys, ids that do not exist."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from pixazo_contracts.trace import MODEL_BASE, STATUS_BASE

from .conversation import Await, Conversation, Headers, Placement, Probe, ReceiverUrl, RunContext, Send, probe
from .operations import PRINTED, PRINTED_HEADERS, PROMPT, About, poll, read, submit, unknown_id, webhook_headers
from .samples import Sample, members, text

OPERATIONS: Final[dict[str, Sample]] = {"generate": "text_to_video", "imageToVideo": "image_to_video"}


def _submits(account: str, aim: str, case: str, *feeds: str) -> Probe:
    """A valid submit to both operations with a key that must be refused, with a webhook if callbacks can reach us."""
    name = "keyless submits" if account == "" else f"{case}, submits"

    @probe(name, *feeds, worst=1)
    def submits(context: RunContext) -> Conversation[None]:
        for operation, sample in OPERATIONS.items():
            body, headers = members(sample), (yield from webhook_headers(context, ReceiverUrl(f"{aim}-{operation}")))
            about: About = {"aims": (aim,), "intent": "refuse", "account": account}
            yield from submit(operation, body, case=case, headers=headers, **about)

    return submits


@probe("keyless reads", "BASE-04", "AUTH-02", "AUTH-12", "HDR-04")
def _keyless_reads(context: RunContext) -> Conversation[None]:
    yield from read(unknown_id(context.run, "keyless"), case="no key", aims=("AUTH-02",), account="")
    real = yield from Await("g1")
    if real is not None and real.accepted_id is not None:
        yield from read(real.accepted_id, case="no key, a real id", aims=("AUTH-02",), account="")


@probe("unknown and blank key, reads", "AUTH-03", "AUTH-04", "AUTH-12")
def _unknown_key_reads(context: RunContext) -> Conversation[None]:
    yield from read(unknown_id(context.run, "stranger"), case="unknown key", aims=("AUTH-03",), account="unknown")
    yield from read(unknown_id(context.run, "blank"), case="blank key", aims=("AUTH-04",), account="blank")
    real = yield from Await("g1")
    if real is not None and real.accepted_id is not None:
        yield from read(real.accepted_id, case="unknown key, a real id", aims=("AUTH-03",), account="unknown")


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
    for case, account in NEAR.items():
        for operation, sample in OPERATIONS.items():
            body = {**members(sample), "prompt": f"{PROMPT} ({case})"}
            yield from submit(operation, body, case=case, aims=("AUTH-03",), intent="refuse", account=account)


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


@probe("key before body", "AUTH-08", worst=1)
def _key_before_body(_: RunContext) -> Conversation[None]:
    body, case = b'{"prompt": "A paper boat', "unknown key, malformed body"
    yield from submit("generate", body, case=case, aims=("AUTH-08",), intent="refuse", account="unknown")


@probe("foreign reads", "AUTH-10", needs={"account:other"})
def _foreign(context: RunContext) -> Conversation[None]:
    for when in ("g1", "g1 ended"):
        real = yield from Await(when)
        request_id = None if real is None else real.request_id or real.accepted_id
        if request_id is not None:
            yield from read(request_id, case="id of another account", aims=("AUTH-10",), account="other")
    yield from read(unknown_id(context.run, "foreign"), case="id of nobody", account="other")


def _method(method: str, url: str, what: str, body: bytes | None = None, headers: Headers = PRINTED_HEADERS) -> Send:
    """A request with a method that the path does not have."""
    case, aims, headers = f"{method} {what}", ("BASE-06",), headers if body is not None else ()
    return Send(
        operation="other", method=method, url=url, case=case, aims=aims, intent="refuse", headers=headers, body=body
    )


@probe("methods", "BASE-06", worst=1)
def _methods(context: RunContext) -> Conversation[None]:
    for operation, sample in OPERATIONS.items():
        url, body = f"{MODEL_BASE}/{operation}", text(sample).encode()
        headers = yield from webhook_headers(context, ReceiverUrl(f"methods-{operation}"))
        query = f"{url}?prompt=A+paper+boat&duration=6&resolution=768P"
        yield from _method("GET", query, operation, body, headers)
        yield from _method("HEAD", query, operation, body, headers)
        yield from _method("PUT", url, operation, body)
        yield from _method("DELETE", url, operation)
    yield from _method("POST", f"{STATUS_BASE}{unknown_id(context.run, 'methods')}", "status", b"{}")


@probe("methods while it runs", "BASE-06", cost=1)
def _methods_meanwhile(context: RunContext) -> Conversation[None]:
    body: dict[str, object] = {"prompt": f"{PROMPT} (methods)", **PRINTED}
    accepted = yield from submit("generate", body, case="methods", intent="accept")
    if accepted.accepted_id is not None:
        url = f"{STATUS_BASE}{accepted.accepted_id}"
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

PROBES: Final = (
    _keyless_reads,
    _unknown_key_reads,
    _letter_cases,
    _elsewhere,
    _submits("", "AUTH-01", "no key", *KEYLESS),
    _submits("unknown", "AUTH-03", "unknown key", "AUTH-03", "AUTH-12", "ERR-SET-01"),
    _submits("blank", "AUTH-04", "blank key", "AUTH-04"),
    _near,
    _key_before_body,
    _methods,
    _methods_meanwhile,
    _aliases,
    _plain_http,
    _foreign,
    _unknown,
    _malformed,
)
