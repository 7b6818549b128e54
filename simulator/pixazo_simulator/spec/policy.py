"""Every point that the vendor's page leaves open, as a field of the policy: its values, its default, and how we know it.

One row of the table is one annotated field of `Policy`. Its choices are those of its type, or a function reads its value from text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from random import Random
from typing import Annotated, Any, Literal, NamedTuple, Self, cast, get_args, get_type_hints
from urllib.parse import urlsplit

import msgspec

from .text import SECOND, dollars, micros, nearest, regex

__all__ = [
    "LABELS", "LONGEST_BASE_PATH", "PROFILES", "JobTimes", "Label", "Policy", "PolicyDecision", "RateLimit",
    "base_path", "description_of", "points", "rows",
]  # fmt: skip

# The values that are more than a word, and how each is read from text.

_HOST = regex(r"[a-z0-9._-]+|[0-9a-f.]*(?::[0-9a-f.]*){2,}(?:%[a-z0-9._-]+)?")
Check = Literal["key", "suspended", "rate", "json", "model", "parameters", "funds"]
CHECKS: tuple[Check, ...] = get_args(Check)
"""The checks of a submission after its route, in the default order (policy `check_order`)."""

MOST_AGENTS = 20
"""Prefixes of User-Agent headers that the media host refuses."""
MOST_PRICES = 100
"""Rules of one price list."""
_RULE = regex(
    r"(?:(\w[\w.-]*(?:/[\w.-]*[A-Za-z_][\w.-]*)*|\*)/)?([0-9]{1,9}(?:\.[0-9]{1,3})?|\*)(?:/(\w+|\*))?=([0-9]+(?:\.[0-9]{1,6})?)"
)

_RANGE = r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(?:-([0-9]{1,9}(?:\.[0-9]{1,3})?))?"


class JobTimes(msgspec.Struct, frozen=True):
    """Bounds, in milliseconds, of the time queued and the time processing; or how many status reads each of the two lasts."""

    queued: tuple[int, int]
    processing: tuple[int, int]
    polls: tuple[int, int] | None = None

    @classmethod
    def parse(cls, text: str) -> JobTimes:
        """Read `2+13` or `5-20+60-180`: seconds queued, seconds processing; `polls:2` or `polls:1+3`: status reads.

        Raises ValueError with the remedy.
        """
        if polls := re.fullmatch(r"polls:([1-9][0-9]{0,5})(?:\+([1-9][0-9]{0,5}))?", text):
            return msgspec.structs.replace(_JOB_TIMES, polls=(int(polls[1]), int(polls[2] or polls[1])))
        found = re.fullmatch(rf"{_RANGE}\+{_RANGE}", text)
        if not found:
            raise ValueError(
                f"{text!r} is not QUEUED+PROCESSING in seconds (for example 2+13 or 5-20+60-180), nor in status reads (polls:2 or polls:1+3)"
            )
        bounds = [round(float(found[i] or found[i - 1]) * SECOND) for i in range(1, 5)]
        if bounds[0] > bounds[1] or bounds[2] > bounds[3]:
            raise ValueError(f"{text!r} has a range that ends before it begins: write the smaller number first")
        return cls((bounds[0], bounds[1]), (bounds[2], bounds[3]))

    def draw(self, random: Random) -> tuple[int, int]:
        """Milliseconds queued and processing for one generation; nothing is drawn when nothing can vary."""
        bounds = (self.queued, self.processing)
        queued, processing = (low if low == high else random.randint(low, high) for low, high in bounds)
        return queued, processing

    def __str__(self) -> str:
        if self.polls:
            return f"polls:{'+'.join(map(str, dict.fromkeys(self.polls)))}"
        states = (dict.fromkeys(bounds) for bounds in (self.queued, self.processing))
        return "+".join("-".join(f"{bound / SECOND:.15g}" for bound in bounds) for bounds in states)


class Retention(msgspec.Struct, frozen=True):
    """Milliseconds after the end during which the status and the media can be read; None is forever."""

    status: int | None = None
    media: int | None = None

    @classmethod
    def parse(cls, text: str) -> Retention:
        """Read `forever`, `media=86400` or `status=3600,media=86400` (seconds). Raises ValueError with the remedy."""
        if text == "forever":
            return cls()
        limits: dict[str, int] = {}
        for part in text.split(","):
            found = re.fullmatch(r"(status|media)=([0-9]{1,9})", part.strip())
            if not found:
                raise ValueError(f"{text!r} is not forever or status=SECONDS,media=SECONDS (either may be left out)")
            limits[found[1]] = int(found[2]) * SECOND
        return cls(limits.get("status"), limits.get("media"))

    def __str__(self) -> str:
        limits = {"status": self.status, "media": self.media}
        return ",".join(f"{name}={kept // SECOND}" for name, kept in limits.items() if kept is not None) or "forever"


class _Rule(msgspec.Struct, frozen=True):
    """Operation, duration in seconds and resolution to which it applies (None: any), and the amount."""

    wanted: tuple[str | None, int | float | None, str | None]
    amount: int

    def fits(self, operation: str, duration: float, resolution: str) -> bool:
        wanted = self.wanted
        return wanted[1] in (None, duration) and wanted[0] in (None, operation) and wanted[2] in (None, resolution)

    def __str__(self) -> str:
        written = ("*" if each is None else str(each).removesuffix(".0") for each in self.wanted)
        return f"{'/'.join(written)}={dollars(self.amount)}"


class PriceList(msgspec.Struct, frozen=True):
    """Rules `OPERATION/DURATION/RESOLUTION=DOLLARS` in order; `*` fits anything, and the last rule must fit everything."""

    rules: tuple[_Rule, ...]

    @classmethod
    def parse(cls, text: str) -> PriceList:
        """Read rules separated by commas; a bare `6=0.35` means any operation and resolution. Raises ValueError."""
        rules: list[_Rule] = []
        if text.count(",") >= MOST_PRICES:
            raise ValueError(
                f"price list of {text.count(',') + 1} rules: each submission compares them in turn, write at most {MOST_PRICES}"
            )
        for part in text.split(","):
            found = _RULE.fullmatch(part.strip())
            if not found:
                raise ValueError(
                    f"price {part.strip()!r} is not [OPERATION/]DURATION[/RESOLUTION]=DOLLARS (for example generate/6/768P=0.35)"
                )
            operation, duration, resolution = (None if each == "*" else each for each in found.group(1, 2, 3))
            rules.append(_Rule((operation, float(duration) if duration else None, resolution), micros(found[4])))
        if rules[-1].wanted != (None, None, None):
            raise ValueError(f"price list {text!r} leaves requests without a price: end it with a rule such as *=0.60")
        return cls(tuple(rules))

    def of(self, operation: str, duration: float, resolution: str, listed: int | None = None) -> int:
        """The price in millionths of a dollar of one generation of `duration` seconds.

        A price that is `listed` elsewhere comes before the rules that name no operation.
        """
        for rule in self.rules:  # not a generator, which takes three times as long: each submission asks
            if rule.fits(operation, duration, resolution):
                return rule.amount if listed is None or rule.wanted[0] else listed
        return self.rules[-1].amount

    def __str__(self) -> str:
        return ", ".join(map(str, self.rules))


class RateLimit(msgspec.Struct, frozen=True):
    """At most `calls` calls in `seconds` seconds; `submits_only` leaves reads uncounted. No calls: every call is refused."""

    calls: int
    seconds: int
    submits_only: bool = False

    @classmethod
    def parse(cls, text: str) -> RateLimit | None:
        """Read `off`, `60/60` (calls per seconds) or `5/60 submits`. Raises ValueError with the remedy."""
        if text == "off":
            return None
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,6})( submits)?", text)
        if not found or not int(found[2]):
            raise ValueError(f"{text!r} is not off, CALLS/SECONDS (for example 60/60) or CALLS/SECONDS submits")
        return cls(int(found[1]), int(found[2]), found[3] is not None)

    def __str__(self) -> str:
        return f"{self.calls}/{self.seconds}{' submits' if self.submits_only else ''}"


def choice(words: tuple[str, ...], text: str) -> str:
    """Read one of these words. Raises ValueError with the remedy."""
    if text not in words:
        raise ValueError(f"{text!r} is not one of {', '.join(words)}{nearest(text, words)}")
    return text


def number(most: int, text: str) -> int:
    """Read a whole number of at most this size. Raises ValueError with the remedy."""
    if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) > most:
        raise ValueError(f"{text!r} is not a whole number from 0 to {most}")
    return int(text)


def pauses(text: str) -> tuple[int, ...]:
    """Read `none` or pauses in seconds (policy `webhook_retries`). Raises ValueError with the remedy."""
    if text == "none":
        return ()
    if not re.fullmatch(r"[0-9]{1,7}(,\s*[0-9]{1,7}){0,19}", text):
        raise ValueError(f"{text!r} is not none or at most 20 pauses in seconds (for example 5,300,1800)")
    return tuple(map(int, text.split(",")))


def at_once(text: str) -> int | None:
    """Read `off` or a number of generations (policy `concurrency`). Raises ValueError with the remedy."""
    if text == "off":
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise ValueError(f"{text!r} is not off or a number from 1 to 999999")
    return int(text)


def hosts(text: str) -> tuple[str, ...]:
    """Read `none` or hosts without ports (policy `webhook_allow`). Raises ValueError with the remedy."""
    found = tuple(host.strip().lower() for host in text.split(",") if host.strip() and text != "none")
    for host in found:
        if not _HOST.fullmatch(host):
            raise ValueError(f"{host!r} is not a host name or address without port (for example hooks.example.com)")
    return found


def origin(text: str) -> str:
    """Read `caller`, `forwarded` or an origin, perhaps with a path (policy `public_origin`). Raises ValueError with the remedy."""
    if text in ("caller", "forwarded"):
        return text
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        path = base_path(parts.path)
    except ValueError:
        good, path = False, None
    if not good or path is None or not re.fullmatch(r"https?://[A-Za-z0-9.\-:\[\]]+(/[^?#]*)?", text):
        raise ValueError(
            f"{text!r} is not caller, forwarded or an origin such as https://gateway.pixazo.ai, with or without a path"
        )
    return text.rstrip("/")


LONGEST_BASE_PATH = 1000
"""Characters of a path below which a proxy offers the gateway."""
_SEGMENTS = regex(r"(?:/[A-Za-z0-9\-._~!$&'()*+;=:@%]+)*/?", re.ASCII)


def base_path(text: str) -> str | None:
    """A path below which a proxy offers the gateway, without a slash at its end; None for anything else."""
    dots = {".", ".."} & {*text.split("/")}  # segments that a client would resolve (RFC 3986, 5.2.4)
    return None if len(text) > LONGEST_BASE_PATH or dots or not _SEGMENTS.fullmatch(text) else text.rstrip("/")


def origin_of_media(text: str) -> str:
    """Read `same`, `page` or an origin (policy `media_origin`). Raises ValueError with the remedy."""
    if text in ("same", "page"):
        return text
    try:
        read = origin(text)
    except ValueError:
        read = ""
    if not re.fullmatch(r"https?://[^/]+", read):
        raise ValueError(f"{text!r} is not same, page or an origin such as https://media.example.com")
    return read


def agents(text: str) -> tuple[str, ...]:
    """Read `none` or prefixes of User-Agent headers (policy `media_user_agents`). Raises ValueError with the remedy."""
    found = tuple(each.strip() for each in text.split(",") if each.strip() and text != "none")
    if len(found) > MOST_AGENTS or not all(each.isascii() and each.isprintable() for each in found):
        raise ValueError(
            f"{text!r} is not none or at most {MOST_AGENTS} prefixes of a User-Agent (for example Python-urllib,curl)"
        )
    return found


def order(text: str) -> tuple[Check, ...]:
    """Read an order of CHECKS that asks for nothing before it is known. Raises ValueError with the remedy."""
    found = cast("tuple[Check, ...]", tuple(word.strip() for word in text.split(",")))
    if sorted(found) != sorted(CHECKS):
        raise ValueError(f"{text!r} is not an order of {','.join(CHECKS)}: name each once")
    if min(found.index(name) for name in ("suspended", "rate", "funds")) < found.index("key"):
        raise ValueError(f"{text!r} judges a caller before the key is known: put key before suspended, rate and funds")
    if found.index("parameters") < found.index("json") or found.index("funds") < found.index("json"):
        raise ValueError(f"{text!r} needs the parameters before the body is read: put json before parameters and funds")
    return found


LONGEST_VALUE = 10_000
"""Characters that the value of a field may be written in."""
_PRICE = PriceList(
    (_Rule((None, 6, None), 350_000), _Rule((None, 10, None), 600_000), _Rule((None, None, None), 600_000))
)
"""The vendor's prices of a generation: $0.35 for 6 s, $0.60 for 10 s (not on the page)."""
_JOB_TIMES = JobTimes((2000, 2000), (13_000, 13_000))
"""Page, Response (Completed): 15 s from `created_at` to `completed_at`."""


