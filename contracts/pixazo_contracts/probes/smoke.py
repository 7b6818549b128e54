"""The smoke test: can this target be observed at all? One read, one refused submit, one accepted one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .conversation import Probe, pause, publish
from .packs import SHARED, submit_g1
from .samples import text
from .steps import read, submit
from .unknown_ids import unknown_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixazo_contracts.trace import Exchange

    from .conversation import Setting, Talk


#: Reads of the first generation while nothing else is on the way: nobody may be throttled for these.
LONE_READS = 4

REFUSED_KEY = frozenset({401, 403})


def _smoke(setting: Setting) -> Talk[None]:
    first = yield from read(unknown_id(setting.run, "smoke"), case="smoke read")
    if first.status is None or setting.limited:
        yield from publish("g1", None)
        return
    yield from submit("generate", b"{", case="smoke refusal", aims=("SUBMIT-16",), intent="refuse")
    accepted = yield from submit_g1(setting)
    if accepted.accepted_id is None:
        yield from submit(
            "imageToVideo", text("image_to_video").encode(), case="smoke image to video", aims=(), intent="accept"
        )
    for _ in range(LONE_READS if accepted.accepted_id is not None else 0):
        yield from read(str(accepted.accepted_id), case="alone")
        yield from pause(setting.profile.pace)
    yield from publish("g1", accepted)


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a target cannot be observed; `hopeless` if nothing more could be learnt from it."""

    reason: str
    hopeless: bool


def unusable(exchanges: Sequence[Exchange]) -> Unusable | None:
    """What is wrong with a target by what the smoke test got; None if it can be observed."""
    if not exchanges:
        return None
    read, *others = exchanges
    valid = [exchange for exchange in others if exchange.intent == "accept"]
    if read.status is None:
        return Unusable(f"the target does not answer ({read.error}): check --target", hopeless=True)
    if read.status in REFUSED_KEY and all(exchange.status in REFUSED_KEY for exchange in valid):
        return Unusable(f"the target refuses the key ({read.status}): check --api-key", hopeless=True)
    if valid and not any(exchange.succeeded for exchange in valid):
        codes = ", ".join(f"{exchange.operation} {exchange.status}" for exchange in valid)
        reason = f"the target accepts no submit ({codes}): check its path, the wallet and the rate"
        return Unusable(reason, hopeless=False)
    return None


PROBES = (Probe(name="smoke", feeds=SHARED, talk=_smoke, worst=1, expected=1, phase="smoke"),)
