"""Probes of generations: the packs g1, g2, g4, g5, the same body twice, many reads of one, several side by side, late re-reads.

And their callbacks: receivers that fail, are slow or redirect; unusable URLs; our own address as an image. Each pack is one
accepted request that proves every acceptance in it (the smoke test begins with g1); if it is refused, no clause about one of its
values is blamed: `families.ALLOWED` sends each value alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final
from urllib.parse import urlsplit

from pixazo_contracts.trace import STATUS_BASE, TERMINAL, Exchange, find_generations, only_reads

from .conversation import (
    PRINTED_HEADERS,
    PRINTED_IMAGE,
    PROMPT,
    About,
    AwaitCallbacks,
    Conversation,
    Headers,
    Pause,
    Probe,
    Recall,
    ReceiverUrl,
    RunContext,
    Send,
    Together,
    Way,
    earlier_ends,
    end_watch,
    fetch,
    follow,
    follow_called,
    head,
    media_urls,
    ordinary,
    poll,
    probe,
    read,
    recall_g1,
    sample_text,
    strangers,
    submit,
    submit_called,
    unknown_id,
    valid_body,
    webhook_headers,
    with_webhook,
)
from .families import ABSENT, MOST_TRIES, SHIP, Case, family, t2v
from .images import data_url, png, webp

__all__ = ["unusable"]

IMAGE: Final[dict[str, object]] = {"first_frame_image": PRINTED_IMAGE}

#: The clauses for which any polled generation is evidence.
SHARED: Final = (
    *(f"SUBMIT-{n:02}" for n in range(3, 15) if n != 10),
    *(f"STATUS-{n:02}" for n in (*range(1, 10), 13, 14, 15)),
    *("FLOW-01", "FLOW-02", "FLOW-03", "FLOW-05"),
    *(f"OUT-{n:02}" for n in range(1, 13)),
    *(f"TIME-{n:02}" for n in range(1, 9)),
    *("AUTH-07", "AUTH-11", "HDR-04", "HDR-05", "BASE-04", "BASE-05"),
)
CALLED_BACK: Final = tuple(f"WEBHOOK-{n:02}" for n in (2, 3, 4, 5, 6, 8, 10, 13, 14, 18, 22))

#: The clauses that the packs are sent for.
G2: Final = ("SUBMIT-02", "I2V-PROMPT-06", "I2V-IMG-03", "HDR-01", "HDR-03")
G4: Final = ("I2V-PROMPT-03", "I2V-PROMPT-05", "I2V-IMG-04", "I2V-IMG-06", "I2V-IMG-10", "I2V-DUR-02", "I2V-RES-01")
G5: Final = ("I2V-IMG-12", "I2V-IMG-06", "I2V-RES-01", "WEBHOOK-11", "WEBHOOK-16")

#: How often the status of g1 is read again right after the end, and once more some polls later.
REREADS: Final = 10


def submit_g1(context: RunContext) -> Conversation[Exchange]:
    """Submit g1: the printed text-to-video example byte for byte, the webhook header in odd letter case; strangers read it at once."""
    url = (yield from ReceiverUrl("g1")) if context.has_receiver else None
    headers = PRINTED_HEADERS if url is None else (*PRINTED_HEADERS, ("x-WEBHOOK-url", url))
    aims = ("SUBMIT-01", "T2V-BODY-01", "HDR-01", "HDR-03", *(() if url is None else ("WEBHOOK-01",)))
    body = sample_text("text_to_video").encode()
    accepted = yield from submit("generate", body, case="g1", aims=aims, intent="accept", headers=headers)
    yield from _read_by_strangers(context, accepted)
    return accepted


def _read_by_strangers(context: RunContext, accepted: Exchange) -> Conversation[None]:
    for account, clause in strangers(context).items() if accepted.accepted_id is not None else ():
        yield from read(str(accepted.accepted_id), case="while it runs", aims=(clause,), account=account)


#: Reads of the first generation while no other request is under way: a gateway has no reason to throttle these.
LONE_READS: Final = 4

#: A target is gone if it could not be reached for the last few requests, this many.
MOST_UNREACHED: Final = 3


@probe("smoke", cost=1, phase="smoke")
def _smoke(context: RunContext) -> Conversation[None]:
    """Find out whether this target can be observed at all: one read, one refused submit, one accepted one."""
    first = yield from read(unknown_id(context.run, "smoke"), case="smoke read")
    # Where generations cost money the smoke test only reads, unless its key seems to be refused.
    quiet = first.status is None or context.limited
    if not quiet or first.status == 401:
        yield from submit("generate", b"{", case="smoke refusal", aims=("SUBMIT-16",), intent="refuse")
    if quiet:
        return
    accepted = yield from submit_g1(context)
    if accepted.accepted_id is None:
        printed = sample_text("image_to_video").encode()
        yield from submit("imageToVideo", printed, case="smoke image to video", intent="accept")
    for _ in range(LONE_READS if accepted.accepted_id is not None else 0):
        yield from read(str(accepted.accepted_id), case="alone")
        yield from Pause(context.profile.pace)


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a target cannot be observed; `hopeless` if further requests would not show anything either."""

    reason: str
    hopeless: bool


