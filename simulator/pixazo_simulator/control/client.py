"""A client of the control API: one method per route of `/_sim`, over HTTP or in process, with typed results."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict, TypeVar, Unpack, cast
from urllib.parse import quote, urlencode, urlsplit

from .schema import responses
from .schema.responses import decode

if TYPE_CHECKING:
    from decimal import Decimal
    from ssl import SSLContext

    from pixazo_simulator.script import ModelCall, Rule


# The same two as in `spec`, whose import would take as long as that of the client.
KEY_HEADER = "Ocp-Apim-Subscription-Key"
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens here
TOKEN_HEADER, TOKEN_VARIABLE = "X-Pixazo-Control-Token", "PIXAZO_SIM_CONTROL_TOKEN"
"""The header in which the control token is sent, and the environment variable in which a server and its callers find it."""
RESPONSE_TIMEOUT = 600.0
"""Real seconds to wait for a response: an advance ends only when every webhook that fell due has been attempted."""
LONGEST_IDLE = 30.0
"""Real seconds after which an idle connection is not used again: the server closes it after 75."""

real_clock = partial(time.perf_counter)  # as in `world`

Operation = Literal["generate", "imageToVideo", "submit", "status", "media", "request"]
"""The operations of exchanges: `submit` is any submission, `request` any operation of the gateway."""
Channel = Callable[[str, str, "str | None", bytes], tuple[int, bytes]]
"""Carries method, target, API key and body to a simulator and returns status code and body. Any thread may call it."""
T = TypeVar("T")


class JournalFilters(TypedDict, total=False):
    """What an exchange must match; `path`, `rule` and `text` are any part of its target, of the deciding rule, and of what is shown.

    `after` and `before` are numbers of exchanges: the first ones after that, or the latest before it; nothing after the instant
    `at` is listed; `elapsed` shows real times.
    """

    method: str | None
    path: str | None
    status: int | None
    operation: Operation | ModelCall | None
    request_id: str | None
    rule: str | None
    text: str | None
    after: int | None
    before: int | None
    limit: int | None
    elapsed: bool | None
    at: datetime | str | None


class InitialGeneration(TypedDict, total=False):
    """A generation that a world begins with; all members but `status` may be omitted.

    `age` is in seconds since it was accepted, by default as policy `job_times` gives it. `charged` says whether the ledger
    contains its price, and its refund by the policy. What was due in the past counts as delivered to `webhook_url`.
    """

    status: Required[Literal["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR"]]
    operation: str
    age: float
    prompt: str
    duration: float
    resolution: str
    error: str
    webhook_url: str
    charged: bool


class PolicyFields(TypedDict, total=False):
    """What the fields of a policy can be set to, for type checkers; a test keeps it equal to `Policy`.

    The values are strings as on the command line, or numbers and lists.
    """

    request_id: Literal["uuid7", "thirteen"]
    media: Literal["mp4", "placeholder"]
    public_origin: str
    t2v_limits: Literal["i2v", "open"]
    combo_1080p_10s: Literal["refuse", "accept", "fail"]
    prompt_unit: Literal["code_points", "utf16", "bytes"]
    blank_prompt: Literal["refuse", "accept"]
    unknown_members: Literal["ignore", "refuse"]
    validation_body: Literal["title_message", "sentence_status"]
    image_rules: Literal["refuse", "fail"]
    image_urls: Literal["unseen", "table", "https"]
    missing_key: Literal["apim", "queue"]
    unknown_key: Literal["apim", "queue"]
    query_key: Literal["refuse", "accept"]
    forbidden: Literal["queue", "apim_quota", "html_reads"]
    throttled: Literal["apim", "queue", "apim_bare"]
    rate_limit: str
    unknown_route: Literal["404", "405"] | int
    unknown_id: Literal["404", "403_foreign"]
    insufficient_balance: Literal["printed", "required"]
    check_order: str | list[str]
    content_type: Literal["400", "ignore", "415"] | int
    body_limit: str | int
    price: str
    refunds: Literal["error", "error_failed"]
    status_members: Literal["all", "minimal_failure"]
    timestamps: Literal["rfc3339", "mixed"]
    job_times: str
    webhook_events: Literal["terminal", "header"]
    webhook_retries: str | list[int]
    webhook_signature: Literal["none", "standard"]
    webhook_redirects: Literal["refuse", "follow"]
    callback_url: Literal["post", "ignore", "challenge"]
    both_channels: Literal["each", "header", "member"]
    bad_webhook_url: Literal["refuse", "ignore"]
    http_webhook_url: Literal["accept", "refuse"]
    webhook_allow: str | list[str]
    read_delay: str | int
    moderation: Literal["fail", "refuse"]
    retention: str
    queued_to_end: Literal["no", "yes"]
    cors: Literal["off", "on"] | bool
    submit_code: Literal["202", "200"] | int
    null_members: Literal["refuse", "ignore"]
    empty_callback_url: Literal["ignore", "refuse"]
    image_megabyte: Literal["mib", "mb"]
    image_type: Literal["listed", "match", "any"]
    media_origin: str
    callback_events: Literal["end", "updates"]
    media_user_agents: str | list[str]
    video_aspect: Literal["fixed", "first_frame"]
    status_head: Literal["refuse", "answer"]
    cache_control: Literal["media", "none", "no_store"]
    webhook_timeout: str | int
    concurrency: str | int


class ControlError(Exception):
    """A control request that was not carried out.

    `status` is the status code, None when no simulator responded or nothing was sent; `body` is the body as JSON: after a
    `wait_for` that timed out it says what did arrive, after an `advance` that stopped early how far the clock got.
    """

    def __init__(self, status: int | None, message: str, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.body: Mapping[str, Any] = body or {}


class ControlClient:
    """The control API of one simulator, and of the world that `api_key` opens; results are the structs of the API.

    `control_token` is the one with which the server was started (`--control-token`). `channel` replaces HTTP, as `Simulator.control()`
    does. The client blocks, needs no event loop, and may be used from any thread, also inside a running event loop. `ca` is the path of
    the certificate authority (PEM) of an https simulator, by default those of the system or of SSL_CERT_FILE. Every method raises
    ControlError with reason and remedy when its request is refused, ValueError for a URL that is neither http nor https.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        control_token: str | None = None,
        channel: Channel | None = None,
        ca: str | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.api_key = api_key
        self._channel = channel or HttpChannel(self.url, control_token, ca)

    def health(self) -> responses.Health:
        """Check that the simulator responds; returns how many worlds it has."""
        return self._call("GET", "/_sim/health", responses.Health)

    def ready(self) -> responses.Ready:
        """Check that the server accepts requests. Raises ControlError with status 503 while the store of the worlds cannot be used."""
        return self._call("GET", "/_sim/ready", responses.Ready)

    def metrics(self) -> str:
        """What has happened so far, in Prometheus' text format."""
        return self._call("GET", "/_sim/metrics", str)

    def openapi(self) -> dict[str, Any]:
        """The description of these routes, as OpenAPI 3.1."""
        return self._call("GET", "/_sim/openapi.json", dict[str, Any])

    def create_world(
        self,
        *,
        key: str | None = None,
        balance: str | Decimal | None = None,
        profile: str | None = None,
        policy: PolicyFields | None = None,
        clock: str | None = None,
        start: str | None = None,
        seed: int | None = None,
        images: Mapping[str, Any] | None = None,
        script: Sequence[Rule | Mapping[str, Any]] | None = None,
        name: str | None = None,
        log: Mapping[str, Any] | None = None,
        generations: Sequence[InitialGeneration] | None = None,
    ) -> ControlClient:
        """Create a world and return a client of its own; what is omitted comes from the server's settings, a missing key is generated.

        `balance` is in US dollars (`"0.50"`), `clock` one of `real`, `manual`, `xN`, `start` is `now` or an
        instant of RFC 3339, `policy` maps fields to their values.
        `name` says what the world is for, such as the id of a test: requests that arrive after its end are listed with it.
        With a `log` (see `export_world`) it is the world that was exported.
        `generations` are those that it has already accepted; `balance` is what is left after paying for them.
        Raises ControlError with status 409 for a key that has a world already.
        """
        rules = None if script is None else [_rule(rule) for rule in script]
        members = {
            "key": key, "balance": balance, "profile": profile, "policy": policy, "clock": clock, "start": start, "seed": seed,
            "images": images, "script": rules, "name": name, "log": log, "generations": generations,
        }  # fmt: skip
        created = self._call("POST", "/_sim/worlds", responses.CreatedWorld, _given(members))
        return ControlClient(self.url, created.key, channel=self._channel)

    def worlds(self, *, limit: int | None = None) -> responses.WorldList:
        """The latest worlds of the server, of all callers: number, name, clock, balance, counts; no keys."""
        return self._list("worlds", responses.WorldList, limit=limit)

    def world(self, *, at: str | None = None) -> responses.WorldState:
        """The world at a glance: balance, clock, seed, switches, policy; as it was `at` a position of the log, else now."""
        return self._list("world", responses.WorldState, at=at)

    def change_world(
        self,
        *,
        balance: str | Decimal | None = None,
        policy: PolicyFields | None = None,
        suspended: bool | None = None,
        model_enabled: bool | None = None,
        images: Mapping[str, Any] | None = None,
    ) -> responses.WorldState:
        """Change what is given and leave the rest; nothing changes when one of the values is wrong."""
        members = {
            "balance": balance, "policy": policy, "suspended": suspended, "model_enabled": model_enabled, "images": images,
        }  # fmt: skip
        return self._call("PATCH", "/_sim/world", responses.WorldState, _given(members))

    def delete_world(self) -> None:
        """Delete the world; its key is unknown from now on."""
        self._call("DELETE", "/_sim/world", responses.Deleted)

    def export_world(self) -> dict[str, Any]:
        """The world as a document without its key, from which `create_world` and `pixazo-sim replay` recreate it."""
        return self._call("GET", "/_sim/world/log", dict[str, Any])

    def history(self, *, after: int | None = None, limit: int | None = None) -> responses.History:
        """The latest commands that have changed the world, as far as the log reaches, or the first `after` a position.

        Raises ControlError with status 400 on a server that keeps no log.
        """
        return self._list("world/history", responses.History, after=after, limit=limit)

    def keep_state(self) -> int:
        """Save the present state of the world and return its number."""
        return self._call("POST", "/_sim/world/states", responses.StateNumber, {}).number

    def restore_state(self, number: int) -> responses.WorldState:
        """Restore the world to a saved state."""
        return self._call("POST", f"/_sim/world/states/{number}/restore", responses.WorldState, {})

    def forget_state(self, number: int) -> None:
        """Discard a saved state."""
        self._call("DELETE", f"/_sim/world/states/{number}", responses.Deleted)

    def clock(self) -> responses.ClockState:
        """The time of the world, and how its clock runs."""
        return self._call("GET", "/_sim/clock", responses.ClockState)

    def advance(
        self, seconds: float | None = None, *, until: datetime | str | None = None, every_world: bool = False
    ) -> list[responses.Event]:
        """Let seconds of the world's clock pass and return what fell due, in order: transitions and webhooks attempted.

        `until="next"` lets time pass until the next of these falls due; no time passes, and the list is empty, when nothing is
        to come. An instant, a `datetime` with a time zone or an RFC 3339 string, advances the clock to it. With `every_world` the seconds pass in all other worlds of the simulator, too.

        Raises ControlError with status 409 when more webhooks are due than one advance attempts (10,000), or when they take
        longer than 300 real seconds: the clock has stopped early, `body["now"]` says where and `body["events"]` what
        fell due until then. Advance again to continue.
        """
        if hasattr(seconds, "total_seconds"):
            raise TypeError(f"seconds {seconds!r}: give a number, such as its total_seconds()")
        given = _given({"seconds": seconds, "until": _instant(until), "every_world": every_world or None})
        return self._call("POST", "/_sim/clock/advance", responses.Advanced, given).events

    def upcoming(self, seconds: float | None = None) -> responses.Upcoming:
        """What falls due within this many seconds of the world's clock (15 by default) if nothing else happens.

        Nothing is sent and nothing changes. Of a webhook only the next attempt is listed.
        """
        return self._list("upcoming", responses.Upcoming, seconds=seconds)

    def ledger(self, *, limit: int | None = None, at: datetime | str | None = None) -> responses.LedgerPage:
        """The balance, and the latest entries that add up to it; as they were `at` a past instant, else now."""
        return self._list("ledger", responses.LedgerPage, limit=limit, at=at)

    def bill(self) -> responses.Bill:
        """What the generations would have cost on the real gateway, what became of each, and how much of the money was wasted."""
        return self._call("GET", "/_sim/bill", responses.Bill)

    def generations(self, *, limit: int | None = None, at: datetime | str | None = None) -> responses.GenerationPage:
        """The latest generations: status, plan, what was requested; as they were `at` a past instant, else now."""
        return self._list("generations", responses.GenerationPage, limit=limit, at=at)

    def status(self, request_id: str, *, at: datetime | str | None = None) -> responses.StatusAnswer:
        """The response to a status read of this generation now, or `at` an instant: `text`, byte for byte, and `body`, decoded.

        For a future instant it is what the response will be if nothing changes until then.
        """
        return self._list("status", responses.StatusAnswer, request_id=request_id, at=at)

    def journal(self, **filters: Unpack[JournalFilters]) -> responses.JournalPage:
        """The latest exchanges of the world; with `after` the first ones after that number, to read page by page."""
        return self._list("journal", responses.JournalPage, **filters)

    def unmatched(self, **filters: Unpack[JournalFilters]) -> responses.JournalPage:
        """The requests to this server that reached no world, such as those with an unknown key."""
        return self._list("unmatched", responses.JournalPage, **filters)

    def record(self, *, unmatched_after: int | None = None, elapsed: bool | None = None) -> responses.WorldRecord:
        """All that has happened in the world, in one response; of a longer journal the first 1,000 exchanges.

        With `unmatched_after` also the requests after that number that reached no world.
        """
        return self._list("record", responses.WorldRecord, unmatched_after=unmatched_after, elapsed=elapsed)

    def script(self, *, at: str | None = None) -> responses.ScriptState:
        """The rules in order, with how often each of their steps was used; as they were `at` a position of the log, else now."""
        return self._list("script", responses.ScriptState, at=at)

    def set_script(self, rules: Sequence[Rule | Mapping[str, Any]]) -> responses.ScriptState:
        """Replace all rules; none is changed when one of the new ones is wrong."""
        return self._call("PUT", "/_sim/script", responses.ScriptState, {"rules": [_rule(rule) for rule in rules]})

    def clear_script(self) -> None:
        """Remove every rule."""
        self._call("DELETE", "/_sim/script", responses.Deleted)

    def add_rule(self, rule: Rule | Mapping[str, Any]) -> int:
        """Append a rule and return its number."""
        return self._call("POST", "/_sim/script/rules", responses.RuleNumber, _rule(rule)).number

    def replace_rule(self, number: int, rule: Rule | Mapping[str, Any]) -> None:
        """Replace a rule by another, which starts unused."""
        self._call("PUT", f"/_sim/script/rules/{number}", responses.RuleNumber, _rule(rule))

    def remove_rule(self, number: int) -> None:
        """Remove one rule."""
        self._call("DELETE", f"/_sim/script/rules/{number}", responses.Deleted)

    def explain(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: object = None
    ) -> responses.Explanation:
        """What would happen to this request, and why; nothing is sent and nothing changes.

        A `body` that is a string is sent as it is, any other as JSON. The key of this world is sent when `headers` contain none.
        """
        asked = {"method": method, "path": path, "headers": headers, "body": body}
        return self._call("POST", "/_sim/explain", responses.Explanation, _given(asked))

    def wait_for(self, condition: Mapping[str, Any], *, timeout: float) -> responses.WaitResult:
        """Block until the condition is fulfilled and return what fulfils it; `timeout` is in real seconds.

        Raises ControlError with status 408 on a time-out; its `body` says what did arrive, and what came nearest.
        """
        return self._call("POST", "/_sim/wait", responses.WaitResult, {**condition, "timeout": timeout})

    def verify(self, expected: Mapping[str, Any]) -> responses.WaitResult:
        """Verify what has happened so far, and return it: `{"exchanges": {"operation": "submit"}, "at_most": 1}`, or a `sequence`.

        Raises ControlError with status 406 when it is not fulfilled; its `body` says what did happen, and what came nearest.
        """
        return self._call("POST", "/_sim/verify", responses.WaitResult, expected)

    def deliveries(self, *, limit: int | None = None, at: datetime | str | None = None) -> responses.DeliveryPage:
        """The latest webhooks, delivered or pending, with every attempt; as they were `at` a past instant, else now."""
        return self._list("deliveries", responses.DeliveryPage, limit=limit, at=at)

    def delivery(self, number: int) -> responses.DeliveryDetail:
        """A webhook with what was posted at its latest attempt, or what would be posted now if there was none."""
        return self._call("GET", f"/_sim/deliveries/{number}", responses.DeliveryDetail)

    def resend(self, number: int) -> responses.Attempt:
        """Post a webhook once more, now, and return that attempt."""
        return self._call("POST", f"/_sim/deliveries/{number}/resend", responses.Attempt)

    def rotate_webhook_secret(self, *, overlap: float = 86_400.0) -> responses.WorldState:
        """Sign webhooks with a new secret, and for `overlap` seconds of the world's clock with the former one, too.

        The result has the new one as `webhook_secret`. The world's policy must have `webhook_signature=standard`.
        """
        return self._call("POST", "/_sim/webhook-secret/rotate", responses.WorldState, {"overlap": overlap})

    def open_tls_listener(self, hosts: Sequence[str]) -> responses.TlsListener:
        """Open a TLS port for these hosts that serves this world, whatever key is sent there."""
        return self._call("POST", "/_sim/tls-listeners", responses.TlsListener, {"hosts": list(hosts)})

    def close_tls_listener(self, number: int) -> None:
        """Close a TLS listener and reset its connections."""
        self._call("DELETE", f"/_sim/tls-listeners/{number}", responses.Closed)

    def _list(self, what: str, kind: type[T], /, **filters: object) -> T:
        # A path that is not Unicode was never sent.
        given = {name: _instant(value) for name, value in _given(filters).items()}
        query = urlencode(given, quote_via=quote, errors="replace")
        return self._call("GET", f"/_sim/{what}?{query}" if query else f"/_sim/{what}", kind)

    def _call(self, method: str, target: str, kind: type[T], members: Mapping[str, Any] | None = None) -> T:
        try:
            content = b"" if members is None else json.dumps(members, allow_nan=False, default=_sum).encode()
        except ValueError as error:
            raise ControlError(None, f"{method} {target} was not sent ({error}): give finite numbers") from None
        status, answer = self._channel(method, target, self.api_key, content)
        try:
            if status < 400:
                return cast("T", answer.decode()) if kind is str else decode(answer, kind)
            refusal = decode(answer, dict[str, Any])
            message: str = refusal["message"]
        except (ValueError, LookupError):
            shown = _redacted(answer.decode(errors="replace"), self.api_key)[:80]
            raise ControlError(status, f"unexpected response {shown!r}: is this a pixazo-sim server?") from None
        raise ControlError(status, message, refusal)


