"""Probes of WEBHOOK: receivers that fail, are slow or redirect; both channels; unusable URLs; our own address as an image."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pixazo_contracts.trace import Exchange

from .conversation import (
    PROMPT,
    Await,
    AwaitCallbacks,
    Conversation,
    Probe,
    ReceiverUrl,
    RunContext,
    follow_called,
    ordinary,
    poll,
    probe,
    read,
    submit,
    submit_called,
    with_webhook,
)
from .families import ABSENT, Case, family, t2v

RECEIVER: Final = frozenset({"receiver"})

#: How long a slow receiver takes, in seconds.
SLOW: Final = 1.0


def _receiver(
    name: str, receiver_url: ReceiverUrl, count: int, *aims: str, case: str = "", unread: bool = False
) -> Probe:
    """A generation whose receiver behaves in some way, followed until no further callback is due: `count` are expected.

    An `unread` one is not polled before its callback has arrived, or should have: polling is unnecessary (WEBHOOK-03).
    """
    case, feeds = case or name, ("WEBHOOK-03",) if unread else ()

    @probe(name, *aims, *feeds, cost=1, needs=RECEIVER)
    def receiver(context: RunContext) -> Conversation[None]:
        url = yield from receiver_url
        accepted = yield from submit_called("generate", case, url, "header", *aims)
        if unread and accepted.accepted_id is not None:
            # A caller with a callback need not poll, so the callback must arrive without polling.
            if not context.limited:
                yield from Await("g1 ended")
            longest = yield from ordinary(context)
            yield from AwaitCallbacks(url, 1, longest + context.profile.settle + context.profile.pace)
        if (yield from poll(context, accepted)) is not None:
            yield from AwaitCallbacks(url, count, context.profile.settle)
            yield from read(str(accepted.accepted_id), case="after the receiver")

    return receiver


@probe("callback_url", "WEBHOOK-18", "WEBHOOK-19", "WEBHOOK-21", cost=1, needs=RECEIVER)
def _member(context: RunContext) -> Conversation[None]:
    url = yield from ReceiverUrl("member")
    accepted = yield from submit_called("generate", "callback_url", url, "member")
    if (yield from poll(context, accepted)) is not None:
        yield from AwaitCallbacks(url, 1, context.profile.settle)


#: Bad ends, ways to give a URL, and operations; those of text to video with a header are probes of their own.
BAD_ENDS: Final = (
    ("failed", "header", "imageToVideo"),
    ("error", "header", "imageToVideo"),
    ("failed", "member", "imageToVideo"),
    ("error", "member", "generate"),
)


@probe("bad ends, called back", "WEBHOOK-07", "WEBHOOK-19", cost=4, needs={*RECEIVER, "prompt:failed", "prompt:error"})
def _bad_ends(context: RunContext) -> Conversation[None]:
    """Both bad ends with a URL in the member, and those of image to video with a URL in the header."""
    called = list[tuple[Exchange, str]]()
    for kind, way, operation in BAD_ENDS:
        url = yield from ReceiverUrl(f"{kind}-{way}")
        sent = yield from submit_called(operation, f"{kind}, {way}", url, way, prompt=context.prompts[kind])
        called.append((sent, url))
    yield from follow_called(context, called)


@probe("both channels", "WEBHOOK-20", cost=1, needs=RECEIVER)
def _both(context: RunContext) -> Conversation[None]:
    headers = with_webhook((yield from ReceiverUrl("both-header")))
    member = yield from ReceiverUrl("both-member")
    body = {"prompt": PROMPT, "callback_url": member}
    accepted = yield from submit("generate", body, case="both channels", intent="accept", headers=headers)
    if (yield from poll(context, accepted)) is not None:
        yield from AwaitCallbacks(member, 2, context.profile.settle)


@probe("refused with a URL", "WEBHOOK-09", worst=1, needs=RECEIVER)
def _refused(_: RunContext) -> Conversation[None]:
    """Submits that give a callback URL and are refused: for their body, and for their key."""
    for why, account, given in (("no prompt", "default", {}), ("unknown key", "unknown", {"prompt": PROMPT})):
        headers = with_webhook((yield from ReceiverUrl("refused-header")))
        body = {**given, "callback_url": (yield from ReceiverUrl("refused-member"))}
        case = f"{why}, with a URL"
        yield from submit("generate", body, case=case, intent="refuse", account=account, headers=headers)


@probe("image at our address", "I2V-IMG-14", cost=1, needs=RECEIVER, only_unlimited=True)
def _own_address(context: RunContext) -> Conversation[None]:
    """Offer an image at our own address, which is not public: a gateway must not fetch it."""
    url = yield from ReceiverUrl("image", image=True)
    body = {"prompt": PROMPT, "first_frame_image": url}
    accepted = yield from submit("imageToVideo", body, case="image at a loopback address", aims=("I2V-IMG-14",))
    yield from poll(context, accepted)


def _unusable(what: str = "", **changes: object) -> tuple[Case, ...]:
    """Requests whose webhook URL cannot be called."""
    urls = {"no URL": "not a url", "other scheme": "ftp://example.com/callback"}
    return tuple(
        replace(t2v(f"{name}{what}", "any", **changes), headers=with_webhook(url)) for name, url in urls.items()
    )


PROBES: Final = (
    family("unusable webhook URL, no prompt", "WEBHOOK-15", *_unusable(", no prompt", prompt=ABSENT)),
    family("unusable webhook URL", "WEBHOOK-15", *_unusable()),
    _receiver("webhook alone", ReceiverUrl("alone"), 2, "WEBHOOK-01", case="webhook header", unread=True),
    _receiver("refusing receiver", ReceiverUrl("refusing", fails=1), 2, "WEBHOOK-11", "WEBHOOK-16"),
    _receiver("slow receiver", ReceiverUrl("slow", delay=SLOW), 1, "WEBHOOK-16"),
    _receiver("redirecting receiver", ReceiverUrl("redirecting", redirects=True), 2, "WEBHOOK-17"),
    _member,
    _bad_ends,
    _both,
    _refused,
    _own_address,
)
