"""A request of the gateway, where it goes, and its response: what the caller gets, what the journal keeps, what the server has to carry out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from pixazo_simulator import spec
from pixazo_simulator.script import Transmission, cut, inject, kind_of
from pixazo_simulator.world import Clock, Exchange, Outcome, World, Worlds

_KEY = spec.KEY_HEADER.lower().encode()
_WEBHOOK_URL = spec.WEBHOOK_URL_HEADER.lower().encode()
_WEBHOOK_MODE = spec.WEBHOOK_MODE_HEADER.lower().encode()
_OUTCOME = spec.OUTCOME_HEADER.lower().encode()
_QUERY_KEY = spec.QUERY_KEY.encode()
_AUTHORITY = spec.regex(r"([A-Za-z0-9.\-_]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}
NO_OUTCOME: Outcome[Any] = Outcome(None)


class Request(msgspec.Struct, gc=False):
    """A request: its request line and headers as ASGI has them, the headers of note, and its body once it was read.

    `path` is percent-decoded, `query` is not; names in `headers` are in lower case. `server` is the address that was called, `listener`
    the world of the TLS listener it came through, if any; `header_bytes` is the size of request line and headers, where it is known.
    `body` is None when it is longer than the policy allows, and may be only the beginning of the `received` bytes. `started` is when the
    server had read the headers, in seconds of its monotonic clock. `entry` is its number in the journal, once it is there.

    Determined once, from the head: `endpoint`; `called`, the origin that the caller used; `decided_by`, the points of the policy
    that decide about such a request, however it is answered.
    """

    method: str
    path: str
    query: bytes
    headers: Sequence[spec.Header]
    scheme: str = "http"
    server: tuple[str, int | None] = ("localhost", None)
    listener: World | None = None
    header_bytes: int | None = None
    body: bytes | None = b""
    received: int = 0
    started: float = 0.0
    entry: int = 0
    key: str = ""
    host: str = ""
    content_type: str | None = None
    content_length: int = 0
    webhook_url: str | None = None
    webhook_mode: str | None = None
    outcome: str = ""
    endpoint: spec.Endpoint = spec.Unrouted()
    called: str = ""
    decided_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Read the headers: of several with one name the first counts for the key, all for X-Sim-Outcome, else the last."""
        for name, value in self.headers:
            if name == _KEY:
                self.key = self.key or value.decode("latin-1").strip()
            elif name == b"host":
                self.host = value.decode("latin-1")
            elif name == b"content-type":
                self.content_type = value.decode("latin-1")
            elif name == b"content-length":
                # More than 18 digits are too many in any case, and int() is slow for very many.
                self.content_length = int(value[:18]) if value.isdigit() else 0
            elif name == _WEBHOOK_URL:
                self.webhook_url = value.decode("latin-1").strip()
            elif name == _WEBHOOK_MODE:
                self.webhook_mode = value.decode("latin-1")
        outcomes = (value.decode(errors="replace").strip() for name, value in self.headers if name == _OUTCOME)
        self.outcome = "; ".join(outcomes)
        self.endpoint = spec.classify(self.method, self.path)
        self.called = _called(self.scheme, self.host, self.server)
        if _QUERY_KEY in self.query and not self.key:
            self.decided_by = ("query_key",)
        if self.method == "HEAD" and self.path.startswith(spec.STATUS_PATH):
            self.decided_by = (*self.decided_by, "status_head")

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query.decode('latin-1')}" if self.query else self.path

    def redactor(self, worlds: Worlds) -> spec.Redactor:
        """A redactor of these worlds that knows the secrets of this request, too."""
        return worlds.redactor.with_keys(self.key).with_request_secrets(self.headers, self.target)

    def origin(self, policy: spec.Policy) -> str:
        """The origin of `polling_url` and media URLs, which may end in a path (policy `public_origin`)."""
        if policy.public_origin == "caller":
            return self.called
        return _forwarded(self.headers, self.called) if policy.public_origin == "forwarded" else policy.public_origin