class HttpChannel:
    """Calls a simulator over HTTP; each thread has its own connection, which is kept alive."""

    def __init__(self, url: str, control_token: str | None = None, ca: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"url {_redacted(url)!r} is not the origin of a simulator, such as http://127.0.0.1:8900")
        self._url = url
        self._host, self._port = LOOPBACK_OF.get(parts.hostname, parts.hostname), parts.port
        self._token = control_token
        self._context = _trusting(ca) if parts.scheme == "https" else None
        self._of_thread = threading.local()

    def __call__(self, method: str, target: str, key: str | None, body: bytes) -> tuple[int, bytes]:
        """Send one request. Raises ControlError when no simulator responds."""
        from http.client import HTTPException
        from ssl import SSLCertVerificationError

        headers = {"Content-Type": "application/json"} if body else {}
        if key is not None:
            headers[KEY_HEADER] = key
        if self._token is not None:
            headers[TOKEN_HEADER] = self._token
        try:
            return self._connection().request(method, target, body, headers)
        except UnicodeEncodeError:
            problem = "the key or control token cannot be sent as a header: use printable ASCII"
            raise ControlError(None, problem) from None
        except SSLCertVerificationError as error:
            problem = f"{self._url} is not trusted ({error.verify_message}): name its authority with SSL_CERT_FILE=$(pixazo-sim ca), or in Python with ca="
            raise ControlError(None, _redacted(problem, key)) from error
        except (OSError, HTTPException) as error:
            problem = f"{method} {target} got no response from {self._url} ({type(error).__name__}: {error})"
            raise ControlError(None, _redacted(f"{problem}: is `pixazo-sim serve` running there?", key)) from error

    def _connection(self) -> _Connection:
        kept: _Connection | None = getattr(self._of_thread, "connection", None)
        if kept is None or kept.process != os.getpid():  # after a fork its socket is still the parent's
            kept = self._of_thread.connection = _Connection(self._host, self._port, self._context)
        return kept


