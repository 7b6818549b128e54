"""The shapes of what our own routes answer: JSON objects, as typed dictionaries."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

Instant = Annotated[str, Meta(description="instant of the world's clock, RFC 3339 in UTC with three digits and Z")]
Dollars = Annotated[str, Meta(description="US dollars, two to six decimals", pattern=r"^-?[0-9]+\.[0-9]{2,6}$")]
Word = Literal["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR"]
Total = Annotated[int, Meta(description="how many there are in all; the list holds at most `limit` of them")]
Code = Annotated[int | None, Meta(description="HTTP status that the receiver answered, null when it did not")]
Problem = Annotated[str | None, Meta(description="what went wrong and the remedy, null when nothing did")]
RequestId = Annotated[str | None, Meta(description="the generation concerned, null when there is none")]
Rule = Annotated[str | None, Meta(description="the script rule that decided, null when none did")]
Faults = Annotated[list[str], Meta(description="the kinds of fault that struck")]
Cut = Annotated[str | None, Meta(description="what of the answer the caller did not get, null when it got all of it")]
Hint = Annotated[
    str | None, Meta(description="what was meant, or is missing, where nothing of the gateway stood behind it")
]
Seconds = Annotated[float | None, Meta(description="seconds of the world's clock, null for ever")]


class Refusal(TypedDict):
    """Why a request was not carried out, and the remedy; nothing was changed."""

    error: str
    message: Annotated[str, Meta(description="names the thing, the value and the remedy, in one line")]


class Health(TypedDict):
    """Whether the simulator answers."""

    status: Literal["ok"]
    worlds: Annotated[int, Meta(description="how many worlds are open")]


class World(TypedDict):
    """A world at a glance."""

    now: Instant
    clock: Annotated[str, Meta(description="how the clock runs: real, manual, or xN for N times as fast")]
    seed: int
    balance: Dollars
    suspended: Annotated[bool, Meta(description="whether every call is answered 403")]
    model_enabled: Annotated[bool, Meta(description="without it every submit is answered 400 Model not found")]
    generations: Annotated[int, Meta(description="how many were accepted")]
    exchanges: Annotated[int, Meta(description="how many were journalled")]
    webhook_secret: Annotated[str | None, Meta(description="the Standard Webhooks secret, when callbacks are signed")]
    policy: Annotated[dict[str, str], Meta(description="every point that the vendor leaves open, as text")]


class CreatedWorld(World):
    """A new world."""

    key: Annotated[str, Meta(description="opens the world: send it as Ocp-Apim-Subscription-Key")]


class Deleted(TypedDict):
    """It is gone."""

    deleted: Literal[True]


class TlsListener(TypedDict):
    """An open TLS listener."""

    number: Annotated[int, Meta(description="its number, by which it is closed")]
    port: Annotated[int, Meta(description="where it listens, on 127.0.0.1")]
    ca_pem: Annotated[str, Meta(description="certificate of the authority to trust, PEM")]


class Closed(TypedDict):
    """It listens no more."""

    closed: Literal[True]


class Clock(TypedDict):
    """What time it is in a world."""

    now: Instant
    clock: Annotated[str, Meta(description="how it runs: real, manual, or xN for N times as fast")]
    next_callback_at: Annotated[str | None, Meta(description="when the next callback is due, null when none is")]


class Event(TypedDict):
    """Something that fell due: a generation entered a status, or a callback was attempted."""

    kind: Literal["transition", "webhook"]
    at: Instant
    request_id: str
    status: Annotated[
        Word | int | None, Meta(description="of a transition the new status; of a webhook as in an attempt")
    ]
    number: NotRequired[Annotated[int, Meta(description="of a webhook: which delivery it belongs to")]]
    url: NotRequired[Annotated[str, Meta(description="of a webhook: where it was posted")]]
    problem: NotRequired[Problem]
    rule: NotRequired[Rule]
    faults: NotRequired[Faults]


class Advanced(TypedDict):
    """The time after an advance, and what fell due, in order."""

    now: Instant
    events: list[Event]


class Stopped(Refusal, Advanced):
    """An advance ended before its time: how far the clock came, and what fell due until then."""


class Entry(TypedDict):
    """One line of the ledger; a refund may lie ahead."""

    at: Instant
    kind: Literal["opening", "debit", "refund", "adjustment"]
    amount: Dollars
    request_id: RequestId


class Ledger(TypedDict):
    """The balance, and the latest entries that it folds from."""

    balance: Dollars
    total: Total
    entries: list[Entry]


class Plan(TypedDict):
    """The fate of a generation, fixed on acceptance."""

    queued: Seconds
    processing: Seconds
    outcome: Annotated[Word, Meta(description="the terminal status")]
    error: str | None


class Generation(TypedDict):
    """One accepted piece of work as it is now."""

    request_id: str
    operation: Annotated[str, Meta(description="generate or imageToVideo")]
    duration: Annotated[float, Meta(description="seconds of video")]
    resolution: str
    status: Word
    accepted_at: Instant
    since: Annotated[str, Meta(description="when it entered its status")]
    plan: Plan


class Generations(TypedDict):
    """The latest generations, oldest first."""

    total: Total
    generations: list[Generation]


class Request(TypedDict):
    """What was sent, without any key; a body is JSON where it can be read as such, else text."""

    headers: dict[str, str]
    headers_left_out: Annotated[int, Meta(description="how many more there were than the journal keeps")]
    body: Any
    length: Annotated[int, Meta(description="bytes of the whole body; what is kept of it may be cut")]


class Response(TypedDict):
    """What was answered."""

    headers: dict[str, str]
    body: Any
    length: Annotated[int, Meta(description="bytes of the whole body, before anything was cut")]
    cut: Cut


class Exchange(TypedDict):
    """One request and its answer."""

    number: Annotated[int, Meta(description="counts the exchanges of this journal from 1")]
    at: Instant
    method: str
    target: Annotated[str, Meta(description="path and query")]
    status: Annotated[int, Meta(description="0 when nothing was answered")]
    reason: Annotated[str, Meta(description="why the simulator answered so")]
    request_id: RequestId
    rule: Rule
    faults: Faults
    expected: Annotated[bool, Meta(description="whether a route and a known key of the gateway stood behind it")]
    hint: Hint
    request: Request
    response: Response


class Journal(TypedDict):
    """Exchanges, oldest first."""

    total: Annotated[int, Meta(description="how many exchanges there were")]
    dropped: Annotated[int, Meta(description="how many had to give way to later ones")]
    exchanges: list[Exchange]


class Attempt(TypedDict):
    """One try to post a callback."""

    at: Instant
    status: Code
    problem: Problem
    rule: Rule
    faults: Faults


class Delivery(TypedDict):
    """One callback and what became of it so far."""

    number: int
    request_id: str
    url: str
    channel: Annotated[str, Meta(description="the header or member by which it was asked for")]
    form: Annotated[str, Meta(description="status, challenge or upstream: what is posted (policy callback_url)")]
    copy_of: Annotated[int | None, Meta(description="number of the delivery that it repeats")]
    due_at: Instant
    delivered: Annotated[bool, Meta(description="whether a receiver took it, with any 2xx")]
    rule: Rule
    faults: Faults
    attempts: list[Attempt]


class Deliveries(TypedDict):
    """The latest callbacks, oldest first."""

    total: Total
    deliveries: list[Delivery]


class RuleNumber(TypedDict):
    """Which rule it is now."""

    number: Annotated[int, Meta(description="names the rule until it is removed")]


class ScriptRule(TypedDict):
    """A rule, and what it was used for."""

    number: int
    label: Annotated[str, Meta(description="the rule as a phrase, as journals and reports name it")]
    rule: Annotated[dict[str, Any], Meta(description="as it was given, without what is left at its default")]
    used: Annotated[list[int], Meta(description="how often each of its steps was used")]
    missed: Annotated[
        list[str] | None,
        Meta(description="what the nearest call of its kind differed in, null when no call of its kind passed it by"),
    ]


class Script(TypedDict):
    """The rules of a world, in the order in which they are asked."""

    rules: list[ScriptRule]


class Opinion(TypedDict):
    """How one rule regards a request."""

    number: int
    label: str
    decides: bool
    differences: Annotated[list[str], Meta(description="what keeps it from deciding, nothing when it decides")]


class Explanation(TypedDict):
    """What would happen to a request, and why."""

    summary: Annotated[str, Meta(description="the answer and its reason, in one line")]
    exchange: Annotated[Exchange, Meta(description="as the journal would tell it")]
    rules: Annotated[list[Opinion], Meta(description="every rule, the deciding one or else the nearest first")]
    price: Annotated[str | None, Meta(description="US dollars that would be debited, null when nothing is accepted")]
    generation: Annotated[Generation | None, Meta(description="the generation concerned, with its plan")]
    deliveries: Annotated[list[Delivery], Meta(description="the callbacks that would be scheduled; nothing is posted")]


class Arrived(TypedDict):
    """What fulfils the condition, under the name that the condition had."""

    exchanges: NotRequired[list[Exchange]]
    deliveries: NotRequired[list[Delivery]]
    generations: NotRequired[list[Generation]]


class Nearest(TypedDict):
    """What came nearest to the condition without fulfilling it."""

    what: Annotated[str, Meta(description="which exchange, delivery or generation")]
    differences: list[str]


class TimedOut(Refusal, Arrived):
    """Time ran out: what did arrive, and what came nearest."""

    nearest: Nearest | None
