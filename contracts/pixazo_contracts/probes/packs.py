"""The packed generations g1 to g5: one accepted request proves every acceptance in it. The smoke test begins with g1.

If a pack is refused, no clause about one of its values is blamed: `families.ALLOWED` sends each value alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pixazo_contracts.trace import Exchange, only_reads

from .conversation import (
    Await,
    AwaitCallbacks,
    Conversation,
    Headers,
    Pause,
    Publish,
    ReceiverUrl,
    RunContext,
    Send,
    probe,
)
from .images import data_url, png, webp
from .operations import (
    CHARSET,
    PRINTED_HEADERS,
    PRINTED_IMAGE,
    PROMPT,
    earlier_ends,
    end_watch,
    poll,
    read,
    submit,
    unknown_id,
    with_webhook,
)
from .samples import text

#: The clauses for which any polled generation is evidence.
SHARED: Final = (
    *(f"SUBMIT-{n:02}" for n in range(3, 15) if n != 10),
    *(f"STATUS-{n:02}" for n in (*range(1, 10), 13, 14, 15)),
    *("FLOW-01", "FLOW-02", "FLOW-03", "FLOW-05"),
    *(f"OUT-{n:02}" for n in range(1, 13)),
    *(f"TIME-{n:02}" for n in range(1, 9)),
    *("AUTH-07", "AUTH-11", "HDR-04", "HDR-05", "BASE-04", "BASE-05"),
)
CALLED_BACK: Final = tuple(f"WEBHOOK-{n:02}" for n in (1, 2, 3, 4, 5, 6, 8, 10, 12, 13, 14, 18, 22))

#: The clauses that the packs are sent for.
G2: Final = ("SUBMIT-02", "I2V-PROMPT-06", "I2V-IMG-03", "HDR-01", "HDR-03")
G4: Final = ("I2V-PROMPT-03", "I2V-PROMPT-05", "I2V-IMG-04", "I2V-IMG-06", "I2V-IMG-10", "I2V-DUR-02", "I2V-RES-01")
G5: Final = ("I2V-IMG-12", "I2V-IMG-06", "I2V-RES-01", "WEBHOOK-11", "WEBHOOK-16")

#: How often the status of g1 is read again right after the end, and once more some polls later.
REREADS: Final = 10


def submit_g1(context: RunContext) -> Conversation[Exchange]:
    """Submit g1: the printed text-to-video example byte for byte, the webhook header in odd letter case."""
    url = (yield from ReceiverUrl("g1")) if context.has_receiver else None
    headers = PRINTED_HEADERS if url is None else (*PRINTED_HEADERS, ("x-WEBHOOK-url", url))
    aims = ("SUBMIT-01", "T2V-BODY-01", "HDR-01", "HDR-03", *(() if url is None else ("WEBHOOK-01",)))
    body = text("text_to_video").encode()
    accepted = yield from submit("generate", body, case="g1", aims=aims, intent="accept", headers=headers)
    yield from _strangers(context, accepted.accepted_id)
    return accepted


#: Accounts that must not see a request of ours while it runs, by the clauses that say so; the probes of `routes` read it again later.
STRANGERS: Final = {"": "AUTH-02", "unknown": "AUTH-03", "other": "AUTH-10"}


def _strangers(context: RunContext, request_id: str | None) -> Conversation[None]:
    """Read a request at once without a key, with an unknown one, and with that of another account if there is one."""
    for account, clause in STRANGERS.items() if request_id is not None else ():
        if account != "other" or "account:other" in context.profile.capabilities:
            yield from read(str(request_id), case="while it runs", aims=(clause,), account=account)


#: Reads of the first generation while no other request is under way: a gateway has no reason to throttle these.
LONE_READS: Final = 4

REFUSED_KEY: Final = frozenset({401, 403})


@probe("smoke", cost=1, phase="smoke")
def _smoke(context: RunContext) -> Conversation[None]:
    """Find out whether this target can be observed at all: one read, one refused submit, one accepted one."""
    first = yield from read(unknown_id(context.run, "smoke"), case="smoke read")
    if first.status is None or context.limited:
        # Where generations cost money the smoke test only reads, unless its key seems to be refused.
        if first.status == 401:
            yield from submit("generate", b"{", case="smoke refusal", aims=("SUBMIT-16",), intent="refuse")
        yield from Publish("g1", None)
        return
    yield from submit("generate", b"{", case="smoke refusal", aims=("SUBMIT-16",), intent="refuse")
    accepted = yield from submit_g1(context)
    if accepted.accepted_id is None:
        printed = text("image_to_video").encode()
        yield from submit("imageToVideo", printed, case="smoke image to video", intent="accept")
    for _ in range(LONE_READS if accepted.accepted_id is not None else 0):
        yield from read(str(accepted.accepted_id), case="alone")
        yield from Pause(context.profile.pace)
    yield from Publish("g1", accepted)


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
        return Unusable(f"the target does not respond ({read.error}): check --target", hopeless=True)
    # This gateway may respond with 403 to an id that is not the caller's.
    refused = read.status == 401 or (read.status == 403 and valid)
    if refused and all(exchange.status in REFUSED_KEY for exchange in valid or submits):
        return Unusable(f"the target refuses the key ({read.status}): check --api-key", hopeless=True)
    # If each refusal was a server error, and so was spent, there may have been no budget for a valid submit.
    spent = [exchange for exchange in submits if exchange.spent]
    tried = valid or (spent if all((exchange.status or 500) >= 500 for exchange in spent) else [])
    if tried and not any(exchange.succeeded for exchange in tried):
        counted = Counter(f"{exchange.operation} {exchange.status or exchange.error}" for exchange in tried)
        codes = ", ".join(f"{what} ({count} times)" if count > 1 else what for what, count in counted.items())
        reason = f"the target accepts no submit ({codes}): check its path, the wallet and the rate limit"
        return Unusable(reason, hopeless=False)
    return None


def _polling_url(context: RunContext, accepted: Exchange) -> Conversation[None]:
    """Fetch `polling_url` exactly as given, if it is at the target's own origin and fetching it costs nothing.

    The key must not leave the origin, and a faulty gateway could give a path that begins a generation.
    """
    url, origin = accepted.members.get("polling_url"), context.profile.origin
    if not isinstance(url, str) or not url.startswith(f"{origin}/"):
        return
    if not context.limited or only_reads("GET", url, origin):
        request_id = accepted.accepted_id
        yield from Send(
            operation="status", url=url, case="polling_url as given", aims=("SUBMIT-12",), request_id=request_id
        )


def _to_the_end(
    context: RunContext, accepted: Exchange, *, readers: int = 1, times: int = 2
) -> Conversation[Exchange | None]:
    """Poll, read again, download."""
    if accepted.accepted_id is not None:
        yield from read(accepted.accepted_id)
        yield from earlier_ends({accepted.accepted_id})
    end = yield from poll(context, accepted, readers=readers)
    yield from end_watch(context, [end] if end is not None else [], times=times)
    return end


@probe("g1", "SUBMIT-01", "T2V-BODY-01", "HDR-01", "HDR-03", *SHARED, *CALLED_BACK, cost=1)
def _g1(context: RunContext) -> Conversation[None]:
    accepted = yield from Await("g1")
    if accepted is None:
        accepted = yield from submit_g1(context)
        yield from Publish("g1", accepted)
    yield from _polling_url(context, accepted)
    end = yield from _to_the_end(context, accepted, readers=2, times=REREADS)
    yield from Publish("g1 ended", end)


@probe("g1 callback", "WEBHOOK-06", "WEBHOOK-12", needs={"receiver"})
def _g1_callback(context: RunContext) -> Conversation[None]:
    """Read at once when g1's callback arrives, then wait long enough to see a second one."""
    accepted = yield from Await("g1")
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
    accepted = yield from submit("imageToVideo", body, case="g2", aims=G2, intent="accept", headers=CHARSET)
    yield from _polling_url(context, accepted)
    yield from _to_the_end(context, accepted)