def unusable(exchanges: Sequence[Exchange]) -> Unusable | None:
    """What is wrong with a target, from the exchanges so far, which begin with those of the smoke test; None if it can be observed."""
    if not exchanges:
        return None
    read, *others = exchanges
    submits = [e for e in others if e.is_submit and e.account == "default"]
    valid = [e for e in submits if e.intent == "accept"]
    if read.status is None:
        trusted = ", and that its certificate is trusted (SSL_CERT_FILE)" if read.url.startswith("https:") else ""
        return Unusable(f"the target does not respond ({read.error}): check --target{trusted}", hopeless=True)
    elsewhere = (read.redirect or "").removesuffix(urlsplit(read.url).path)
    if elsewhere != (read.redirect or "") and not read.url.startswith(elsewhere):
        return Unusable(f"the target redirects to {elsewhere}: give that as --target", hopeless=True)
    # This gateway may respond with 403 to an id that is not the caller's.
    refused = read.status == 401 or (read.status == 403 and valid)
    if refused and all(exchange.status in {401, 403} for exchange in valid or submits):
        return Unusable(f"the target refuses the key ({read.status}): check --api-key", hopeless=True)
    # If each refusal was a server error, and so was spent, there may have been no budget for a valid submit.
    spent = [exchange for exchange in submits if exchange.spent]
    tried = valid or (spent if all((exchange.status or 500) >= 500 for exchange in spent) else [])
    if tried and not any(exchange.succeeded for exchange in tried):
        counted = Counter(f"{exchange.operation} {exchange.status or exchange.error}" for exchange in tried)
        codes = ", ".join(f"{what} ({count} times)" if count > 1 else what for what, count in counted.items())
        reason = f"the target accepts no submit ({codes}): check its path, the wallet and the rate limit"
        return Unusable(reason, hopeless=False)
    last = [e for e in others if e.is_submit or e.operation == "status"][-MOST_UNREACHED:]
    if len(last) == MOST_UNREACHED and all(exchange.error == "connect" for exchange in last):
        return Unusable("the target can no longer be reached (connect): see why it ended", hopeless=True)
    return None


def _polling_url(context: RunContext, accepted: Exchange) -> Conversation[None]:
    """Fetch `polling_url` as given, unless the key would leave the origin or a faulty gateway's path could begin a generation."""
    url, origin = accepted.members.get("polling_url"), context.profile.origin
    if not isinstance(url, str) or not url.startswith(f"{origin}/"):
        return
    if not context.limited or only_reads("GET", url, origin):
        case, aims = "polling_url as given", ("SUBMIT-12",)
        yield from Send(operation="status", url=url, case=case, aims=aims, request_id=accepted.accepted_id)


def _to_the_end(
    context: RunContext, accepted: Exchange, *, readers: int = 1, times: int = 2
) -> Conversation[Exchange | None]:
    """Poll, read again, download."""
    if accepted.accepted_id is not None:
        yield from replace(read(accepted.accepted_id), headers=(("Accept-Encoding", "gzip"),))  # as most clients do
        yield from earlier_ends({accepted.accepted_id})
    end = yield from poll(context, accepted, readers=readers)
    yield from end_watch(context, [end] if end is not None else [], times=times)
    return end


@probe("g1", "SUBMIT-01", "T2V-BODY-01", "HDR-01", "HDR-03", "WEBHOOK-01", "WEBHOOK-12", *SHARED, *CALLED_BACK, cost=1)
def _g1(context: RunContext) -> Conversation[None]:
    accepted = (yield from recall_g1()) or (yield from submit_g1(context))
    yield from _polling_url(context, accepted)
    yield from _to_the_end(context, accepted, readers=2, times=REREADS)