Label = Literal["documented", "vendor", "observed", "inferred", "assumed", "ours"]
LABELS: tuple[Label, ...] = get_args(Label)
"""How a value is known, from the page down to our own choice; `ours` is a safety rule of the simulator."""


class Point(msgspec.Struct, frozen=True):
    """What is known about a field; `label` says how we know the default, `labels` how other values; `observed` is the value in that profile."""

    row: int
    label: Label
    clauses: str
    description: str
    observed: str | None = None
    read: Callable[[str], Any] = str
    forms: str = ""
    labels: dict[str, Label] = {}
    words: tuple[str, ...] = ()
    """All values, where each is a word."""


class PolicyDecision(NamedTuple):
    """A point of the policy that decided what a caller saw: field, value as text, and how we know that the value is right."""

    field: str
    value: str
    label: Label

    def __str__(self) -> str:
        return f"policy {self.field}={self.value} ({self.label})"


class Policy(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One value for every point that the page leaves open; each world has one."""

    # fmt: off
    request_id: Annotated[Literal["uuid7", "thirteen"], Point(
        1, "inferred", "SUBMIT-06..09", "What follows `<model_id>_`: a lower-case UUIDv7; `thirteen` ends in a group of 13 hex digits, variant bits free.", observed="thirteen", labels={"thirteen": "vendor"})] = "uuid7"
    media: Annotated[Literal["mp4", "placeholder"], Point(
        2, "inferred", "OUT-03..07", "Name and type of the media: `output.mp4` as video/mp4; `placeholder`: `output.ext` as application/octet-stream, as printed.", labels={"placeholder": "documented"})] = "mp4"
    public_origin: Annotated[str, Point(
        3, "assumed", "SUBMIT-11, SUBMIT-12", "Origin of `polling_url` and media URLs: the Host that the caller used, what `Forwarded` or `X-Forwarded-Host`, `-Proto`, `-Port` and `-Prefix` say, or a fixed one, with or without a path.", read=origin, forms="caller | forwarded | ORIGIN[/PATH]", labels={"https://gateway.pixazo.ai": "documented"})] = "caller"
    t2v_limits: Annotated[Literal["i2v", "open"], Point(
        4, "inferred", "T2V-PROMPT-04, T2V-DUR-02, T2V-RES-02", "Limits of text-to-video, which the page leaves out: those of image-to-video, or types only.")] = "i2v"
    combo_1080p_10s: Annotated[Literal["refuse", "accept", "fail"], Point(
        6, "inferred", "I2V-COMBO-01", "1080P with 10 s: 400 at submit, accepted, or accepted and FAILED later.")] = "refuse"
    prompt_unit: Annotated[Literal["code_points", "utf16", "bytes"], Point(
        7, "assumed", "I2V-PROMPT-05", "What the 2000 characters of a prompt are counted in.")] = "code_points"
    blank_prompt: Annotated[Literal["refuse", "accept"], Point(
        8, "assumed", "T2V-PROMPT-03", "A prompt that is empty or only white space: 400 or accepted.")] = "refuse"
    unknown_members: Annotated[Literal["ignore", "refuse"], Point(
        9, "observed", "SUBMIT-18", "Members that the page does not list: ignored (every public client sends some) or 400.")] = "ignore"
    validation_body: Annotated[Literal["title_message", "sentence_status"], Point(
        10, "assumed", "ERR-ENV-01, ERR-ENV-02", "Body of a validation error: `error` and `message` naming the member, or `error` and `status`.")] = "title_message"
    image_rules: Annotated[Literal["refuse", "fail"], Point(
        11, "assumed", "I2V-IMG-07..15", "A data URL that breaks an image rule: 400 at submit, or accepted and FAILED later.")] = "refuse"
    image_urls: Annotated[Literal["unseen", "table", "https"], Point(
        12, "assumed", "I2V-IMG-03, I2V-IMG-13, I2V-IMG-14", "An image given as URL: accepted unseen (nothing is ever fetched), looked up in the world's table of images, or refused unless https.")] = "unseen"
    missing_key: Annotated[Literal["apim", "queue"], Point(
        13, "inferred", "AUTH-12", "Body of a 401 without a key: API Management's default with WWW-Authenticate, or the queue error's shape.")] = "apim"
    unknown_key: Annotated[Literal["apim", "queue"], Point(
        14, "inferred", "AUTH-03, AUTH-12", "Body of a 401 for an unknown key: API Management's default with WWW-Authenticate, or the queue error's shape.")] = "apim"
    query_key: Annotated[Literal["refuse", "accept"], Point(
        15, "inferred", "AUTH-06", "A key in the query parameter `subscription-key` when the header is absent.", observed="accept", labels={"accept": "inferred"})] = "refuse"
    forbidden: Annotated[Literal["queue", "apim_quota", "html_reads"], Point(
        16, "assumed", "AUTH-09", "Body of a 403: the queue error's shape, API Management's exhausted quota, or the HTML page of a proxy in front on status reads.", observed="apim_quota", labels={"apim_quota": "inferred", "html_reads": "observed"})] = "queue"
    throttled: Annotated[Literal["apim", "queue", "apim_bare"], Point(
        17, "inferred", "ERR-429-01..04", "Body and headers of a 429: API Management's default with Retry-After, the queue error's shape with it, or the default without it.")] = "apim"
    rate_limit: Annotated[RateLimit | None, Point(
        18, "observed", "ERR-429-01..04", "Calls allowed per key and window of seconds; `submits` leaves reads uncounted.", observed="60/60", labels={"60/60": "observed"}, read=RateLimit.parse, forms="off | CALLS/SECONDS | CALLS/SECONDS submits")] = None
    unknown_route: Annotated[Literal["404", "405"], Point(
        19, "inferred", "BASE-06, BASE-07", "A wrong method on a known path: 404 as for an unknown path, or 405 with Allow.")] = "404"
    unknown_id: Annotated[Literal["404", "403_foreign"], Point(
        20, "assumed", "STATUS-10, STATUS-11, AUTH-10", "An unknown, malformed or foreign request id: 404 for all three, or 403 for a foreign one.")] = "404"
    insufficient_balance: Annotated[Literal["printed", "required"], Point(
        22, "documented", "ERR-402-02", "The sentence of a 402: as printed, or with the amount required.", observed="required", labels={"required": "vendor"})] = "printed"
    check_order: Annotated[tuple[Check, ...], Point(
        23, "assumed", "AUTH-08, ERR-PREC-01", "The order of the checks of a submission, after its route.", read=order, forms="any order in which key comes before suspended, rate and funds, json before parameters and funds")] = CHECKS
    content_type: Annotated[Literal["400", "ignore", "415"], Point(
        25, "assumed", "HDR-02", "A body that is not declared as JSON: 400, 415, or accepted.", observed="ignore")] = "400"
    body_limit: Annotated[int, Point(
        26, "assumed", "I2V-IMG-08", "Largest request body in bytes (20 MB of image as Base64 and the rest); a larger one gets 413, and nothing more is read.", read=partial(number, 1 << 30), forms="BYTES")] = 28 * 1024 * 1024
    price: Annotated[PriceList, Point(
        27, "vendor", "WAL-01..06", "US dollars per generation; the first rule that fits decides.", read=PriceList.parse, forms="[OPERATION/]DURATION[/RESOLUTION]=DOLLARS, ...")] = _PRICE
    refunds: Annotated[Literal["error", "error_failed"], Point(
        28, "documented", "WAL-01..03", "Which generations are refunded when they end: ERROR (documented), or also FAILED (assumed).")] = "error"
    status_members: Annotated[Literal["all", "minimal_failure"], Point(
        29, "documented", "STATUS-08, FAIL-04", "Members of a status response: all eight always, or the failure envelope as printed, without timestamps.", labels={"minimal_failure": "documented"})] = "all"
    timestamps: Annotated[Literal["rfc3339", "mixed"], Point(
        30, "documented", "TIME-01", "Three digits and Z; `mixed` writes `updated_at` and `completed_at` as `2026-05-22 13:19:23`, in UTC.", observed="mixed", labels={"mixed": "vendor"})] = "rfc3339"
    job_times: Annotated[JobTimes, Point(
        31, "documented", "FLOW-05", "Seconds queued and processing (the page's sample takes 15 s), ranges drawn from the seed of the world; or `polls:N`: each state ends with the N-th status read that shows it.", observed="5-20+60-180", labels={"5-20+60-180": "observed"}, read=JobTimes.parse, forms="QUEUED+PROCESSING, each SECONDS or LEAST-MOST | polls:N | polls:N+M")] = _JOB_TIMES
    webhook_events: Annotated[Literal["terminal", "header"], Point(
        32, "documented", "WEBHOOK-03, WEBHOOK-07, WEBHOOK-18", "One POST at the terminal state; `header` honours `X-Webhook-Mode: sync`, which also posts while running, every 15 s.", observed="header", labels={"header": "vendor"})] = "terminal"
    webhook_retries: Annotated[tuple[int, ...], Point(
        34, "assumed", "WEBHOOK-11, WEBHOOK-12", "Seconds between attempts after anything but a 2xx; then no attempt follows.", read=pauses, forms="none | SECONDS,SECONDS,...")] = (5, 300, 1800)
    webhook_signature: Annotated[Literal["none", "standard"], Point(
        35, "assumed", "WEBHOOK-13", "Signature of a webhook: none, or Standard Webhooks headers.")] = "none"
    webhook_redirects: Annotated[Literal["refuse", "follow"], Point(
        36, "assumed", "WEBHOOK-17", "A redirect by the receiver: a failed attempt, or followed.")] = "refuse"
    callback_url: Annotated[Literal["post", "ignore", "challenge"], Point(
        37, "assumed", "WEBHOOK-19..21", "The member `callback_url`: a webhook URL like X-Webhook-URL, ignored, or MiniMax's form with a challenge to be echoed within 3 s.", observed="ignore")] = "post"
    both_channels: Annotated[Literal["each", "header", "member"], Point(
        38, "assumed", "WEBHOOK-20", "When the header and the member are both given: a webhook to each, or to only one.")] = "each"
    bad_webhook_url: Annotated[Literal["refuse", "ignore"], Point(
        39, "assumed", "WEBHOOK-15", "A webhook URL that cannot be used: 400, or ignored, which the journal and the log say.", observed="ignore")] = "refuse"
    http_webhook_url: Annotated[Literal["accept", "refuse"], Point(
        40, "assumed", "WEBHOOK-02", "A webhook URL with plain http: used (tests run on loopback), or one that cannot be used (`bad_webhook_url`).", observed="refuse", labels={"refuse": "vendor"})] = "accept"
    webhook_allow: Annotated[tuple[str, ...], Point(
        41, "ours", "WEBHOOK-02", "Hosts besides loopback to which webhooks may be posted: a safety rule of the simulator.", read=hosts, forms="none | HOST,HOST,...")] = ()
    read_delay: Annotated[int, Point(
        42, "assumed", "SUBMIT-13", "Milliseconds after the 202 during which a status read gets 404.", read=partial(number, 86_400_000), forms="MILLISECONDS")] = 0
    moderation: Annotated[Literal["fail", "refuse"], Point(
        43, "inferred", "FAIL-01", "A moderated prompt (magic `[[sim:moderated]]`): FAILED later, or 400 at submit.")] = "fail"
    retention: Annotated[Retention, Point(
        44, "assumed", "STATUS-16, OUT-13", "How long after the end the status and the media can be read.", observed="media=86400", labels={"media=86400": "vendor"}, read=Retention.parse, forms="forever | status=SECONDS,media=SECONDS")] = Retention()
    queued_to_end: Annotated[Literal["no", "yes"], Point(
        45, "documented", "FLOW-04", "Whether ERROR and FAILED follow QUEUED directly, without PROCESSING.")] = "no"
    cors: Annotated[Literal["off", "on"], Point(
        47, "assumed", "-", "Whether browsers of other origins may call; decided by the server's profile, since a preflight carries no key.", observed="on")] = "off"
    submit_code: Annotated[Literal["202", "200"], Point(
        48, "documented", "SUBMIT-01, SUBMIT-02", "The status code of an accepted submission.", observed="200", labels={"200": "vendor"})] = "202"
    null_members: Annotated[Literal["refuse", "ignore"], Point(
        49, "assumed", "T2V-DUR-01, I2V-DUR-01", "An optional member that is null: 400 for its type, or as if it had not been sent.")] = "refuse"
    empty_callback_url: Annotated[Literal["ignore", "refuse"], Point(
        50, "assumed", "WEBHOOK-15, WEBHOOK-19..21", "A `callback_url` that is the empty string: as if it had not been sent, or a bad webhook URL (as an empty X-Webhook-URL always is).")] = "ignore"
    image_megabyte: Annotated[Literal["mib", "mb"], Point(
        51, "assumed", "I2V-IMG-08", 'The megabyte of "<20MB": 1024 * 1024 bytes or 1,000,000 bytes.')] = "mib"
    image_type: Annotated[Literal["listed", "match", "any"], Point(
        52, "assumed", "I2V-IMG-06, I2V-IMG-07", "The media type of a data URL: JPEG, PNG or WebP, but not compared with the content; that of the content; or not looked at.")] = "listed"
    media_origin: Annotated[str, Point(
        53, "assumed", "OUT-03..07", "Origin of media URLs: that of `polling_url`, the one of the page's sample (https://pub-582b7213209642b9b995c96c95a30381.r2.dev), or a fixed one; this server serves the media in any case.", read=origin_of_media, forms="same | page | ORIGIN", labels={"page": "documented"})] = "same"
    callback_events: Annotated[Literal["end", "updates"], Point(
        54, "assumed", "WEBHOOK-19..21", 'POSTs to `callback_url`: one at the end ("when video is ready"), or also one at the start of PROCESSING ("task status update notifications").')] = "end"
    media_user_agents: Annotated[tuple[str, ...], Point(
        55, "observed", "OUT-08", "Callers to which the media host responds with 403: prefixes of their User-Agent headers, in any letter case.", observed="Python-urllib", labels={"Python-urllib": "observed"}, read=agents, forms="none | PREFIX,PREFIX,...")] = ()
    video_aspect: Annotated[Literal["fixed", "first_frame"], Point(
        56, "assumed", "I2V-IMG-10, I2V-IMG-12", "Aspect ratio of a video from an image: always 16:9, or that of the first frame where the simulator knows it (a data URL, or the table of images); the short side is that of the resolution.")] = "fixed"
    status_head: Annotated[Literal["refuse", "answer"], Point(
        57, "assumed", "BASE-06, BASE-07", "HEAD on a status: a wrong method (`unknown_route`), or the head of the GET. HEAD on media always works.")] = "refuse"
    cache_control: Annotated[Literal["media", "none", "no_store"], Point(
        58, "assumed", "-", "Cache-Control: `public, max-age=3600` on media only, nowhere, or on media and `no-store` on every other response.")] = "media"
    webhook_timeout: Annotated[int, Point(
        59, "assumed", "WEBHOOK-11", "Seconds of the world's clock within which a receiver must respond to a webhook (a challenge: 3 s).", read=partial(number, 3600), forms="SECONDS")] = 15
    concurrency: Annotated[int | None, Point(
        72, "assumed", "ERR-429-01, ERR-429-02", "Generations of a key that may be unfinished at once; one more gets 429, with Retry-After until the next of them ends.", read=at_once, forms="off | GENERATIONS")] = None
    # fmt: on

    def changed(self, values: Mapping[str, object]) -> Self:
        """A copy with fields set from text or values of TOML. Raises ValueError with the field, the value and the remedy."""
        changes: dict[str, Any] = {}
        for name, value in values.items():
            if name in _DECIDED:
                raise ValueError(f"policy point {name!r} cannot be set: it is always {_DECIDED[name][0]}")
            if name not in points():
                near = nearest(name, tuple(points()))
                raise ValueError(f"policy field {name!r} does not exist{near}: see pixazo-sim policy")
            try:
                changes[name] = points()[name].read(_text(value, points()[name].words))
            except ValueError as error:
                raise ValueError(f"policy field {name}: {error}") from None
        return msgspec.structs.replace(self, **changes) if changes else self

    def check(self) -> None:
        """Raise ValueError for a value that cannot be set; the type of `check_order`, which a mutant shortens, has checked its names."""
        self.changed({name: text for name, text in self.texts.items() if name != "check_order"})

    def text(self, name: str) -> str:
        """The value of a field as it is written on the command line."""
        value = getattr(self, name)
        if isinstance(value, tuple):
            return ",".join(map(str, cast("tuple[object, ...]", value))) or "none"
        return "off" if value is None else str(value)

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """All fields as they are written on the command line."""
        return {name: self.text(name) for name in self.__struct_fields__}

    def decisions(self, names: Iterable[str]) -> tuple[PolicyDecision, ...]:
        """The points with these names, each once, with their values in this policy and how we know them."""
        found: list[PolicyDecision] = []
        for name in dict.fromkeys(names):
            value, point = _DECIDED.get(name) or (self.text(name), points()[name])
            is_usual = name in _DECIDED or value == PROFILES["documented"].text(name)
            found.append(PolicyDecision(name, value, point.label if is_usual else point.labels.get(value, "assumed")))
        return tuple(found)

    def changed_among(self, *names: str) -> tuple[str, ...]:
        """Those of these fields whose value is not their default, with which every response has what the page prints."""
        changed = self._changed
        return tuple(name for name in names if name in changed) if changed else ()

    @cached_property
    def _changed(self) -> frozenset[str]:
        default = PROFILES["documented"]
        return frozenset(name for name in self.__struct_fields__ if getattr(self, name) != getattr(default, name))


_DECIDED: Mapping[str, tuple[str, Point]] = {
    "number_forms": ("integral", Point(
        5, "assumed", "T2V-DUR-01, I2V-DUR-01", 'Forms of `duration`: 6 and 6.0 are accepted; "6", true and 6.5 are refused.')),
    "unknown_model": ("400", Point(
        21, "documented", "ERR-400-02, ERR-400-03", "An unknown or disabled model, a POST to any path below its name: 400, as printed; to a caller without a valid key an unknown model is an unknown route.")),
    "malformed_body": ("400", Point(
        24, "inferred", "SUBMIT-16, SUBMIT-17", "A body that is empty, not JSON in UTF-8 (a byte order mark, gzip, UTF-16, form data), or not an object: 400.")),
    "webhook_payload": ("status_answer", Point(
        33, "documented", "WEBHOOK-04", "Body of a webhook: the status response of that instant, the same bytes.")),
    "repeated_submit": ("two_requests", Point(
        46, "documented", "SUBMIT-15", "The same body twice, with or without Idempotency-Key: two requests, two debits (documented by absence).")),
    "paths": ("exact", Point(
        60, "assumed", "BASE-06, BASE-07", "Paths are compared letter by letter after percent-decoding: in another case, or with an extra slash, they are unknown.")),
    "repeated_names": ("last", Point(
        61, "assumed", "-", "Of two members of one name the last counts; of two headers, too, but for the key, of which the first counts.")),
    "validation_detail": ("all", Point(
        62, "assumed", "ERR-ENV-02", "The message of a validation error names every fault of the parameters, not only the first.")),
    "charge": ("at_submit", Point(
        63, "assumed", "WAL-01..03", "The price is charged when a submission is accepted, and kept at COMPLETED and FAILED (but see `refunds`).")),
    "media_access": ("open", Point(
        64, "inferred", "OUT-08", "Media need no key; ranges, ETag and HEAD work as RFC 9110 says.")),
    "error_texts": ("fixed", Point(
        65, "assumed", "FAIL-01, FAIL-04", "The member `error` where nothing chose its value: for ERROR as printed, for FAILED one of ours.")),
    "inert_members": ("types", Point(
        66, "assumed", "I2V-FP-02, I2V-PROMPT-06", "`prompt_optimizer`, `fast_pretreatment`, `aigc_watermark` and camera movements in a prompt: only types are checked, and they change nothing.")),
    "rate_window": ("fixed", Point(
        67, "assumed", "ERR-429-01..04", "A window of `rate_limit` begins with the first call after the last one ended; calls that are refused do not count.")),
    "json_form": ("compact", Point(
        68, "assumed", "-", "JSON is sent compact, in UTF-8, as `application/json`, its members in the order in which the page prints them.")),
    "webhook_request": ("plain", Point(
        69, "assumed", "WEBHOOK-04", "A webhook is a POST of JSON on a connection of its own, without the API key, from the User-Agent pixazo-sim.")),
    "url_length": ("8000", Point(
        70, "assumed", "WEBHOOK-15, I2V-IMG-03", "The longest URL of a webhook or image, in characters.")),
    "frame_sizes": ("upstream", Point(
        71, "inferred", "OUT-03..07", "Videos are MP4 of 1366 x 768 or 1920 x 1080 pixels, as of MiniMax upstream, and last 6 or 10 s (but see `video_aspect`).")),
}  # fmt: skip
"""Rows of the table that nothing can set: name, what the simulator always does, and how we know that it is right."""


def _text(value: object, words: Sequence[str]) -> str:
    """A value as the command line has it, one of the `words` if there are any. Raises ValueError for a value that is too long."""
    if isinstance(value, bool):
        text = "on" if value else "off"
        if words and text not in words:  # refused by the name under which it was given
            text = str(value).lower()
    elif isinstance(value, list):
        text = ",".join(map(str, cast("list[object]", value))) or "none"
    elif value is None or isinstance(value, Mapping):
        raise ValueError("null and tables are not allowed: use a string, number, list or boolean")
    else:
        text = str(value).strip()
    if len(text) > LONGEST_VALUE:
        raise ValueError(f"a value has at most {LONGEST_VALUE} characters, not {len(text)}")
    return text


@cache
def points() -> Mapping[str, Point]:
    """What is known about each field of the policy, in the order of the rows: read when first asked for, which takes some milliseconds."""
    return {name: _point(hint) for name, hint in get_type_hints(Policy, include_extras=True).items()}


def _point(hint: Any) -> Point:
    """The point of an annotation; its words are those of the type, unless a function reads the value."""
    kind, point = cast("tuple[Any, Point]", get_args(hint))
    if not (words := get_args(kind) if point.read is str else ()):
        return point
    return msgspec.structs.replace(point, read=partial(choice, words), forms=" | ".join(words), words=words)


class _Profiles(Mapping[str, Policy]):
    """`observed` is made when it is asked for."""

    def __init__(self) -> None:
        self._made = {"documented": Policy()}

    def __getitem__(self, name: str) -> Policy:
        if name == "observed" and name not in self._made:
            observed = {field: point.observed for field, point in points().items() if point.observed}
            self._made[name] = Policy().changed(observed)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(("documented", "observed"))

    def __len__(self) -> int:
        return 2


PROFILES: Mapping[str, Policy] = _Profiles()
"""Named sets of values: what the page says where it says anything, and what public code has seen."""


class Row(NamedTuple):
    """A row of the published table, as text."""

    row: int
    field: str
    documented: str
    observed: str
    values: str
    label: str
    clauses: str
    description: str


def description_of(name: str) -> str:
    """The sentence about a point of the policy."""
    return (_DECIDED[name][1] if name in _DECIDED else points()[name]).description


def rows() -> list[Row]:
    """The published table: every point, whether it is a field or not."""
    documented, observed = PROFILES["documented"], PROFILES["observed"]
    found = [(point, name, documented.text(name), observed.text(name), point.forms) for name, point in points().items()]
    found += [(point, name, value, value, value) for name, (value, point) in _DECIDED.items()]
    return sorted(
        Row(point.row, name, usual, seen, forms, point.label, point.clauses, point.description)
        for point, name, usual, seen, forms in found
    )
