"""Probes of WEBHOOK: receivers that refuse, dawdle, redirect; both channels; unusable URLs; our own address as an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conversation import Hook, Probe, await_callbacks, hook
from .family import ABSENT, PROMPT, Case, family, t2v
from .steps import PRINTED_HEADERS, poll, read, submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conversation import Setting, Talk


RECEIVER = frozenset({"receiver"})

#: How long a slow receiver takes, in seconds.
SLOW = 1.0


def _receiver(name: str, aims: tuple[str, ...], wish: Hook, count: int) -> Callable[[Setting], Talk[None]]:
    """A generation whose receiver is not as it should be, followed until nothing more is due."""

    def talk(setting: Setting) -> Talk[None]:
        url = yield from hook(wish)
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", url))
        accepted = yield from submit(
            "generate", {"prompt": f"{PROMPT} ({name})"}, case=name, aims=aims, intent="accept", headers=headers
        )
        if (yield from poll(setting, accepted)) is not None:
            yield from await_callbacks(url, count, setting.profile.settle)
            yield from read(str(accepted.accepted_id), case="after the receiver")

    return talk


def _member(setting: Setting) -> Talk[None]:
    url = yield from hook(Hook("member"))
    body = {"prompt": PROMPT, "callback_url": url}
    accepted = yield from submit("generate", body, case="callback_url", intent="accept")
    if (yield from poll(setting, accepted)) is not None:
        yield from await_callbacks(url, 1, setting.profile.settle)


def _both(setting: Setting) -> Talk[None]:
    header, member = (yield from hook(Hook("both-header"))), (yield from hook(Hook("both-member")))
    headers = (*PRINTED_HEADERS, ("X-Webhook-URL", header))
    body = {"prompt": PROMPT, "callback_url": member}
    accepted = yield from submit("generate", body, case="both channels", intent="accept", headers=headers)
    if (yield from poll(setting, accepted)) is not None:
        yield from await_callbacks(member, 2, setting.profile.settle)


def _own_address(setting: Setting) -> Talk[None]:
    """Offer an image at our own, not public, address: nobody may come for it."""
    url = yield from hook(Hook("image", image=True))
    body = {"prompt": PROMPT, "first_frame_image": url}
    accepted = yield from submit("imageToVideo", body, case="image at a loopback address", aims=("I2V-IMG-14",))
    yield from poll(setting, accepted)


def _unusable(name: str, url: str, **changes: object) -> Case:
    case = t2v(name, "any", **changes)
    return Case(name=name, body=case.body, intent="any", headers=(*PRINTED_HEADERS, ("X-Webhook-URL", url)))


def _unlimited(name: str, talk: Callable[[Setting], Talk[None]], *feeds: str) -> Probe:
    return Probe(name=name, feeds=feeds, talk=talk, worst=1, expected=1, needs=RECEIVER, only_unlimited=True)


PROBES = (
    family(
        "unusable webhook URL, no prompt",
        ("WEBHOOK-15",),
        "generate",
        _unusable("no URL, no prompt", "not a url", prompt=ABSENT),
        _unusable("other scheme, no prompt", "ftp://example.com/callback", prompt=ABSENT),
    ),
    family(
        "unusable webhook URL",
        ("WEBHOOK-15",),
        "generate",
        _unusable("no URL", "not a url"),
        _unusable("other scheme", "ftp://example.com/callback"),
        only_unlimited=True,
    ),
    Probe(
        name="webhook alone",
        feeds=("WEBHOOK-01", "WEBHOOK-03"),
        talk=_receiver("webhook header", ("WEBHOOK-01",), Hook("alone"), 2),
        worst=1,
        expected=1,
        needs=RECEIVER,
        only_unlimited=True,
    ),
    _unlimited(
        "refusing receiver",
        _receiver("refusing receiver", ("WEBHOOK-11", "WEBHOOK-16"), Hook("refusing", fails=1), 2),
        *("WEBHOOK-11", "WEBHOOK-16"),
    ),
    _unlimited("slow receiver", _receiver("slow receiver", ("WEBHOOK-16",), Hook("slow", delay=SLOW), 1), "WEBHOOK-16"),
    _unlimited(
        "redirecting receiver",
        _receiver("redirecting receiver", ("WEBHOOK-17",), Hook("redirecting", redirects=True), 2),
        "WEBHOOK-17",
    ),
    _unlimited("callback_url", _member, "WEBHOOK-18", "WEBHOOK-19", "WEBHOOK-21"),
    _unlimited("both channels", _both, "WEBHOOK-20"),
    _unlimited("image at our address", _own_address, "I2V-IMG-14"),
)