@probe("g1 callback", "WEBHOOK-06", "WEBHOOK-12", needs={"receiver"})
def _g1_callback(context: RunContext) -> Conversation[None]:
    """Read at once when g1's callback arrives, then wait long enough to see a second one."""
    accepted = yield from recall_g1()
    url = accepted.request_header("X-Webhook-URL") if accepted is not None else None
    if accepted is not None and accepted.accepted_id is not None and url is not None:
        called = yield from AwaitCallbacks(url, 1, context.profile.deadline)
        yield from read(accepted.accepted_id, case="on callback")
        if called:
            yield from AwaitCallbacks(url, 2, context.profile.settle)


@probe("g2", *G2, "SUBMIT-10", "I2V-DUR-04", "I2V-RES-04", "WEBHOOK-09", *SHARED, cost=1)
def _g2(context: RunContext) -> Conversation[None]:
    camera = "[Push in] A lighthouse keeper climbs the stairs, [Pan left] the sea below"
    body = {"prompt": camera, "first_frame_image": PRINTED_IMAGE}
    headers = (("Content-Type", "application/json; charset=utf-8"),)
    accepted = yield from submit("imageToVideo", body, case="g2", aims=G2, intent="accept", headers=headers)
    yield from _read_by_strangers(context, accepted)
    yield from _polling_url(context, accepted)
    yield from _to_the_end(context, accepted)


@probe("g4", *G4, "WEBHOOK-18", "WEBHOOK-19", "WEBHOOK-21", *SHARED, cost=1)
def _g4(context: RunContext) -> Conversation[None]:
    url = (yield from ReceiverUrl("g4")) if context.has_receiver else None
    image = data_url("image/webp", webp(301, 600))
    body = valid_body("imageToVideo", "g4", prompt="海" * 2000, first_frame_image=image, duration=10)
    if url is not None:
        body["callback_url"] = url
    accepted = yield from submit("imageToVideo", body, case="g4", aims=G4, intent="accept")
    end = yield from _to_the_end(context, accepted)
    if end is not None and url is not None:
        yield from AwaitCallbacks(url, 1, context.profile.settle)


@probe("g5", *G5, "WEBHOOK-20", *CALLED_BACK, *SHARED, cost=1)
def _g5(context: RunContext) -> Conversation[None]:
    image = data_url("image/png", png(755, 302))
    body = valid_body("imageToVideo", "g5", first_frame_image=image, resolution="1080P")
    headers: Headers = PRINTED_HEADERS
    if context.has_receiver:
        headers = with_webhook((yield from ReceiverUrl("g5-header", fails=1)))
        body["callback_url"] = yield from ReceiverUrl("g5-member")
    accepted = yield from submit("imageToVideo", body, case="g5", aims=G5, intent="accept", headers=headers)
    end = yield from _to_the_end(context, accepted)
    if end is not None and context.has_receiver:
        yield from AwaitCallbacks(headers[-1][1], 2, context.profile.settle)


@probe("same body twice", "SUBMIT-10", "SUBMIT-15", "ERR-SET-01", cost=4)
def _repeated(context: RunContext) -> Conversation[None]:
    """A body twice, so far apart that the timestamps of two requests would differ; then another one with an idempotency key."""
    key = ("Idempotency-Key", f"pixazo-contracts-{context.run}")
    for animal, headers in (("a sleeping cat", PRINTED_HEADERS), ("a barking dog", (*PRINTED_HEADERS, key))):
        body, about = {"prompt": f"A paper boat passes {animal}"}, About(aims=("SUBMIT-15",), intent="accept")
        for case in ("first", "again"):
            accepted = yield from submit("generate", body, case=case, headers=headers, **about)
            if accepted.accepted_id is not None:
                yield from read(accepted.accepted_id, case="after each")
            yield from Pause(context.profile.pace)


