"""What the control routes return: one struct per JSON object, for the server, its OpenAPI document and all clients.

`ControlClient` returns these structs, and they are the values of the pytest plugin. The server makes them only in
`rendering`, which redacts keys and other secrets in every string. Instants, which JSON writes as strings, have a type of their
own, which `encode` and `decode` know.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = [
    "Attempt", "Bill", "BilledGeneration", "ClockState", "Delivery", "DeliveryDetail", "DeliveryPage", "Entry",
    "Event", "Exchange", "Explanation", "Generation", "GenerationPage", "Health", "History", "HistoryEntry",
    "JournalPage", "LedgerPage", "Plan", "PolicyDecision", "Ready", "Request", "Response", "RuleDiagnosis",
    "ScriptRule", "ScriptState", "StatusAnswer", "TlsListener", "Upcoming", "UpcomingEvent", "WaitResult",
    "WorldList", "WorldRecord", "WorldState", "WorldSummary",
]  # fmt: skip
"""The structs that users of ControlClient meet: `pixazo_simulator` exports them."""

T = TypeVar("T")


class _Instant(datetime):
    """An instant of the world's clock, in UTC; as a string it is RFC 3339 with three digits and Z."""

    def __str__(self) -> str:
        return self.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Users meet plain datetimes: type checkers refuse to subtract a datetime from an instance of a subclass.
if TYPE_CHECKING:
    Instant = datetime
else:
    Instant = _Instant


@lru_cache(maxsize=1024)
def instant(milliseconds: int) -> Instant:
    """The instant at a number of milliseconds after the epoch."""
    return Instant.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)  # not rounded, as fromtimestamp would


def encode(value: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=_text)


def decode(text: bytes, kind: type[T]) -> T:
    """JSON as a value of `kind`; unknown members are ignored. Raises ValueError for anything else."""
    return msgspec.json.decode(text, type=kind, dec_hook=_instant)


def to_json(value: object) -> Any:
    """A value as dicts, lists and scalars, as `json.loads` would return them."""
    return msgspec.to_builtins(value, enc_hook=_text)


def from_json(value: object, kind: type[T]) -> T:
    """The reverse of `to_json`. Raises ValueError for what is not of `kind`."""
    return msgspec.convert(value, kind, dec_hook=_instant)


