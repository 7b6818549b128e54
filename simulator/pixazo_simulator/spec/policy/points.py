"""Every point that the vendor's page leaves open: field, default, label, clauses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from pixazo_simulator.spec.text import nearest

from .job_times import JobTimes, Retention
from .prices import PriceList
from .rate_limit import RateLimit

Label = str
"""How we know: documented, vendor, observed, inferred, assumed (or ours, for a safety rule)."""

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f.]*(?::[0-9a-f.]*){2,}(?:%[a-z0-9._-]+)?")
LONGEST_VALUE = 10_000
"""Characters that the value of a field may be written in."""
CHECKS = ("key", "suspended", "rate", "json", "model", "parameters", "funds")
"""The checks of a submit after its route, in the default order (policy `check_order`)."""


@dataclass(frozen=True, slots=True)
class Point:
    """What is known about one field: row of the published table, label, clause ids, a sentence, and how a value is read."""

    row: int
    label: Label
    clauses: str
    says: str
    forms: str
    read: Callable[[str], Any]
    observed: Any = MISSING


def _one_of(*values: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"{text!r} is not one of {', '.join(values)}{nearest(text, values)}")
        return text

    return read


def _number(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) > most:
            raise ValueError(f"{text!r} is not a whole number from 0 to {most}")
        return int(text)

    return read


def _seconds(text: str) -> tuple[int, ...]:
    if text == "none":
        return ()
    if not re.fullmatch(r"[0-9]{1,7}(,\s*[0-9]{1,7}){0,19}", text):
        raise ValueError(f"{text!r} is not none or at most 20 pauses in seconds (for example 5,300,1800)")
    return tuple(map(int, text.split(",")))


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(host.strip().lower() for host in text.split(",") if host.strip() and text != "none")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ValueError(f"{host!r} is not a host name or address without port (for example hooks.example.com)")
    return hosts


def _origin(text: str) -> str:
    if text in ("caller", "forwarded"):
        return text
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"https?://[A-Za-z0-9.\-:\[\]]+/?", text):
        raise ValueError(f"{text!r} is not caller, forwarded or an origin such as https://gateway.pixazo.ai")
    return text.rstrip("/")


def _order(text: str) -> tuple[str, ...]:
    order = tuple(word.strip() for word in text.split(","))
    if sorted(order) != sorted(CHECKS):
        raise ValueError(f"{text!r} is not an order of {','.join(CHECKS)}: name each once")
    if min(order.index(name) for name in ("suspended", "rate", "funds")) < order.index("key"):
        raise ValueError(
            f"{text!r} asks about a caller before the key is known: put key before suspended, rate and funds"
        )
    if order.index("parameters") < order.index("json") or order.index("funds") < order.index("json"):
        raise ValueError(f"{text!r} needs the parameters before the body is read: put json before parameters and funds")
    return order


def _point(
    row: int,
    default: str,
    label: Label,
    clauses: str,
    says: str,
    *others: str,
    observed: str | None = None,
    read: Callable[[str], Any] | None = None,
    forms: str = "",
) -> Any:
    """One row: its default, its observed value, and either the other choices or a reader with its forms."""
    choices = tuple(dict.fromkeys((default, *((observed,) if observed else ()), *others)))
    reader = read or _one_of(*choices)
    seen = MISSING if observed is None else reader(observed)
    return field(
        default=reader(default),
        metadata={"point": Point(row, label, clauses, says, forms or " | ".join(choices), reader, seen)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One value for every point that the page leaves open; each world has one."""

    # fmt: off
    request_id: Literal["uuid7", "thirteen"] = _point(
        1, "uuid7", "inferred", "SUBMIT-06..09", "What follows `<model_id>_`: a lower-case UUIDv7; `thirteen` ends in a group of 13 hex digits, variant bits free.", observed="thirteen")
    media: Literal["mp4", "placeholder"] = _point(
        2, "mp4", "inferred", "OUT-03..07", "Name and type of the media: `output.mp4` as video/mp4; `placeholder`: `output.ext` as application/octet-stream, as printed.", "placeholder")
    public_origin: str = _point(
        3, "caller", "assumed", "SUBMIT-11, SUBMIT-12", "Origin of `polling_url` and media URLs: the Host that the caller used, the forwarded one, or a fixed one.", read=_origin, forms="caller | forwarded | ORIGIN")
    t2v_limits: Literal["i2v", "open"] = _point(
        4, "i2v", "inferred", "T2V-PROMPT-04, T2V-DUR-02, T2V-RES-02", "Limits of text-to-video, which the page leaves out: those of image-to-video, or types only.", "open")
    number_forms: Literal["integral"] = _point(
        5, "integral", "assumed", "T2V-DUR-01, I2V-DUR-01", 'Spellings of `duration`: 6 and 6.0 are taken; "6", true and 6.5 are refused.')
    combo_1080p_10s: Literal["refuse", "accept", "fail"] = _point(
        6, "refuse", "inferred", "I2V-COMBO-01", "1080P with 10 s: 400 at submit, accepted, or accepted and FAILED later.", "accept", "fail")
    prompt_unit: Literal["code_points", "utf16", "bytes"] = _point(
        7, "code_points", "assumed", "I2V-PROMPT-05", "What the 2000 characters of a prompt are counted in.", "utf16", "bytes")
    blank_prompt: Literal["refuse", "accept"] = _point(
        8, "refuse", "assumed", "T2V-PROMPT-03", "A prompt that is empty or only white space: 400 or accepted.", "accept")
    unknown_members: Literal["ignore", "refuse"] = _point(
        9, "ignore", "observed", "SUBMIT-18", "Members that the page does not list: ignored (every public client sends some) or 400.", "refuse")
    validation_body: Literal["title_message", "sentence_status"] = _point(
        10, "title_message", "assumed", "ERR-ENV-01, ERR-ENV-02", "Body of a validation error: `error` and `message` naming the member, or `error` and `status`.", "sentence_status")
    image_rules: Literal["refuse", "fail"] = _point(
        11, "refuse", "assumed", "I2V-IMG-07..15", "A data URL that breaks an image rule: 400 at submit, or accepted and FAILED later.", "fail")
    image_urls: Literal["unseen", "table", "https"] = _point(
        12, "unseen", "assumed", "I2V-IMG-03, I2V-IMG-13, I2V-IMG-14", "An image given as URL: accepted unseen (nothing is ever fetched), looked up in the world's table of images, or refused unless https.", "table", "https")
    missing_key: Literal["apim", "queue"] = _point(
        13, "apim", "inferred", "AUTH-12", "Body of a 401 without a key: API Management's default with WWW-Authenticate, or the queue error's shape.", "queue")
    unknown_key: Literal["apim", "queue"] = _point(
        14, "apim", "inferred", "AUTH-03, AUTH-12", "Body of a 401 for an unknown key: API Management's default with WWW-Authenticate, or the queue error's shape.", "queue")
    query_key: Literal["refuse", "accept"] = _point(
        15, "refuse", "inferred", "AUTH-06", "A key in the query parameter `subscription-key` when the header is absent.", observed="accept")
    forbidden: Literal["queue", "apim_quota", "html_reads"] = _point(
        16, "queue", "assumed", "AUTH-09", "What a 403 looks like: the queue error's shape, API Management's exhausted quota, or a front door's HTML page on status reads.", "html_reads", observed="apim_quota")
    throttled: Literal["apim", "queue", "apim_bare"] = _point(
        17, "apim", "inferred", "ERR-429-01..04", "What a 429 looks like: API Management's default with Retry-After, the queue error's shape with it, or the default without it.", "queue", "apim_bare")
    rate_limit: RateLimit | None = _point(
        18, "off", "observed", "ERR-429-01..04", "Calls allowed per key and window of seconds; `submits` leaves reads uncounted.", observed="60/60", read=RateLimit.parse, forms="off | CALLS/SECONDS | CALLS/SECONDS submits")
    unknown_route: Literal["404", "405"] = _point(
        19, "404", "inferred", "BASE-06, BASE-07", "A wrong method on a known path: 404 as for an unknown path, or 405 with Allow.", "405")
    unknown_id: Literal["404", "403_foreign"] = _point(
        20, "404", "assumed", "STATUS-10, STATUS-11, AUTH-10", "An unknown, malformed or foreign request id: 404 for all three, or 403 for a foreign one.", "403_foreign")
    unknown_model: Literal["400"] = _point(
        21, "400", "documented", "ERR-400-02, ERR-400-03", "An unknown or disabled model: 400, as printed.")
    insufficient_balance: Literal["printed", "required"] = _point(
        22, "printed", "documented", "ERR-402-02", "The sentence of a 402: as printed, or with the amount required.", observed="required")
    check_order: tuple[str, ...] = _point(
        23, ",".join(CHECKS), "assumed", "AUTH-08, ERR-PREC-01", "Which check of a submit comes first, after its route.", read=_order, forms="any order in which key comes before suspended, rate and funds, json before parameters and funds")
    malformed_body: Literal["400"] = _point(
        24, "400", "inferred", "SUBMIT-16, SUBMIT-17", "A body that is empty, not JSON, or not an object: 400.")
    content_type: Literal["400", "ignore", "415"] = _point(
        25, "400", "assumed", "HDR-02", "A body that is not declared as JSON: 400, 415, or never mind.", "415", observed="ignore")
    body_limit: int = _point(
        26, str(28 * 1024 * 1024), "assumed", "I2V-IMG-08", "Largest request body in bytes (20 MB of image as Base64 and the rest); beyond it 413, and no byte more is read.", read=_number(1 << 30), forms="BYTES")
    price: PriceList = _point(
        27, "6=0.35,10=0.60,*=0.60", "vendor", "WAL-01..06", "US dollars per generation; the first rule that fits decides.", read=PriceList.parse, forms="[OPERATION/]DURATION[/RESOLUTION]=DOLLARS, ...")
    refunds: Literal["error", "error_failed"] = _point(
        28, "error", "documented", "WAL-01..03", "Whose price is given back at the end: ERROR's (documented), or also FAILED's (assumed).", "error_failed")
    status_members: Literal["all", "minimal_failure"] = _point(
        29, "all", "documented", "STATUS-08, FAIL-04", "Members of a status answer: all eight always, or the failure envelope as printed, without timestamps.", "minimal_failure")
    timestamps: Literal["rfc3339", "mixed"] = _point(
        30, "rfc3339", "documented", "TIME-01", "Three digits and Z; `mixed` writes `updated_at` and `completed_at` as `2026-05-22 13:19:23`, in UTC.", observed="mixed")
    job_times: JobTimes = _point(
        31, "2+13", "documented", "FLOW-05", "Seconds queued and processing (the page's sample takes 15 s); ranges are drawn from the seed of the world.", observed="5-20+60-180", read=JobTimes.parse, forms="QUEUED+PROCESSING, each SECONDS or LEAST-MOST")
    webhook_events: Literal["terminal", "header"] = _point(
        32, "terminal", "documented", "WEBHOOK-03, WEBHOOK-07, WEBHOOK-18", "One POST at the terminal state; `header` honours `X-Webhook-Mode: sync`, which also posts while running, every 15 s.", observed="header")
    webhook_payload: Literal["status_answer"] = _point(
        33, "status_answer", "documented", "WEBHOOK-04", "What a callback carries: the status answer of that instant, the same bytes.")
    webhook_retries: tuple[int, ...] = _point(
        34, "5,300,1800", "assumed", "WEBHOOK-11, WEBHOOK-12", "Seconds between attempts after anything but a 2xx; then the callback is given up.", read=_seconds, forms="none | SECONDS,SECONDS,...")
    webhook_signature: Literal["none", "standard"] = _point(
        35, "none", "assumed", "WEBHOOK-13", "Signature of a callback: none, or Standard Webhooks headers.", "standard")
    webhook_redirects: Literal["refuse", "follow"] = _point(
        36, "refuse", "assumed", "WEBHOOK-17", "A redirect answered by the receiver: a failed attempt, or followed.", "follow")
    callback_url: Literal["post", "ignore", "challenge"] = _point(
        37, "post", "assumed", "WEBHOOK-19..21", "The member `callback_url`: posted to like X-Webhook-URL, ignored, or MiniMax's form with a challenge to be echoed within 3 s.", "challenge", observed="ignore")
    both_channels: Literal["each", "header", "member"] = _point(
        38, "each", "assumed", "WEBHOOK-20", "When the header and the member are both given: each is called, or only one.", "header", "member")
    bad_webhook_url: Literal["refuse", "ignore"] = _point(
        39, "refuse", "assumed", "WEBHOOK-15", "A webhook URL that is no http or https URL: 400 or ignored.", observed="ignore")
    http_webhook_url: Literal["accept", "refuse"] = _point(
        40, "accept", "assumed", "WEBHOOK-02", "A webhook URL with plain http: accepted (tests run on loopback) or 400.", observed="refuse")
    webhook_allow: tuple[str, ...] = _point(
        41, "none", "ours", "WEBHOOK-02", "Hosts beside loopback to which callbacks may go: a safety rule of ours.", read=_hosts, forms="none | HOST,HOST,...")
    read_delay: int = _point(
        42, "0", "assumed", "SUBMIT-13", "Milliseconds after the 202 during which a read answers 404.", read=_number(86_400_000), forms="MILLISECONDS")
    moderation: Literal["fail", "refuse"] = _point(
        43, "fail", "inferred", "FAIL-01", "A moderated prompt (magic `[[sim:moderated]]`): FAILED later, or 400 at submit.", "refuse")
    retention: Retention = _point(
        44, "forever", "assumed", "STATUS-16, OUT-13", "How long after the end the status and the media can be read.", observed="media=86400", read=Retention.parse, forms="forever | status=SECONDS,media=SECONDS")
    queued_to_end: Literal["no", "yes"] = _point(
        45, "no", "documented", "FLOW-04", "Whether ERROR and FAILED strike straight from QUEUED.", "yes")
    repeated_submit: Literal["two_requests"] = _point(
        46, "two_requests", "documented", "SUBMIT-15", "The same body twice, with or without Idempotency-Key: two requests, two debits (documented by absence).")
    cors: Literal["off", "on"] = _point(
        47, "off", "assumed", "-", "Whether browsers of other origins may call; decided by the server's profile, since a preflight carries no key.", observed="on")
    submit_code: Literal["202", "200"] = _point(
        48, "202", "documented", "SUBMIT-01, SUBMIT-02", "The code of an accepted submit.", observed="200")
    # fmt: on

    def changed(self, values: Mapping[str, object]) -> Policy:
        """A copy with some fields set from text (or numbers and booleans, as in a TOML file).

        Raises ValueError that names the field, the value and the remedy.
        """
        known = points()
        changes: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise ValueError(
                    f"policy field {name!r} does not exist{nearest(name, tuple(known))}: see pixazo-sim policy"
                )
            try:
                changes[name] = known[name].read(_short(_text(value)))
            except ValueError as error:
                raise ValueError(f"policy field {name}: {error}") from None
        return replace(self, **changes)

    def text(self, name: str) -> str:
        """The value of a field as it is written on the command line."""
        value = getattr(self, name)
        if value is None:
            return "off"
        return (
            (",".join(map(str, cast("tuple[object, ...]", value))) or "none")
            if isinstance(value, tuple)
            else str(value)
        )


def _short(text: str) -> str:
    if len(text) > LONGEST_VALUE:
        raise ValueError(f"a value has at most {LONGEST_VALUE} characters, not {len(text)}")
    return text


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ",".join(map(str, cast("list[object]", value))) or "none"
    return str(value).strip()


def points() -> dict[str, Point]:
    """What is known about each field of the policy, in the order of the rows."""
    return {item.name: item.metadata["point"] for item in fields(Policy)}


PROFILES: dict[str, Policy] = {
    "documented": Policy(),
    "observed": replace(
        Policy(), **{name: point.observed for name, point in points().items() if point.observed is not MISSING}
    ),
}
"""Named sets of values: what the page says where it speaks, and what public code has seen."""