@probe("submits at once", "SUBMIT-10", "WEBHOOK-03", "WEBHOOK-04", "WEBHOOK-05", cost=5)
def _at_once(context: RunContext) -> Conversation[None]:
    """Several submits at once, each with a URL of its own; one right after the other where each may cost money."""
    boats: list[dict[str, object]] = [{"prompt": f"Paper boat number {n}"} for n in range(4)]
    requests = [*(("generate", boat) for boat in boats), ("imageToVideo", {**boats[0], **IMAGE})]
    sends: list[Send] = []
    for kind, body in requests:
        headers = yield from webhook_headers(context, ReceiverUrl("at-once"))
        sends.append(submit(kind, body, case="at once", aims=("SUBMIT-10",), intent="accept", headers=headers))
    if not context.limited and "other" in strangers(context):
        # Of callers at the same time each must get an id of its own.
        sends.append(replace(sends[0], account="other", intent="any"))
    sent: list[Exchange] = []
    for batch in [(each,) for each in sends] if context.limited else [tuple(sends)]:
        sent += yield from Together(tuple(batch))
    yield from follow(context, sent)


#: How many generations are watched closely (FLOW-02 needs this many that skipped PROCESSING, if it was never seen), and how
#: many times as often as others they are read.
WATCHED: Final = 3
CLOSER: Final = 4.0

#: How many finished requests are read again at the end of a run, and how many links are followed again: a few show as much as all.
MOST_REREADS: Final = 40
MOST_LINKS: Final = 3


def _burst(name: str, case: str, reads: int, *, heads: int = 0) -> Probe:
    """Requests about one generation in a row: HEADs and other callers' reads at once, or else reads when it should be over."""

    @probe(name, "STATUS-12", cost=1)
    def burst(context: RunContext) -> Conversation[None]:
        for _ in range(1 if context.limited else MOST_TRIES):
            accepted = yield from submit("generate", valid_body("generate", case), case=case, intent="accept")
            if accepted.accepted_id is None:
                return
            if not heads:
                yield from Pause((yield from ordinary(context)) + context.profile.pace)
            else:
                others = (read(accepted.accepted_id, case="while it runs", account=each) for each in strangers(context))
                own = head(f"{STATUS_BASE}{accepted.accepted_id}", accepted.accepted_id)
                yield from Together((*others, *[own] * heads))
            for _ in range(reads):
                yield from read(accepted.accepted_id, case="burst")
            end = yield from poll(context, accepted)
            if end is None or end.state == "COMPLETED":
                return

    return burst


@probe("closely watched", "FLOW-01", "FLOW-02", "STATUS-08", "STATUS-15", "HDR-05", cost=WATCHED)
def _closely(context: RunContext) -> Conversation[None]:
    """A few generations that two readers read in turn, so often that no state can be missed."""
    bodies = ({"prompt": f"{PROMPT}, boat {n} of a fleet"} for n in range(WATCHED))
    sends = (submit("generate", body, case="closely watched", intent="accept") for body in bodies)
    accepted = yield from Together(tuple(sends))
    pace, readers = context.profile.pace / CLOSER, ("reader 1", "reader 2")
    yield from follow(context, accepted, pace=pace, readers=readers, in_turn=True)


#: The clauses for which requests side by side are evidence: whether each response is about its own request.
EACH_ITS_OWN: Final = (
    *(f"STATUS-{n:02}" for n in (1, 2, 3, 4, 5, 14)),
    *("FLOW-01", "FLOW-03", "FLOW-05", "TIME-05", "TIME-07", "TIME-08"),
)


def _side_by_side(name: str, feeds: str, *requests: tuple[str, str, dict[str, object]]) -> Probe:
    """Several requests, each submitted when those before are under way, and followed side by side: (kind, operation, members)."""
    kinds = {kind for kind, _, _ in requests if kind != "completed"}

    @probe(name, *EACH_ITS_OWN, *feeds.split(), cost=len(requests), needs={f"prompt:{kind}" for kind in kinds})
    def side_by_side(context: RunContext) -> Conversation[None]:
        submits = list[Exchange]()
        for kind, operation, changes in requests:
            prompt = context.prompts[kind] if kind in kinds else f"{PROMPT} ({name}, {operation})"
            body = {"prompt": prompt, **changes}
            submits.append((yield from submit(operation, body, case=f"{name}: {kind}", intent="accept")))
            # A response about the latest request differs from the states that earlier ones have reached.
            for request_id in [each.accepted_id for each in submits if each.accepted_id is not None]:
                yield from read(request_id, case="side by side")
            yield from Pause(context.profile.pace)
        ends = yield from follow(context, submits)
        yield from end_watch(context, ends.values())

    return side_by_side