def schema_of(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema of a type that msgspec does not know; the description is where the type is used."""
    if kind is _Instant:
        return {"type": "string"}
    raise NotImplementedError(kind)


def _text(value: object) -> str:
    if isinstance(value, _Instant):
        return str(value)
    raise NotImplementedError(type(value))


def _instant(_kind: type, text: str) -> _Instant:
    return _Instant.fromisoformat(text)


def about(text: str, **bounds: Any) -> Meta:
    """What a member means, and how large it may be, for the JSON schema."""
    return Meta(description=text, **bounds)


At = Annotated[Instant, about("instant of the world's clock, RFC 3339 in UTC with three digits and Z")]
_MONEY = {"pattern": r"^-?[0-9]+\.[0-9]{2,6}$"}
Sum = Annotated[Decimal, about("US dollars, two to six decimals", extra_json_schema=_MONEY)]
Status = Literal["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR"]
Total = Annotated[int, about("how many there are in all; the list contains at most `limit` of them")]
StatusCode = Annotated[int | None, about("status code of the receiver's response, null when there was none")]
Problem = Annotated[str | None, about("what went wrong and the remedy, null when nothing did")]
RequestId = Annotated[str | None, about("the generation concerned, null when there is none")]
Rule = Annotated[str | None, about("the script rule that decided, null when none did")]
Faults = Annotated[tuple[str, ...], about("the kinds of fault that were injected")]
Seconds = Annotated[float | None, about("seconds of the world's clock, null: forever")]
Polls = Annotated[int | None, about("status reads that the state lasts, null when its length is in seconds")]

ABSENT: Any = UNSET
"""The default of a member that some objects lack: it is then neither encoded nor required."""


class Body(msgspec.Struct, frozen=True):
    """A JSON object of a response body, or a part of one."""


class Refusal(Body, frozen=True):
    """Explains why a request was not carried out, with the remedy; nothing was changed."""

    error: str
    message: Annotated[str, about("names the thing, the value and the remedy, in one line")]


class Health(Body, frozen=True):
    """Confirms that the simulator responds."""

    status: Literal["ok"]
    worlds: Annotated[int, about("how many worlds are open")]
    position: Annotated[int, about("how many commands its log has, if it keeps one")] = ABSENT


class Ready(Body, frozen=True):
    """Confirms that the server accepts requests."""

    status: Literal["ready"]


class WorldState(Body, frozen=True):
    """A world at a glance."""

    now: At
    clock: Annotated[str, about("how the clock runs: real, manual, or xN for N times as fast")]
    seed: int
    name: Annotated[str | None, about("its purpose, null when none was given")]
    balance: Sum
    suspended: Annotated[bool, about("whether every call gets 403")]
    model_enabled: Annotated[bool, about("if false, every submission gets 400 Model not found")]
    generations: Annotated[int, about("how many were accepted")]
    exchanges: Annotated[int, about("how many were journalled")]
    webhook_secret: Annotated[str | None, about("the Standard Webhooks secret, null without signatures")]
    former_webhook_secrets: Annotated[
        list[str], about("secrets from before a rotation with which webhooks are still signed, newest first")
    ]
    policy: Annotated[dict[str, str], about("every point that the vendor leaves open, as a string")]


class CreatedWorld(WorldState, frozen=True):
    """A new world."""

    key: Annotated[str, about("opens the world: send it as Ocp-Apim-Subscription-Key")]
    request_ids: Annotated[list[str], about("of the generations that it begins with, in the given order")]


class WorldSummary(Body, frozen=True):
    """One world of the server, without its key."""

    number: Annotated[int, about("counts the worlds of the server from 1; log lines name them by it")]
    name: Annotated[str | None, about("its purpose, null when none was given")]
    now: At
    clock: Annotated[str, about("how it runs: real, manual, or xN for N times as fast")]
    balance: Sum
    generations: Annotated[int, about("how many were accepted")]
    exchanges: Annotated[int, about("how many were journalled")]


class WorldList(Body, frozen=True):
    """The latest worlds of the server, oldest first."""

    total: Total
    worlds: list[WorldSummary]


class HistoryEntry(Body, frozen=True):
    """A command that changed a world."""

    position: Annotated[int, about("how many commands the log had then: pass it as `at` to see the world then")]
    at: At
    what: Annotated[str, about("what it was, as a phrase")]


class History(Body, frozen=True):
    """What has happened in a world as far as the log reaches back, oldest first."""

    total: Total
    entries: list[HistoryEntry]


class StateNumber(Body, frozen=True):
    """The number of a saved state of a world."""

    number: Annotated[int, about("identifies the state until it is discarded")]


class Deleted(Body, frozen=True):
    """Confirms a deletion."""

    deleted: Literal[True]


class TlsListener(Body, frozen=True):
    """An open TLS listener."""

    number: Annotated[int, about("the number with which to close it")]
    port: Annotated[int, about("the port on which it listens, on 127.0.0.1")]
    ca_pem: Annotated[str, about("certificate of the authority to trust, PEM")]


class Closed(Body, frozen=True):
    """Confirms that a TLS listener is closed."""

    closed: Literal[True]


class ClockState(Body, frozen=True):
    """What time it is in a world."""

    now: At
    clock: Annotated[str, about("how it runs: real, manual, or xN for N times as fast")]
    next_webhook_at: Annotated[Instant | None, about("when the next webhook is due, null when none is")]


class Event(Body, frozen=True):
    """Something that fell due: a generation entered a status (`transition`), or a webhook was attempted (`webhook`)."""

    kind: Literal["transition", "webhook"]
    at: At
    request_id: str
    status: Annotated[Status | int | None, about("of a transition the new status; of a webhook as in an attempt")]
    number: Annotated[int, about("of a webhook: which delivery it belongs to")] = ABSENT
    url: Annotated[str, about("of a webhook: where it was posted")] = ABSENT
    problem: Problem = ABSENT
    rule: Rule = ABSENT
    faults: Faults = ABSENT


class Advanced(Body, frozen=True):
    """The time after an advance, and what fell due, in order."""

    now: At
    events: list[Event]


class AdvanceStopped(Refusal, frozen=True):
    """An advance ended early: the time, and what fell due until then."""

    now: At
    events: list[Event]


class UpcomingEvent(Body, frozen=True):
    """Something that falls due by itself: a generation enters a status (`transition`), or a webhook is attempted (`webhook`)."""

    kind: Literal["transition", "webhook"]
    at: At
    request_id: str
    status: Annotated[Status, about("of a transition: the new status")] = ABSENT
    number: Annotated[int, about("of a webhook: which delivery it belongs to")] = ABSENT
    url: Annotated[str, about("of a webhook: where it is posted")] = ABSENT
    attempt: Annotated[int, about("of a webhook: which attempt it is, 1 for the first")] = ABSENT
    rule: Rule = ABSENT
    faults: Faults = ABSENT


class Upcoming(Body, frozen=True):
    """What falls due after `now`, until `until` inclusive, if nothing else happens; of a webhook only the next attempt."""

    now: At
    until: At
    events: Annotated[list[UpcomingEvent], about("in order, the first 1,000")]
    more: Annotated[bool, about("whether more falls due than is listed")]


class Entry(Body, frozen=True):
    """One line of the ledger; a refund may be in the future."""

    at: At
    kind: Annotated[Literal["opening", "debit", "refund", "adjustment"], about("why the balance changed")]
    amount: Sum
    request_id: RequestId

    def __repr__(self) -> str:
        return f"<{self.kind} {self.amount} {self.request_id or ''}".rstrip() + ">"


class LedgerPage(Body, frozen=True):
    """The balance, and the latest entries that add up to it."""

    balance: Sum
    total: Total
    entries: list[Entry]


class Plan(Body, frozen=True):
    """The plan of a generation, fixed on acceptance: its seconds in each state, then the terminal status.

    A state that lasts for a number of status reads has no seconds until it has ended.
    """

    queued: Seconds
    processing: Seconds
    outcome: Annotated[Status, about("the terminal status")]
    error: Annotated[str | None, about("the error text of a failure, null for a success")]
    queued_polls: Polls = None
    processing_polls: Polls = None


class Generation(Body, frozen=True):
    """One generation as it is now: what was requested, its status and since when."""

    request_id: Annotated[str, about("its identifier")]
    operation: Annotated[str, about("generate, imageToVideo, or the name of an operation of a model file")]
    duration: Annotated[float, about("seconds of video")]
    resolution: Annotated[str, about("as requested, or the default")]
    status: Annotated[Status, about("the status now")]
    accepted_at: At
    since: Annotated[Instant, about("when it entered its status")]
    plan: Annotated[Plan, about("how it proceeds, fixed on acceptance")]

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in ("COMPLETED", "FAILED", "ERROR")

    @property
    def ends_at(self) -> datetime | None:
        """When it ends, or ended; None if never."""
        if self.plan.queued is None or self.plan.processing is None:
            return None
        try:
            return self.accepted_at + timedelta(seconds=self.plan.queued + self.plan.processing)
        except OverflowError:  # beyond the year 9999
            return None

    def __repr__(self) -> str:
        return f"<{self.request_id} {self.status}>"


Fate = Annotated[
    Literal["delivered", "told", "unread", "lost", "running"],
    about(
        "delivered: the app has downloaded its media; told: it ended, and the app read that or accepted a callback that says so; "
        "unread: it ended, and the app never learned; lost: the response to the submission never reached the app whole, and the app did not learn its id later; "
        "running: it has not ended"
    ),
]
Waste = Literal["charged twice", "could have been refused", "never read"]


class BilledGeneration(Body, frozen=True):
    """What one generation cost, and what the app got for it."""

    request_id: Annotated[str, about("its identifier")]
    operation: Annotated[str, about("generate, imageToVideo, or the name of an operation of a model file")]
    at: At
    price: Annotated[Sum, about("what was debited")]
    refunded: Annotated[Sum, about("how much of that has been refunded so far")]
    state: Annotated[Status, about("the status now")]
    fate: Fate
    waste: Annotated[
        Waste | None, about("why the money need not have been spent, null when it was not wasted or was refunded")
    ]
    failed_before: Annotated[
        int, about("earlier equal submissions that FAILED, as the app knew when it submitted this one")
    ]
    curl: Annotated[
        str | None,
        about("for an unread or lost one, or one whose video was not downloaded: the command that reads its status"),
    ]


class Bill(Body, frozen=True):
    """What the generations of a world would have cost on the real gateway, without those that it began with."""

    total: Annotated[int, about("how many generations are billed")]
    spent: Annotated[Sum, about("what was debited")]
    refunded: Annotated[Sum, about("how much of that has been refunded so far")]
    wasted: Annotated[Sum, about("how much of that was wasted and not refunded")]
    wasted_generations: Annotated[int, about("how many were wasted")]
    dropped: Annotated[
        int, about("exchanges that the journal no longer has: if there are any, fate and waste may lack evidence")
    ]
    generations: list[BilledGeneration]


class ProgramBill(Bill, frozen=True, tag_field="$schema", tag="urn:pixazo-testkit:program-bill:1"):
    """What `pixazo-sim exec --bill` writes."""

    version: Literal[1] = 1


class GenerationPage(Body, frozen=True):
    """The latest generations, oldest first."""

    total: Total
    generations: list[Generation]


class StatusAnswer(Body, frozen=True):
    """The gateway's response to a status read of a generation at an instant."""

    request_id: Annotated[str, about("the generation concerned")]
    at: At
    status_code: Annotated[int, about("200, or 404 where the policy makes it unreadable then")]
    text: Annotated[str, about("the body, byte for byte as it is sent")]
    body: Annotated[Any, about("the same, decoded")]


class PolicyDecision(Body, frozen=True):
    """A point that the vendor's page leaves open and the policy decided."""

    field: Annotated[str, about("as in docs/reference/policy.md")]
    value: str
    label: Annotated[
        Literal["documented", "vendor", "observed", "inferred", "assumed", "ours"],
        about("how we know that the gateway does this"),
    ]

    def __str__(self) -> str:
        return f"policy {self.field}={self.value} ({self.label})"


DecidedBy = Annotated[
    tuple[PolicyDecision, ...], about("points of the policy where another value would have changed what was seen")
]


class Request(Body, frozen=True):
    """What was sent, without any key; a body is JSON where it can be read as such, else a string."""

    headers: Annotated[dict[str, str], about("by lower-case name")]
    headers_left_out: Annotated[int, about("how many more there were than the journal keeps")]
    body: Annotated[Any, about("JSON where it can be read as such, else a string")]
    length: Annotated[int, about("bytes of the whole body; the kept part may be shorter")]


class Response(Body, frozen=True):
    """The response."""

    headers: Annotated[dict[str, str], about("by lower-case name")]
    body: Annotated[Any, about("JSON where it can be read as such, else a string")]
    length: Annotated[int, about("bytes of the whole body, before anything was cut")]
    cut: Annotated[str | None, about("the part of the response that the caller did not get, null when it got all")]


class Exchange(Body, frozen=True):
    """One request and its response, without the key."""

    number: Annotated[int, about("counts the exchanges of this journal from 1")]
    at: At
    method: Annotated[str, about("such as POST")]
    target: Annotated[str, about("path and query")]
    status: Annotated[int, about("0 when there was no response")]
    reason: Annotated[str, about("why the simulator gave this response")]
    request_id: RequestId
    rule: Rule
    faults: Faults
    expected: Annotated[bool, about("whether the request was for a route of the gateway, with a known key")]
    hint: Annotated[str | None, about("if not expected: what was probably meant, or what is missing")]
    request: Annotated[Request, about("what was sent")]
    response: Annotated[Response, about("the response")]
    former: Annotated[
        str | None, about("the name of the deleted world whose key was sent, null for any other request")
    ] = None
    elapsed: Annotated[
        float, about("real seconds since the clock of the world began, however fast it runs; 0 unless requested")
    ] = 0.0
    decided_by: DecidedBy = ()
    submitted: Annotated[str | UnsetType, about("the operation of a model file that was called")] = UNSET

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def operation(self) -> str | None:
        """`generate`, `imageToVideo`, `status`, `media`, or the name of an operation of a model file; None for anything else."""
        from pixazo_simulator.spec import classify

        return self.submitted or classify(self.method, self.path).name

    def __repr__(self) -> str:
        return f"<{self.number}: {self.method} {self.target} -> {self.status} {self.reason}>"


class JournalPage(Body, frozen=True):
    """Exchanges, oldest first."""

    total: Annotated[int, about("how many exchanges there were; with a filter, how many of the kept ones pass it")]
    dropped: Annotated[int, about("how many have been dropped for later ones")]
    exchanges: list[Exchange]


class Attempt(Body, frozen=True):
    """One attempt to post a webhook: the receiver's status code, or what went wrong."""

    at: At
    status: StatusCode
    problem: Problem
    rule: Rule
    faults: Faults
    interrupted: Annotated[
        bool, about("the process that made it ended before the outcome was known, so it was repeated")
    ] = False

    def __str__(self) -> str:
        return self.problem or f"answered {self.status}"


class Delivery(Body, frozen=True):
    """One webhook delivery with its attempts so far."""

    number: Annotated[int, about("counts the deliveries of the world from 1")]
    request_id: Annotated[str, about("the generation that it is about")]
    url: Annotated[str, about("where it is posted")]
    channel: Annotated[str, about("the header or member that requested it")]
    form: Annotated[str, about("status, challenge or upstream: what is posted (policy callback_url)")]
    copy_of: Annotated[int | None, about("number of the delivery that it repeats")]
    due_at: At
    delivered: Annotated[bool, about("whether a receiver accepted it, with any 2xx")]
    rule: Rule
    faults: Faults
    attempts: Annotated[tuple[Attempt, ...], about("each attempt to post it, oldest first")]
    decided_by: DecidedBy = ()
    next_attempt_at: Annotated[
        Instant | None,
        about("when it is attempted next, null when no attempt follows, one is in progress, or it is unknown"),
    ] = None

    @property
    def summary(self) -> str:
        """The outcome, in words."""
        attempts = "; then ".join(map(str, self.attempts)) or "not attempted yet"
        return f"about {self.request_id}: {attempts}"

    def __repr__(self) -> str:
        return f"<{self.number}: POST {self.url} {self.summary}>"


class DeliveryDetail(Delivery, frozen=True, kw_only=True):
    """A delivery with the request that was posted at its latest attempt, or would be posted now if there was none.

    Headers, text and body are null while the status to report is unknown.
    """

    method: Literal["POST"]
    headers: Annotated[
        dict[str, str] | None, about("by lower-case name, with the signature; HTTP adds those of the connection")
    ]
    text: Annotated[str | None, about("the body, byte for byte except keys")]
    body: Annotated[Any, about("the same, decoded")]
    exact: Annotated[
        bool,
        about(
            "whether this is what was posted at the latest attempt, with faults; if not, it is computed from the present policy and secrets "
            "for the instant of that attempt, or for now: changes by faults and a mutant are left out, and the signature may have another second"
        ),
    ]


class DeliveryPage(Body, frozen=True):
    """The latest webhook deliveries, oldest first."""

    total: Annotated[int, about("how many are kept; the list contains at most `limit` of them")]
    deliveries: list[Delivery]


class RuleNumber(Body, frozen=True):
    """The number of a rule."""

    number: Annotated[int, about("identifies the rule until it is removed")]


class ScriptRule(Body, frozen=True):
    """A rule, and how often it was used."""

    number: int
    label: Annotated[str, about("the rule as a phrase, as journals and reports name it")]
    rule: Annotated[dict[str, Any], about("as it was given, without members at their defaults")]
    used: Annotated[list[int], about("how often each of its steps was used")]
    matched: Annotated[int, about("how many calls matched it, including those that it let through")]
    missed: Annotated[
        list[str] | None, about("how the nearest call of its kind differed, null when it missed no call of its kind")
    ]


class ScriptState(Body, frozen=True):
    """The rules of a world, in the order in which they are tried."""

    rules: list[ScriptRule]


class WorldRecord(Body, frozen=True):
    """All that has happened in a world: the first 1,000 exchanges, and of the other lists the latest 1,000."""

    clock: ClockState
    journal: JournalPage
    unmatched: Annotated[JournalPage, about("the requests that reached no world, after the number given")]
    generations: GenerationPage
    deliveries: DeliveryPage
    script: ScriptState


class RuleDiagnosis(Body, frozen=True):
    """Whether one rule decides a request."""

    number: int
    label: str
    decides: bool
    differences: Annotated[tuple[str, ...], about("what keeps it from deciding, empty when it decides")]

    def __str__(self) -> str:
        return f"{self.label}: {'decides' if self.decides else ', and '.join(self.differences)}"


class Explanation(Body, frozen=True):
    """What would happen to a request, and why."""

    summary: Annotated[str, about("the response and its reason, in one line")]
    exchange: Annotated[Exchange, about("as the journal would show it")]
    rules: Annotated[tuple[RuleDiagnosis, ...], about("every rule, the deciding one or else the nearest first")]
    price: Annotated[Decimal | None, about("US dollars that would be debited, null when nothing is accepted")]
    generation: Annotated[Generation | None, about("the generation concerned, with its plan")]
    deliveries: Annotated[tuple[Delivery, ...], about("the webhooks that would be scheduled; nothing is posted")]

    @property
    def status(self) -> int:
        """The status code of the response."""
        return self.exchange.status

    @property
    def body(self) -> Any:
        """The body of the response, JSON as JSON."""
        return self.exchange.response.body

    def __repr__(self) -> str:
        price = [f"  it would cost {self.price} USD"] if self.price else []
        return "\n".join([self.summary, *price, *(f"  {each}" for each in self.rules)])


class WaitResult(Body, frozen=True):
    """What fulfils the condition, under the name of the condition; the other two members are absent."""

    exchanges: list[Exchange] = ABSENT
    deliveries: list[Delivery] = ABSENT
    generations: list[Generation] = ABSENT


class Nearest(Body, frozen=True):
    """What came nearest to the condition without fulfilling it."""

    what: Annotated[str, about("which exchange, delivery or generation")]
    differences: tuple[str, ...]


class VerificationFailed(Refusal, frozen=True, kw_only=True):
    """What was expected did not happen, or not as often: what did happen, and what came nearest."""

    exchanges: list[Exchange] = ABSENT
    deliveries: list[Delivery] = ABSENT
    generations: list[Generation] = ABSENT
    nearest: Nearest | None


class WaitTimedOut(VerificationFailed, frozen=True, kw_only=True):
    """Timed out: what did arrive, and what came nearest."""