@probe("g3", "T2V-BODY-02", *SHARED, cost=1)
def _g3(context: RunContext) -> Conversation[None]:
    body = {"prompt": PROMPT}
    accepted = yield from submit("generate", body, case="prompt alone", aims=("T2V-BODY-02",), intent="accept")
    yield from _to_the_end(context, accepted)


@probe("g4", *G4, "WEBHOOK-18", "WEBHOOK-19", "WEBHOOK-21", *SHARED, cost=1)
def _g4(context: RunContext) -> Conversation[None]:
    url = (yield from ReceiverUrl("g4")) if context.has_receiver else None
    body: dict[str, object] = {
        "prompt": "海" * 2000,
        "first_frame_image": data_url("image/webp", webp(301, 600)),
        "duration": 10,
        "resolution": "768P",
    }
    if url is not None:
        body["callback_url"] = url
    accepted = yield from submit("imageToVideo", body, case="g4", aims=G4, intent="accept")
    end = yield from _to_the_end(context, accepted)
    if end is not None and url is not None:
        yield from AwaitCallbacks(url, 1, context.profile.settle)


@probe("g5", *G5, "WEBHOOK-20", *CALLED_BACK, *SHARED, cost=1)
def _g5(context: RunContext) -> Conversation[None]:
    body: dict[str, object] = {
        "prompt": PROMPT,
        "first_frame_image": data_url("image/png", png(755, 302)),
        "resolution": "1080P",
        "duration": 6,
    }
    headers: Headers = PRINTED_HEADERS
    if context.has_receiver:
        headers = with_webhook((yield from ReceiverUrl("g5-header", fails=1)))
        body["callback_url"] = yield from ReceiverUrl("g5-member")
    accepted = yield from submit("imageToVideo", body, case="g5", aims=G5, intent="accept", headers=headers)
    end = yield from _to_the_end(context, accepted)
    if end is not None and context.has_receiver:
        yield from AwaitCallbacks(headers[-1][1], 2, context.profile.settle)


SMOKE: Final = (_smoke,)

PROBES: Final = (_g1, _g1_callback, _g2, _g3, _g4, _g5)