@probe("late re-reads", "STATUS-14", "STATUS-16", "FLOW-03", "OUT-13", "TIME-05", "TIME-07", phase="late")
def _late(context: RunContext) -> Conversation[None]:
    """Read every request again, and follow some of the links again; those of earlier runs as well."""
    yield from Pause(context.profile.patience)
    generations = find_generations((yield from Recall()), ())
    ended = [g for g in generations if g.outcome in TERMINAL and g.submit.account == "default"]
    # A gateway may give up on a receiver long after the end.
    for generation in sorted(ended, key=lambda g: "WEBHOOK-16" not in g.submit.aims)[:MOST_REREADS]:
        yield from read(generation.request_id, case="late", aims=("STATUS-16",))
    fetched = [g.downloads[0] for g in ended if g.downloads]
    for first in fetched[:MOST_LINKS]:
        yield from fetch(str(first.request_id), first.url, case="late", aims=("OUT-13",))
    for request_id, url in context.earlier:
        end = yield from read(request_id, case="earlier run", aims=("STATUS-16",))
        if url is not None and url in media_urls(end):
            yield from fetch(request_id, url, case="earlier run", aims=("OUT-13",))


@probe("foreign reads", "AUTH-02", "AUTH-03", "AUTH-04", "AUTH-10", phase="late")
def _foreign(context: RunContext) -> Conversation[None]:
    """Strangers ask for a request of each operation and outcome right after its owner, and another account for one of nobody."""
    others = {**strangers(context), "blank": "AUTH-04"}
    if "other" in others:
        yield from read(unknown_id(context.run, "foreign"), case="id of nobody", account="other")
    generations = find_generations((yield from Recall()), ())
    ended = [g for g in generations if g.outcome in TERMINAL and g.submit.account == "default"]
    for (operation, outcome), generation in {(g.submit.operation, g.outcome): g for g in reversed(ended)}.items():
        for account, clause in others.items():
            case = f"{account or 'no'} key, {operation}, {outcome}"
            yield from read(generation.request_id, case="again")
            one = read(generation.request_id, case=case, aims=(clause,), account=account)
            yield from one
            # A path or a method that is only like the printed one may bypass the check.
            yield from replace(one, operation="other", url=f"{one.url}/", case=f"{case}, trailing slash", aims=())
            if account == "other":
                yield from replace(one, operation="head", method="HEAD", case=f"HEAD, {case}")


@probe("neighbours of an id", "STATUS-10")
def _neighbours(_: RunContext) -> Conversation[None]:
    """Ids that were never issued, though they resemble one that was."""
    generations = find_generations((yield from Recall()), ())
    if not generations:
        return
    issued = generations[0].request_id
    neighbours = {
        "last digit changed": f"{issued[:-1]}{'1' if issued[-1] == '0' else '0'}",
        "suffix": f"{issued}0",
        "cut": issued[:-1],
        "other model": f"no-such-model_{issued.rpartition('_')[2]}",
    }
    for case, request_id in neighbours.items():
        yield from read(request_id, case=f"neighbour: {case}", aims=("STATUS-10",))


RECEIVER: Final = frozenset({"receiver"})

#: A receiver that takes this many seconds; and more failures than any gateway tries.
SLOW: Final = ReceiverUrl("slow", delay=1.0)
ALWAYS: Final = 10**6

#: Values of members that a gateway calls back whatever they are.
OTHER: Final[dict[str, object]] = {"prompt": SHIP, "aigc_watermark": True, "prompt_optimizer": False}
OTHER_LONG: Final = {**OTHER, "duration": 10}
QUICK: Final[dict[str, object]] = {"fast_pretreatment": True}


def _receiver(
    name: str,
    receiver_url: ReceiverUrl,
    count: int,
    *aims: str,
    unread: bool = False,
    operation: str = "generate",
    changes: dict[str, object] | None = None,
) -> Probe:
    """A generation whose receiver behaves in some way, followed until no further callback is due: `count` are expected.

    An `unread` one is not polled before its callback has arrived, or should have: polling is unnecessary (WEBHOOK-03).
    """
    feeds = ("WEBHOOK-03", "WEBHOOK-06") if unread else ()

    @probe(name, *aims, *feeds, cost=1, needs=RECEIVER)
    def receiver(context: RunContext) -> Conversation[None]:
        url = yield from receiver_url
        accepted = yield from submit_called(operation, name, url, "header", *aims, **(changes or {}))
        if unread and accepted.accepted_id is not None:
            # A caller with a callback need not poll, so the callback must arrive without polling.
            longest = yield from ordinary(context)
            yield from AwaitCallbacks(url, 1, longest + context.profile.settle + context.profile.pace)
        if (yield from poll(context, accepted)) is not None:
            yield from AwaitCallbacks(url, count, context.profile.settle)
            yield from read(str(accepted.accepted_id), case="after the receiver")

    return receiver