@lru_cache(maxsize=64)  # a Host header may have 64 KiB
def _called(scheme: str, host: str, server: tuple[str, int | None]) -> str:
    """The origin that a caller used, by the Host header; by the address that was called where that header has none."""
    if not _authority(host):
        name, port = server
        host = f"{name}:{port}" if port else name
    return f"{scheme}://{host}"


def _forwarded(headers: Sequence[spec.Header], called: str) -> str:
    """The origin that a proxy says that its client called, in `Forwarded` or else in `X-Forwarded-` headers; else the `called` one.

    Of several values the first counts, the outermost proxy's; several prefixes are one path. An invalid value counts as absent.
    """
    scheme, _, host = called.partition("://")
    standard = _standard(",".join(_values(headers, b"forwarded")))
    schemes = [standard.get("proto", ""), *_values(headers, b"x-forwarded-proto")[:1]]
    hosts = [standard.get("host", ""), *_values(headers, b"x-forwarded-host")[:1]]
    scheme = next((each.lower() for each in schemes if each.lower() in _PORTS), scheme)
    forwarded = next(filter(None, map(_authority, hosts)), None)
    host = forwarded[0] if forwarded else host
    port = next(iter(_values(headers, b"x-forwarded-port")), "")
    # A port in a forwarded host is the one that the client wrote: a proxy in a container may name another one, its own.
    if re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) <= spec.LAST_PORT and not (forwarded and forwarded[2]):
        name = re.sub(r":[0-9]+\Z", "", host)
        host = name if int(port) == _PORTS[scheme] else f"{name}:{int(port)}"
    paths = [spec.base_path(each) for each in _values(headers, b"x-forwarded-prefix")]
    path = "".join(each for each in paths if each is not None) if None not in paths else ""
    return f"{scheme}://{host}{path if len(path) <= spec.LONGEST_BASE_PATH else ''}"


def _standard(text: str) -> dict[str, str]:
    """The parameters of `Forwarded` (RFC 7239), each as in the first proxy that names it; the reader must check the value."""
    found: dict[str, str] = {}
    for pair in re.split("[;,]", text):
        name, _, value = pair.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _values(headers: Sequence[spec.Header], name: bytes) -> list[str]:
    """The values of all headers of a name, which are one list (RFC 9110, 5.3); empty elements do not count (5.6.1)."""
    joined = ",".join(value.decode("latin-1") for each, value in headers if each == name)
    return [each for each in map(str.strip, joined.split(",")) if each]


def _authority(text: str) -> re.Match[str] | None:
    """The host, and its port as group 2 if it has one; None for a string that is not an authority."""
    found = _AUTHORITY.fullmatch(text)
    return found if found and (found[2] is None or 0 < int(found[2]) <= spec.LAST_PORT) else None


class RoutedRequest(msgspec.Struct, frozen=True, gc=False):
    """Where a request goes, known from its head: the endpoint, the world concerned, and the policy and clock that apply to it.

    At most `body_limit` bytes of its body are read (None: none). Only `keep` are kept, for the journal (None: all, to be judged).
    """

    endpoint: spec.Endpoint
    world: World | None
    policy: spec.Policy
    clock: Clock
    body_limit: int | None = None
    keep: int | None = None

    def take(self, request: Request, body: bytes, received: int | None = None) -> None:
        """Give a request as much of its body as is kept, or None if it is too long; `body` may be only the beginning of `received` bytes."""
        if self.body_limit is None:
            return
        received = len(body) if received is None else received
        if request.content_length > self.body_limit or received > self.body_limit:
            request.body = None
        else:
            request.body, request.received = body[: self.keep], received


