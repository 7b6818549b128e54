"""Probes of SUBMIT that send several valid requests: the same body twice, several bodies at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conversation import Probe, pause, together
from .samples import members
from .steps import PRINTED_HEADERS, read, submit, submit_send

if TYPE_CHECKING:
    from .conversation import Setting, Talk


AT_ONCE = 4


def _twice(setting: Setting, prompt: str, headers: tuple[tuple[str, str], ...]) -> Talk[None]:
    """One body twice, so far apart that the timestamps of two requests would differ."""
    for case in ("first", "again"):
        accepted = yield from submit(
            "generate", {"prompt": prompt}, case=case, aims=("SUBMIT-15",), intent="accept", headers=headers
        )
        if accepted.accepted_id is not None:
            yield from read(accepted.accepted_id, case="after each")
        yield from pause(setting.profile.pace)


def _repeated(setting: Setting) -> Talk[None]:
    yield from _twice(setting, "A paper boat passes a sleeping cat", PRINTED_HEADERS)
    key = ("Idempotency-Key", f"pixazo-contracts-{setting.run}")
    yield from _twice(setting, "A paper boat passes a barking dog", (*PRINTED_HEADERS, key))


def _at_once(_: Setting) -> Talk[None]:
    image = members("image_to_video")["first_frame_image"]
    sends = [
        submit_send(
            "generate", {"prompt": f"Paper boat number {n}"}, case="at once", aims=("SUBMIT-10",), intent="accept"
        )
        for n in range(AT_ONCE)
    ]
    body = {"prompt": "Paper boat number 0", "first_frame_image": image}
    sends.append(submit_send("imageToVideo", body, case="at once", aims=("SUBMIT-10",), intent="accept"))
    accepted = yield from together(*sends)
    for exchange in accepted:
        if exchange.accepted_id is not None:
            yield from read(exchange.accepted_id, case="after all")


PROBES = (
    Probe(
        name="same body twice",
        feeds=("SUBMIT-10", "SUBMIT-15", "ERR-SET-01"),
        talk=_repeated,
        worst=4,
        expected=4,
        only_unlimited=True,
    ),
    Probe(name="submits at once", feeds=("SUBMIT-10",), talk=_at_once, worst=5, expected=5, only_unlimited=True),
)
