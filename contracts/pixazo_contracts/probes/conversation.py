"""Conversations: generators of steps that get results back (`exchange = yield from Send(...)`), and what is built of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final, Generic, Literal, TypedDict, TypeVar, Unpack, cast

from pixazo_contracts import trace
from pixazo_contracts.trace import Callback, Exchange, Intent, Profile

__all__ = [
    "BODY_ONLY", "PRINTED_HEADERS", "PRINTED_IMAGE", "AwaitCallbacks", "Conversation", "Headers", "Pause",
    "Probe", "Recall", "ReceiverUrl", "RunContext", "Sample", "Send", "SingleStep", "Step", "StepResult",
    "Together", "follow", "media_urls", "poll", "probe", "read", "sample_text", "submit", "unknown_id",
]  # fmt: skip

#: Where the key of a request goes: the printed header, the same header in other letter case, or places that must not work.
Placement = Literal["header", "lower-case", "upper-case", "query", "bearer"]

#: How a submit asks for callbacks: not at all, by its header, or by the member of its body.
Way = Literal["", "header", "member"]

#: When a probe runs: before all others, among them, after them.
Phase = Literal["smoke", "main", "late"]

#: Request headers as name and value, in the order in which they are sent.
Headers = tuple[tuple[str, str], ...]


T = TypeVar("T")


class SingleStep(Generic[T]):
    """A conversation of one step: `yield from` gives its result its type."""

    __slots__ = ()

    def __iter__(self) -> Conversation[T]:
        """Yield the step, and return what the runner sends back."""
        return cast("T", (yield cast("Step", self)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(SingleStep[Exchange]):
    """Send one request; the result is its `Exchange`.

    `url` is absolute or a path at the target's origin. `account` names whose key is used (`""` for none, `blank` for an empty value,
    `unknown` for a made-up key, `near.case` and the like for one spelled almost like ours), never the key itself. `operation` is `generate`,
    `imageToVideo`, `status`, `media` or `other`. `aims` are the clauses for which the request is sent, `intent` what a gateway that follows
    the page does with it: where generations cost money, only a refused request can give its reservation back.
    """

    operation: str
    url: str
    case: str
    method: str = "GET"
    aims: tuple[str, ...] = ()
    intent: Intent = "any"
    account: str = "default"
    placement: Placement = "header"
    reader: str = ""
    request_id: str | None = None
    headers: Headers = ()
    body: bytes | None = None

    @property
    def text(self) -> str:
        """Everything that is sent except the key, as text: URL, values of headers, body."""
        body = (self.body or b"").decode("utf-8", "replace")
        return "\n".join([self.url, *(value for _, value in self.headers), body])


@dataclass(frozen=True, slots=True)
class Together(SingleStep[tuple[Exchange, ...]]):
    """Send several requests at once; the result is their exchanges in the same order."""

    sends: tuple[Send, ...]


@dataclass(frozen=True, slots=True)
class Pause(SingleStep[None]):
    """Wait for some seconds of the run's clock; the result is None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReceiverUrl(SingleStep[str]):
    """Open a new URL at our receiver; the result is that URL. At an `image` URL there is no image.

    The receiver responds with 200, but 500 to the first `fails` requests, after `delay` seconds, or always 307 if it `redirects`.
    """

    name: str
    fails: int = 0
    delay: float = 0.0
    redirects: bool = False
    image: bool = False


@dataclass(frozen=True, slots=True)
class AwaitCallbacks(SingleStep[tuple[Callback, ...]]):
    """Wait until `count` requests have reached a receiver URL or `seconds` have passed; the result is the requests that have."""

    url: str
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Recall(SingleStep[tuple[Exchange, ...]]):
    """Ask for all exchanges so far; they are the result."""


Step = Send | Together | Pause | ReceiverUrl | AwaitCallbacks | Recall
StepResult = Exchange | tuple[Exchange, ...] | tuple[Callback, ...] | str | None

