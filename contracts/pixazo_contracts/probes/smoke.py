"""The smoke test: can this target be observed at all? One read, one refused submit, one accepted one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pixazo_contracts.trace import Exchange

from .conversation import Conversation, Probe, RunContext, pause, publish
from .operations import read, submit, unknown_id
from .packs import SHARED, submit_g1
from .samples import text

#: Reads of the first generation while no other request is under way: a gateway has no reason to throttle these.
LONE_READS: Final = 4

REFUSED_KEY: Final = frozenset({401, 403})


def _smoke(context: RunContext) -> Conversation[None]:
    first = yield from read(unknown_id(context.run, "smoke"), case="smoke read")
    if first.status is None or context.limited:
        # Where generations cost money the smoke test only reads.
        yield from publish("g1", None)
        return
    yield from submit("generate", b"{", case="smoke refusal", aims=("SUBMIT-16",), intent="refuse")
    accepted = yield from submit_g1(context)
    if accepted.accepted_id is None:
        printed = text("image_to_video").encode()
        yield from submit("imageToVideo", printed, case="smoke image to video", intent="accept")
    for _ in range(LONE_READS if accepted.accepted_id is not None else 0):
        yield from read(str(accepted.accepted_id), case="alone")
        yield from pause(context.profile.pace)
    yield from publish("g1", accepted)


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a target cannot be observed; `hopeless` if further requests could not show anything either."""

    reason: str
    hopeless: bool


def unusable(exchanges: Sequence[Exchange]) -> Unusable | None:
    """What is wrong with a target, by the exchanges of the smoke test; None if it can be observed."""
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


PROBES: Final = (Probe(name="smoke", feeds=SHARED, conversation=_smoke, worst=1, expected=1, phase="smoke"),)