def _trusting(ca: str | None) -> SSLContext:
    """A context that trusts the authority in a file, or those of the system. Raises ValueError."""
    from ssl import create_default_context

    try:
        return create_default_context(cafile=ca)
    except OSError as error:
        raise ValueError(f"authority {ca} cannot be read ({error}): give a file in PEM, see `pixazo-sim ca`") from None


def _redacted(text: str, *keys: str | None) -> str:
    """A string without these keys, and without other secrets."""
    from pixazo_simulator.spec import Redactor

    return Redactor(key for key in keys if key).text(text)


class _Connection:
    """A connection that one thread reuses, and that is closed with the thread."""

    def __init__(self, host: str, port: int | None, context: SSLContext | None) -> None:
        from http.client import HTTPConnection, HTTPSConnection

        kind = partial(HTTPSConnection, context=context) if context else HTTPConnection
        self._connection = kind(host, port, timeout=RESPONSE_TIMEOUT)
        self._until = 0.0
        self.process = os.getpid()

    def request(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send one request and read its response, on a new connection if the old one has been idle for long."""
        if real_clock() >= self._until:
            self._connection.close()  # it reopens by itself
        self._until = 0.0
        self._connection.request(method, target, body or None, headers)
        response = self._connection.getresponse()
        answer = response.status, response.read()
        self._until = real_clock() + LONGEST_IDLE
        return answer

    def __del__(self) -> None:
        """Close it: a socket left to the garbage collector emits a ResourceWarning."""
        self._connection.close()


def _sum(value: object) -> str:
    """A sum of money as `Dollars` are written, without an exponent; other values JSON does not know either."""
    from decimal import Decimal

    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{value!r} cannot be sent: write what JSON has, or a condition such as contains('bear')")


def _given(members: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _instant(given: object) -> object:
    """An instant as a string, anything else as it is."""
    return given.isoformat() if isinstance(given, datetime) else given


def _rule(rule: Rule | Mapping[str, Any]) -> Mapping[str, Any]:
    return rule if isinstance(rule, Mapping) else rule.as_json()