Conversation = Generator[Step, StepResult, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """The facts that a probe gets before it begins; `earlier` has ids and media URLs of generations of earlier runs.

    `limited`: every possible generation is paid for from a budget, so a conversation stops at the first surprise.
    """

    profile: Profile
    run: str
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    limited: bool = False
    earlier: tuple[tuple[str, str | None], ...] = ()

    @property
    def has_receiver(self) -> bool:
        """Whether callbacks of the gateway can reach us."""
        return "receiver" in self.profile.capabilities


#: A function that begins a conversation with the target that the context describes.
Script = Callable[[RunContext], Conversation[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A conversation that provokes what the clauses that it `feeds` judge.

    `worst` and `expected` are the generations that it may cost and should cost, as the spend guard counts them; `needs` are
    capabilities; `only_unlimited` keeps it away from targets that charge; a plan shows the `note`.
    """

    name: str
    feeds: tuple[str, ...]
    conversation: Script
    worst: int = 0
    expected: int = 0
    needs: frozenset[str] = frozenset()
    phase: Phase = "main"
    only_unlimited: bool = False
    note: str = ""


def probe(
    name: str,
    *feeds: str,
    worst: int = 0,
    cost: int = 0,
    needs: Collection[str] = (),
    phase: Phase = "main",
    only_unlimited: bool = False,
    note: str = "",
) -> Callable[[Script], Probe]:
    """A decorator that makes a probe of a conversation; `cost` is both the expected and the worst cost, `worst` only the latter."""
    return lambda conversation: Probe(
        name=name,
        feeds=feeds,
        conversation=conversation,
        worst=worst or cost,
        expected=cost,
        needs=frozenset(needs),
        phase=phase,
        only_unlimited=only_unlimited,
        note=note,
    )


#: The payloads that the vendor's page prints, exactly as printed: a file of `samples/` each.
Sample = Literal[
    "accepted", "completed", "error", "image_to_video", "insufficient_balance", "model_not_found", "text_to_video"
]


@cache
def sample_text(sample: Sample) -> str:
    """A printed payload as text, newline at the end excluded."""
    file = files("pixazo_contracts.probes") / "samples" / f"{sample}.json"
    return file.read_text(encoding="utf-8").removesuffix("\n")


#: The headers of the samples except the key; and the header that a JSON body needs.
PRINTED_HEADERS: Final = (("Content-Type", "application/json"), ("Cache-Control", "no-cache"))
BODY_ONLY: Final = PRINTED_HEADERS[:1]

#: A prompt that no content filter objects to.
PROMPT: Final = "A paper boat drifts down a rainy street"

#: Optional members that some careless gateway requires: only T2V-BODY-02 is about leaving them out.
PRINTED: Final[dict[str, object]] = {"duration": 6, "resolution": "768P"}

PRINTED_IMAGE: Final[str] = json.loads(sample_text("image_to_video"))["first_frame_image"]

#: Polling ends after this many reads in a row that were refused for the key, or that found nothing, as may happen for a
#: while after the submit.
MOST_REFUSED: Final = 3
MOST_MISSING: Final = 40

#: The most reads of a request that is watched closely while it is queued, and the least wait between two of them, as a share of
#: the time that it has been queued: what is queued for long need not be read as often.
MOST_CLOSE: Final = 400
CLOSE_SHARE: Final = 0.012

#: Ended requests are read again this many polls later; and this many of those that ended earlier while another is under way.
LATER_POLLS: Final = 3
MOST_REDIRECTS: Final = 5
MOST_EARLIER: Final = 2


def unknown_id(run: str, use: str) -> str:
    """A request id of the right shape (UUIDv7) that no gateway has issued; each run and use has its own."""
    digits = hashlib.sha256(f"{run} {use}".encode()).hexdigest()
    return f"{trace.MODEL}_019d{digits[:4]}-{digits[4:8]}-7{digits[8:11]}-8{digits[11:14]}-{digits[14:26]}"


def encode(members: Mapping[str, object]) -> bytes:
    """A JSON body in UTF-8, non-ASCII characters unescaped."""
    return json.dumps(members, ensure_ascii=False).encode()


class About(TypedDict, total=False):
    """The members of `Send` that do not go over the network."""

    aims: tuple[str, ...]
    intent: Intent
    account: str
    placement: Placement
    reader: str


def submit(
    operation: str,
    body: Mapping[str, object] | bytes,
    *,
    case: str,
    headers: Headers = PRINTED_HEADERS,
    url: str | None = None,
    **about: Unpack[About],
) -> Send:
    """Submit a body to `generate` or `imageToVideo`; `url` sends the same to another path."""
    url = url or f"{trace.MODEL_BASE}/{operation}"
    encoded = body if isinstance(body, bytes) else encode(body)
    return Send(operation=operation, method="POST", url=url, case=case, headers=headers, body=encoded, **about)


def valid_body(operation: str, name: str, **changes: object) -> dict[str, object]:
    """A body that keeps every rule, with some members changed or added; each name gives a prompt of its own."""
    image = {"first_frame_image": PRINTED_IMAGE} if operation == "imageToVideo" else {}
    return {"prompt": f"{PROMPT} ({name})", **image, **PRINTED, **changes}


def read(request_id: str, *, case: str = "poll", **about: Unpack[About]) -> Send:
    return Send(operation="status", url=f"{trace.STATUS_BASE}{request_id}", case=case, request_id=request_id, **about)


def fetch(request_id: str, url: str, *, case: str = "download", aims: tuple[str, ...] = ()) -> Send:
    """Download a medium once, without a key."""
    return Send(operation="media", url=url, case=case, aims=aims, account="", request_id=request_id)


def head(url: str, request_id: str, account: str = "default") -> Send:
    """Ask for the headers of a status or a medium: the page does not mention this method, so any response will do."""
    operation = "head" if account else "media"
    return Send(operation=operation, method="HEAD", url=url, case="head", account=account, request_id=request_id)


def strangers(context: RunContext) -> dict[str, str]:
    """The accounts that must neither see nor change a request of ours, each with the clause that says so."""
    other = {"other": "AUTH-10"} if "account:other" in context.profile.capabilities else {}
    return {"": "AUTH-02", "unknown": "AUTH-03", **other}


def with_webhook(url: str) -> Headers:
    return (*PRINTED_HEADERS, ("X-Webhook-URL", url))


def submit_called(operation: str, case: str, url: str, way: Way, *aims: str, **changes: object) -> Send:
    """A valid submit that asks for callbacks at a URL, by the `header` or by the `member` of the body."""
    headers = with_webhook(url) if way == "header" else PRINTED_HEADERS
    body = valid_body(operation, case, **changes, **({"callback_url": url} if way == "member" else {}))
    return submit(operation, body, case=case, aims=aims, intent="accept", headers=headers)


def webhook_headers(context: RunContext, step: ReceiverUrl) -> Conversation[Headers]:
    """The printed headers, with `X-Webhook-URL` for a new receiver URL if callbacks can reach us."""
    return with_webhook((yield from step)) if context.has_receiver else PRINTED_HEADERS


def _hopeless(reads: Sequence[Exchange]) -> bool:
    """Whether further reads would get the same: a refusal of the key, of their rate or of the id, or no connection."""
    refused = [read for read in reads[-MOST_REFUSED:] if read.status in {401, 403, 429}]
    missing = [read for read in reads[-MOST_MISSING:] if read.status == 404 or read.error == "connect"]
    return len(refused) == MOST_REFUSED or len(missing) == MOST_MISSING


def poll(
    context: RunContext, accepted: Exchange, *, queued: float | None = None, readers: int = 1
) -> Conversation[Exchange | None]:
    """Read an accepted request until it ends or the deadline passes; returns the read that shows the end, or None.

    With several `readers`, each poll is as many reads at once, each on its own connection; `queued` as for `follow`.
    """
    ends = yield from follow(context, [accepted], queued=queued, readers=[f"reader {n + 1}" for n in range(readers)])
    return next(iter(ends.values()), None)


def follow(
    context: RunContext,
    accepted: Sequence[Exchange],
    *,
    pace: float | None = None,
    queued: float | None = None,
    readers: Sequence[str] = ("",),
    in_turn: bool = False,
) -> Conversation[dict[str, Exchange]]:
    """Poll several accepted requests side by side until all have ended; returns the reads that show the ends, by request id.

    The readers read at once, or `in_turn`, so what one sees can be compared with what another saw before. `queued` is the pace
    until a request leaves QUEUED, and the most reads at that pace.
    """
    running = {exchange.accepted_id: exchange for exchange in accepted if exchange.accepted_id is not None}
    history: dict[str, list[Exchange]] = {request_id: [] for request_id in running}
    ends: dict[str, Exchange] = {}
    while running:
        rounds = [(reader,) for reader in readers] if in_turn else [tuple(readers)]
        for names in rounds:
            asked = [(request_id, e.account, reader) for request_id, e in running.items() for reader in names]
            sends = (read(request_id, account=account, reader=reader) for request_id, account, reader in asked)
            for exchange in (yield from Together(tuple(sends))):
                request_id = str(exchange.request_id)
                history[request_id].append(exchange)
                if exchange.state in trace.TERMINAL:
                    ends.setdefault(request_id, exchange)
        for request_id, exchange in list(running.items()):
            late = history[request_id][-1].finished - exchange.finished >= context.profile.deadline
            if request_id in ends or late or _hopeless(history[request_id]):
                del running[request_id]
        if running:
            chosen = context.profile.pace if pace is None else pace
            if queued is not None and all(_is_close(history[each], context.profile.pace) for each in running):
                waited = min(history[request_id][-1].finished - e.finished for request_id, e in running.items())
                chosen = max(queued, CLOSE_SHARE * waited)
            yield from Pause(chosen)
    return ends


def _is_close(reads: Sequence[Exchange], pace: float) -> bool:
    """Whether a request is still queued and was read as often as intended: reads that a throttle delayed do not help."""
    held = any(after.started - before.finished > pace for before, after in pairwise(reads))
    return reads[-1].state == "QUEUED" and len(reads) < MOST_CLOSE and not held


def follow_called(context: RunContext, called: Sequence[tuple[Exchange, str]]) -> Conversation[None]:
    """Follow submits to their ends, then wait until each was called back at the URL that it gave."""
    ends = yield from follow(context, [exchange for exchange, _ in called])
    for url, count in Counter(url for exchange, url in called if exchange.accepted_id in ends).items():
        yield from AwaitCallbacks(url, count, context.profile.settle)


def media_urls(end: Exchange | trace.Callback) -> list[str]:
    """The media URLs of a completed generation; a plain string counts as one."""
    output = end.members.get("output")
    value = output.get("media_url") if trace.is_object(output) else None
    return [entry for entry in (value if trace.is_array(value) else [value]) if isinstance(entry, str)]


def download(context: RunContext, end: Exchange | None) -> Conversation[list[Exchange]]:
    """Fetch every medium of a completed generation, without a key, following its redirects."""
    fetched: list[Exchange] = []
    if end is None or end.state != "COMPLETED" or end.request_id is None:
        return fetched
    for url in media_urls(end):
        absolute = trace.join_url(context.profile.origin, url) if context.profile.loopback else url
        if trace.may_fetch(context.profile, absolute):
            exchange = yield from fetch(end.request_id, absolute)
            for _ in range(MOST_REDIRECTS):
                if exchange.redirect is None or not trace.may_fetch(context.profile, exchange.redirect):
                    break
                exchange = yield from fetch(end.request_id, exchange.redirect)
            fetched.append(exchange)
            yield from head(absolute, end.request_id, account="")
    return fetched


def end_watch(context: RunContext, ends: Collection[Exchange], *, times: int = 2) -> Conversation[None]:
    """Read ended requests again, in turn, and download their media: right after the end, and some polls later."""
    fetched: list[Exchange] = []
    for n in range(2):
        for _ in range(times):
            for end in ends:
                yield from read(str(end.request_id), case="again", account=end.account)
        for first in fetched:
            yield from fetch(str(first.request_id), first.url, case="download again")
        for end in ends if n == 0 else ():
            fetched += yield from download(context, end)
        if ends and n == 0:
            yield from Pause(LATER_POLLS * context.profile.pace)


def recall_g1() -> Conversation[Exchange | None]:
    """The submit of g1, which several probes look at, or the last one after a 429; None if it has not been sent."""
    exchanges = yield from Recall()
    return next((exchange for exchange in reversed(exchanges) if exchange.case == "g1"), None)


def ordinary(context: RunContext) -> Conversation[float]:
    """The longest time that a request took, in seconds, except for those that are to fail.

    Where probes run side by side it waits for one that has ended, for a deadline at most.
    """
    waited, pace = 0.0, context.profile.pace
    while True:
        generations = trace.find_generations((yield from Recall()), ())
        ended = [g for g in generations if g.ends and g.submit.sent.get("prompt") not in context.prompts.values()]
        took = [g.ends[0].started - g.submit.finished for g in ended]
        if took or context.limited or waited >= context.profile.deadline:
            return max(took, default=pace)
        yield from Pause(pace)
        waited += pace


def earlier_ends(others: Collection[str | None]) -> Conversation[None]:
    """Read some requests again that ended earlier, while another is under way: each response must be about its own request."""
    generations = trace.find_generations((yield from Recall()), ())
    ended = [g for g in generations if g.ends and g.submit.account == "default" and g.request_id not in others]
    for generation in ended[-MOST_EARLIER:]:
        yield from read(generation.request_id, case="again")
