"""Probes of WEBHOOK: receivers that fail, are slow or redirect; both channels; unusable URLs; our own address as an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from .conversation import Conversation, Probe, ReceiverUrl, RunContext, await_callbacks, open_receiver_url
from .families import ABSENT, Case, family, t2v
from .operations import PRINTED_HEADERS, PROMPT, poll, read, submit

RECEIVER: Final = frozenset({"receiver"})

#: How long a slow receiver takes, in seconds.
SLOW: Final = 1.0


def _receiver(
    name: str, aims: tuple[str, ...], receiver_url: ReceiverUrl, count: int
) -> Callable[[RunContext], Conversation[None]]:
    """A generation whose receiver behaves in some way, followed until no further callback is due."""

    def conversation(context: RunContext) -> Conversation[None]:
        url = yield from open_receiver_url(receiver_url)
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", url))
        body = {"prompt": f"{PROMPT} ({name})"}
        accepted = yield from submit("generate", body, case=name, aims=aims, intent="accept", headers=headers)
        if (yield from poll(context, accepted)) is not None:
            yield from await_callbacks(url, count, context.profile.settle)
            yield from read(str(accepted.accepted_id), case="after the receiver")

    return conversation


def _member(context: RunContext) -> Conversation[None]:
    url = yield from open_receiver_url(ReceiverUrl("member"))
    body = {"prompt": PROMPT, "callback_url": url}
    accepted = yield from submit("generate", body, case="callback_url", intent="accept")
    if (yield from poll(context, accepted)) is not None:
        yield from await_callbacks(url, 1, context.profile.settle)


def _both(context: RunContext) -> Conversation[None]:
    header = yield from open_receiver_url(ReceiverUrl("both-header"))
    member = yield from open_receiver_url(ReceiverUrl("both-member"))
    headers = (*PRINTED_HEADERS, ("X-Webhook-URL", header))
    body = {"prompt": PROMPT, "callback_url": member}
    accepted = yield from submit("generate", body, case="both channels", intent="accept", headers=headers)
    if (yield from poll(context, accepted)) is not None:
        yield from await_callbacks(member, 2, context.profile.settle)


def _own_address(context: RunContext) -> Conversation[None]:
    """Offer an image at our own address, which is not public: a gateway must not fetch it."""
    url = yield from open_receiver_url(ReceiverUrl("image", image=True))
    body = {"prompt": PROMPT, "first_frame_image": url}
    accepted = yield from submit("imageToVideo", body, case="image at a loopback address", aims=("I2V-IMG-14",))
    yield from poll(context, accepted)


def _unusable(what: str = "", **changes: object) -> tuple[Case, ...]:
    """Requests whose webhook URL cannot be called."""
    urls = {"no URL": "not a url", "other scheme": "ftp://example.com/callback"}
    return tuple(
        replace(t2v(f"{name}{what}", "any", **changes), headers=(*PRINTED_HEADERS, ("X-Webhook-URL", url)))
        for name, url in urls.items()
    )


def _unlimited(name: str, conversation: Callable[[RunContext], Conversation[None]], *feeds: str) -> Probe:
    return Probe(
        name=name, feeds=feeds, conversation=conversation, worst=1, expected=1, needs=RECEIVER, only_unlimited=True
    )


def _receiving(name: str, aims: tuple[str, ...], count: int, receiver_url: ReceiverUrl) -> Probe:
    return _unlimited(name, _receiver(name, aims, receiver_url, count), *aims)


PROBES: Final = (
    family("unusable webhook URL, no prompt", "WEBHOOK-15", "generate", *_unusable(", no prompt", prompt=ABSENT)),
    family("unusable webhook URL", "WEBHOOK-15", "generate", *_unusable(), only_unlimited=True),
    _unlimited(
        "webhook alone",
        _receiver("webhook header", ("WEBHOOK-01",), ReceiverUrl("alone"), 2),
        *("WEBHOOK-01", "WEBHOOK-03"),
    ),
    _receiving("refusing receiver", ("WEBHOOK-11", "WEBHOOK-16"), 2, ReceiverUrl("refusing", fails=1)),
    _receiving("slow receiver", ("WEBHOOK-16",), 1, ReceiverUrl("slow", delay=SLOW)),
    _receiving("redirecting receiver", ("WEBHOOK-17",), 2, ReceiverUrl("redirecting", redirects=True)),
    _unlimited("callback_url", _member, "WEBHOOK-18", "WEBHOOK-19", "WEBHOOK-21"),
    _unlimited("both channels", _both, "WEBHOOK-20"),
    _unlimited("image at our address", _own_address, "I2V-IMG-14"),
)