@probe("callback_url", "WEBHOOK-18", "WEBHOOK-19", "WEBHOOK-21", cost=1, needs=RECEIVER)
def _member(context: RunContext) -> Conversation[None]:
    url = yield from ReceiverUrl("member")
    accepted = yield from submit_called("generate", "callback_url", url, "member", **OTHER, **QUICK)
    yield from follow_called(context, [(accepted, url)])


#: Ways to give a URL, and operations; text to video with a header are probes of their own.
CALLED: Final[tuple[tuple[Way, str], ...]] = (
    ("header", "imageToVideo"),
    ("member", "imageToVideo"),
    ("member", "generate"),
)


@probe("bad ends, called back", "WEBHOOK-07", "WEBHOOK-19", cost=6, needs={*RECEIVER, "prompt:failed", "prompt:error"})
def _bad_ends(context: RunContext) -> Conversation[None]:
    """Both bad ends of either operation with a URL in the member, and those of image to video with a URL in the header."""
    called = list[tuple[Exchange, str]]()
    for kind, (way, operation) in product(("failed", "error"), CALLED):
        url = yield from ReceiverUrl(f"{kind}-{way}")
        sent = yield from submit_called(operation, f"{kind}, {way}", url, way, prompt=context.prompts[kind])
        called.append((sent, url))
    yield from follow_called(context, called)


@probe("image at our address", "I2V-IMG-14", cost=1, needs=RECEIVER, only_unlimited=True)
def _own_address(context: RunContext) -> Conversation[None]:
    """Offer an image at our own address, which is not public: a gateway must not fetch it."""
    url = yield from ReceiverUrl("image", image=True)
    body = {"prompt": PROMPT, "first_frame_image": url}
    accepted = yield from submit("imageToVideo", body, case="image at a loopback address", aims=("I2V-IMG-14",))
    yield from poll(context, accepted)


def _uncallable(what: str = "", **changes: object) -> tuple[Case, ...]:
    urls = {"no URL": "not a url", "other scheme": "ftp://example.com/callback"}
    return tuple(
        replace(t2v(f"{name}{what}", "any", **changes), headers=with_webhook(url)) for name, url in urls.items()
    )


SMOKE: Final = (_smoke,)

PACKS: Final = (_g1, _g1_callback, _g2, _g4, _g5)

SUBMITS: Final = (_repeated, _at_once)
READS: Final = (
    _burst("left alone", "quiet", 5),
    _burst("read often", "burst-read", 12, heads=6),
    _closely,
    _side_by_side(
        "both operations side by side",
        "OUT-01 OUT-05 OUT-10",
        ("completed", "generate", {"duration": 6}),
        ("completed", "imageToVideo", {**IMAGE, "duration": 10}),
    ),
    _side_by_side(
        "three ends side by side",
        "FAIL-01 FAIL-02 FAIL-03",
        ("failed", "imageToVideo", IMAGE),
        ("completed", "generate", {}),
        ("error", "generate", {}),
    ),
    _neighbours,
)
LATE: Final = (_late, _foreign)

RECEIVERS: Final = (
    family("unusable webhook URL, no prompt", "WEBHOOK-15", *_uncallable(", no prompt", prompt=ABSENT)),
    family("unusable webhook URL", "WEBHOOK-15", *_uncallable()),
    _receiver("webhook alone", ReceiverUrl("alone"), 2, "WEBHOOK-01", unread=True),
    _receiver("refusing receiver", ReceiverUrl("refusing", fails=ALWAYS), 2, "WEBHOOK-11", "WEBHOOK-16", changes=OTHER),
    _receiver("slow receiver", SLOW, 1, "WEBHOOK-16", unread=True, operation="imageToVideo", changes=OTHER_LONG),
    _receiver("redirecting receiver", ReceiverUrl("redirecting", redirects=True), 2, "WEBHOOK-17", changes=QUICK),
    _member,
    _bad_ends,
    _own_address,
)