class Response(msgspec.Struct, frozen=True, gc=False):
    """A response to one request, as it is `at` an instant of the clock of its world (UTC milliseconds).

    The server carries out its effects in this order: a line for the `log`; `wakes`, since a webhook may have become due; `hold`,
    an instant of the world's clock by which due webhooks must have been attempted; `pause`, real seconds; `transmission`, how the
    bytes are sent (empty: immediately and whole). Without the last three it `leaves_at_once`.

    The rest is for the journal of `world`, if any: why this is the response and which points of the policy decided that, the generation
    concerned, what a script did, what to send instead, the `former` world of the key. Of an `opaque` body it keeps the length only.
    """

    request: Request
    at: int
    status: int
    headers: tuple[spec.Header, ...]
    body: bytes
    reason: str
    world: World | None = None
    request_id: str | None = None
    rule: str | None = None
    faults: tuple[str, ...] = ()
    hint: str | None = None
    former: str | None = None
    decided_by: tuple[spec.PolicyDecision, ...] = ()
    opaque: bool = False
    log: str | None = None
    hold: int | None = None
    wakes: bool = False
    pause: float = 0.0
    transmission: Transmission = ()

    @property
    def leaves_at_once(self) -> bool:
        """Whether it is sent immediately and whole, without waiting for anything."""
        return not self.transmission and self.hold is None and not self.pause

    def dated(self, now: int) -> Response:
        """The same response at another instant, which its Date names."""
        date = _date(now // spec.SECOND)
        headers = tuple((name, date if name == b"date" else value) for name, value in self.headers)
        return replace(self, at=now, headers=headers)

    def exchange(self, elapsed: int = 0) -> Exchange:
        """The entry for the journal, given the real milliseconds since the clock of its world was made."""
        request, body = self.request, self.body
        # By position: this many keyword arguments would take longer than the rest of a journal entry.
        return Exchange(
            0, self.at, request.method, request.target, request.headers, request.body or b"", request.received, self.status,
            b"" if self.opaque else body, self.reason, self.headers, len(body), self.request_id, self.rule, self.faults,
            cut(self.transmission, len(body)) if self.transmission else None, self.hint, 0, self.former, elapsed, self.decided_by,
            name if (name := request.endpoint.name) and "/" in name else None,
        )  # fmt: skip


def complete(
    request: Request,
    route: RoutedRequest,
    answer: spec.Answer,
    now: int,
    outcome: Outcome[Any] = NO_OUTCOME,
    *,
    request_id: str | None = None,
    hint: str | None = None,
    former: str | None = None,
    log: str | None = None,
    wakes: bool = False,
) -> Response:
    """Make a response of an answer: apply the faults of the outcome's decision, then add Content-Length and Date.

    `former` names the deleted world that the request is for; it does not concern the world that it reached.
    """
    policy, world = route.policy, None if former else route.world or request.listener
    decision, decided_by = outcome.decision, outcome.decided_by + answer.decided_by + request.decided_by
    if outcome.passed:
        answer = replace(answer, reason="; ".join((answer.reason, *outcome.passed)))
    faults = decision.step.faults if decision else ()
    sent: Transmission = ()
    if decision and faults:
        answer, sent = inject(answer, faults, decision.seed)
    if policy.cache_control == "no_store" and not any(name == b"cache-control" for name, _ in answer.headers):
        answer = replace(answer, headers=(*answer.headers, (b"cache-control", b"no-store")))
    # By position, see `exchange`.
    return Response(
        request, now, answer.status, framed(answer, now), answer.body, answer.reason, world, request_id,
        decision.label if decision else None, tuple(map(kind_of, faults)) if faults else (), hint, former,
        policy.decisions(decided_by) if decided_by else (), answer.opaque, log, outcome.hold, wakes, 0.0, sent,
    )  # fmt: skip


def framed(answer: spec.Answer, now: int) -> tuple[spec.Header, ...]:
    """The headers of an answer with its Content-Length and Date.

    RFC 9110, 8.6 forbids a length in a 204; in a 304 it would be that of the 200, which is not known here.
    """
    length = None if answer.status in spec.BODILESS else len(answer.body)
    return _framed(answer.headers, length, now // spec.SECOND)


@lru_cache(maxsize=256)
def _framed(headers: tuple[spec.Header, ...], length: int | None, second: int) -> tuple[spec.Header, ...]:
    framing = () if length is None else ((b"content-length", b"%d" % length),)
    return (*headers, *framing, (b"date", _date(second)))


@lru_cache(maxsize=64)
def _date(second: int) -> bytes:
    """The Date header follows the world's clock, since `created_at` is compared with it (TIME-08)."""
    return spec.http_date(second * spec.SECOND)
