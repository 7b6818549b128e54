"""Probes of BASE and AUTH: routes, methods, aliases, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pixazo_contracts.trace import MODEL_BASE, STATUS_BASE

from .conversation import Probe, Send, published, send
from .family import PROMPT
from .samples import members, text
from .steps import PRINTED_HEADERS, encode, read, submit
from .unknown_ids import unknown_id

if TYPE_CHECKING:
    from .conversation import Setting, Talk


OPERATIONS: Final = {"generate": "text_to_video", "imageToVideo": "image_to_video"}
MALFORMED = b'{"prompt": "A paper boat'


def _body(operation: str) -> dict[str, object]:
    return members("text_to_video" if operation == "generate" else "image_to_video")


def _submits(account: str, aims: tuple[str, ...], case: str) -> Talk[None]:
    """A valid submit to both operations with an account that must not get through."""
    for operation in OPERATIONS:
        yield from submit(operation, _body(operation), case=case, aims=aims, intent="refuse", account=account)


def _keyless_submits(_: Setting) -> Talk[None]:
    yield from _submits("", ("AUTH-01",), "no key")


def _keyless_reads(setting: Setting) -> Talk[None]:
    yield from read(unknown_id(setting.run, "keyless"), case="no key", aims=("AUTH-02",), account="")
    real = yield from published("g1")
    if real is not None and real.accepted_id is not None:
        yield from read(real.accepted_id, case="no key, a real id", aims=("AUTH-02",), account="")


def _unknown_key_submits(_: Setting) -> Talk[None]:
    yield from _submits("unknown", ("AUTH-03",), "unknown key")


def _unknown_key_reads(setting: Setting) -> Talk[None]:
    yield from read(unknown_id(setting.run, "stranger"), case="unknown key", aims=("AUTH-03",), account="unknown")
    yield from read(unknown_id(setting.run, "blank"), case="blank key", aims=("AUTH-04",), account="blank")


def _blank_key_submits(_: Setting) -> Talk[None]:
    yield from _submits("blank", ("AUTH-04",), "blank key")


def _placements(setting: Setting) -> Talk[None]:
    request_id = unknown_id(setting.run, "placement")
    yield from read(request_id, case="header in lower case", aims=("AUTH-05",), placement="lower-case")
    yield from read(request_id, case="header in upper case", aims=("AUTH-05",), placement="upper-case")
    yield from read(request_id, case="key as query parameter", aims=("AUTH-06",), placement="query")
    yield from read(request_id, case="key as Bearer token", aims=("AUTH-06",), placement="bearer")


def _key_before_body(_: Setting) -> Talk[None]:
    yield from submit(
        "generate", MALFORMED, case="unknown key, malformed body", aims=("AUTH-08",), intent="refuse", account="unknown"
    )


def _foreign(setting: Setting) -> Talk[None]:
    real = yield from published("g1")
    if real is not None and real.accepted_id is not None:
        yield from read(real.accepted_id, case="id of another account", aims=("AUTH-10",), account="other")
        yield from read(unknown_id(setting.run, "foreign"), case="id of nobody", account="other")


def _method(method: str, url: str, *, body: bytes | None = None) -> Send:
    name = urlsplit(url).path.rpartition("/")[2]
    path = name if name in OPERATIONS else "status"
    headers = PRINTED_HEADERS if body is not None else ()
    return Send(
        operation="other",
        method=method,
        url=url,
        case=f"{method} {path}",
        aims=("BASE-06",),
        intent="refuse",
        headers=headers,
        body=body,
    )


def _methods(setting: Setting) -> Talk[None]:
    query = "prompt=A+paper+boat&duration=6&resolution=768P"
    for operation, sample in OPERATIONS.items():
        body = text("text_to_video" if sample == "text_to_video" else "image_to_video").encode()
        yield from send(_method("GET", f"{MODEL_BASE}/{operation}?{query}"))
        yield from send(_method("PUT", f"{MODEL_BASE}/{operation}", body=body))
        yield from send(_method("DELETE", f"{MODEL_BASE}/{operation}"))
    yield from send(_method("POST", f"{STATUS_BASE}{unknown_id(setting.run, 'methods')}", body=b"{}"))


ALIASES: Final = {
    "other letter case": f"{MODEL_BASE}/Generate",
    "trailing slash": f"{MODEL_BASE}/generate/",
    "doubled slash": "/minimax-hailuo-ai//v1/generate",
    "unknown path": f"{MODEL_BASE}/no-such-operation",
}


def _aliases(_: Setting) -> Talk[None]:
    body = encode({"prompt": PROMPT})
    for case, url in ALIASES.items():
        yield from send(
            Send(
                operation="other",
                method="POST",
                url=url,
                case=case,
                aims=("BASE-07",),
                intent="refuse",
                account="",
                headers=PRINTED_HEADERS,
                body=body,
            )
        )


def _plain_http(setting: Setting) -> Talk[None]:
    host = urlsplit(setting.profile.origin).hostname
    url = f"http://{host}{STATUS_BASE}{unknown_id(setting.run, 'plain')}"
    yield from send(Send(operation="other", url=url, case="plain HTTP", aims=("BASE-08",), account=""))


PROBES = (
    Probe(name="keyless reads", feeds=("BASE-04", "AUTH-02", "AUTH-12", "HDR-04"), talk=_keyless_reads),
    Probe(name="unknown and blank key, reads", feeds=("AUTH-03", "AUTH-04", "AUTH-12"), talk=_unknown_key_reads),
    Probe(name="places for the key", feeds=("AUTH-05", "AUTH-06", "AUTH-11"), talk=_placements),
    Probe(
        name="keyless submits",
        feeds=("BASE-01", "BASE-02", "BASE-03", "AUTH-01", "AUTH-12", "HDR-04", "ERR-SET-01"),
        talk=_keyless_submits,
        worst=1,
    ),
    Probe(name="unknown key, submits", feeds=("AUTH-03", "AUTH-12", "ERR-SET-01"), talk=_unknown_key_submits, worst=1),
    Probe(name="blank key, submits", feeds=("AUTH-04",), talk=_blank_key_submits, worst=1),
    Probe(name="key before body", feeds=("AUTH-08",), talk=_key_before_body, worst=1),
    Probe(name="methods", feeds=("BASE-06",), talk=_methods, worst=1),
    Probe(name="aliases", feeds=("BASE-07",), talk=_aliases, worst=1),
    Probe(name="plain HTTP", feeds=("BASE-08",), talk=_plain_http, needs=frozenset({"tls"})),
    Probe(name="foreign reads", feeds=("AUTH-10",), talk=_foreign, needs=frozenset({"account:other"})),
)
