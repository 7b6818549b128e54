"""Probes of SUBMIT that send several valid requests: the same body twice, several bodies at once."""

from __future__ import annotations

from typing import Final

from .conversation import Conversation, Headers, RunContext, pause, probe, together
from .operations import PRINTED_HEADERS, read, submit, submit_send
from .samples import members


def _twice(context: RunContext, prompt: str, headers: Headers) -> Conversation[None]:
    """One body twice, so far apart that the timestamps of two requests would differ."""
    for case in ("first", "again"):
        body = {"prompt": prompt}
        accepted = yield from submit("generate", body, case=case, aims=("SUBMIT-15",), intent="accept", headers=headers)
        if accepted.accepted_id is not None:
            yield from read(accepted.accepted_id, case="after each")
        yield from pause(context.profile.pace)


@probe("same body twice", "SUBMIT-10", "SUBMIT-15", "ERR-SET-01", cost=4, only_unlimited=True)
def _repeated(context: RunContext) -> Conversation[None]:
    yield from _twice(context, "A paper boat passes a sleeping cat", PRINTED_HEADERS)
    key = ("Idempotency-Key", f"pixazo-contracts-{context.run}")
    yield from _twice(context, "A paper boat passes a barking dog", (*PRINTED_HEADERS, key))


@probe("submits at once", "SUBMIT-10", cost=5, only_unlimited=True)
def _at_once(_: RunContext) -> Conversation[None]:
    boats: list[dict[str, object]] = [{"prompt": f"Paper boat number {n}"} for n in range(4)]
    image = {**boats[0], "first_frame_image": members("image_to_video")["first_frame_image"]}
    requests = [*(("generate", boat) for boat in boats), ("imageToVideo", image)]
    accepted = yield from together(
        *(
            submit_send(operation, body, case="at once", aims=("SUBMIT-10",), intent="accept")
            for operation, body in requests
        )
    )
    for exchange in accepted:
        if exchange.accepted_id is not None:
            yield from read(exchange.accepted_id, case="after all")


PROBES: Final = (_repeated, _at_once)
