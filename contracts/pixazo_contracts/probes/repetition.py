"""Probes that repeat: the same body twice, several submits at once, many reads of one generation, late re-reads."""

from __future__ import annotations

from typing import Final

from pixazo_contracts.trace import TERMINAL, find_generations

from .conversation import Conversation, Headers, Probe, RunContext, pause, probe, published, recall, together
from .operations import PRINTED_HEADERS, PROMPT, fetch, follow, media_urls, poll, read, submit, submit_send
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
    aims = ("SUBMIT-10",)
    sends = [submit_send(kind, body, case="at once", aims=aims, intent="accept") for kind, body in requests]
    accepted = yield from together(*sends)
    for exchange in accepted:
        if exchange.accepted_id is not None:
            yield from read(exchange.accepted_id, case="after all")


#: Generations that are watched closely (FLOW-02 needs as many that jumped, where PROCESSING was never seen), and how many
#: times as often as others they are read.
WATCHED: Final = 3
CLOSER: Final = 4.0

#: Finished requests that are read again at the end of a run, and links that are followed again: a few show as much as all.
MOST_REREADS: Final = 40
MOST_LINKS: Final = 3


def _burst(name: str, case: str, prompt: str, reads: int, *, after: str | None = None) -> Probe:
    """Reads of one generation right after each other: at once, or first when another, polled one (`after`) has ended."""

    @probe(name, "STATUS-12", cost=1, only_unlimited=True)
    def burst(context: RunContext) -> Conversation[None]:
        body = {"prompt": f"{PROMPT}, {prompt}", "duration": 6}
        accepted = yield from submit("generate", body, case=case, intent="accept")
        if after is not None:
            yield from published(after)
            yield from pause(context.profile.pace)
        if accepted.accepted_id is not None:
            for _ in range(reads):
                yield from read(accepted.accepted_id, case="burst")
            yield from poll(context, accepted)

    return burst


@probe("closely watched", "FLOW-01", "FLOW-02", "STATUS-08", "HDR-05", cost=WATCHED, only_unlimited=True)
def _closely(context: RunContext) -> Conversation[None]:
    """A few generations read so often that no state can be missed."""
    bodies = ({"prompt": f"{PROMPT}, boat {n} of a fleet"} for n in range(WATCHED))
    sends = [submit_send("generate", body, case="closely watched", intent="accept") for body in bodies]
    accepted = yield from together(*sends)
    yield from follow(context, accepted, pace=context.profile.pace / CLOSER)


@probe("late re-reads", "STATUS-14", "STATUS-16", "FLOW-03", "OUT-13", "TIME-05", "TIME-07", phase="late")
def _late(context: RunContext) -> Conversation[None]:
    """Read every finished generation again, and follow some of their links again; those of earlier runs as well."""
    yield from pause(context.profile.patience)
    generations = find_generations((yield from recall()), ())
    ended = [g for g in generations if g.outcome in TERMINAL and g.submit.account == "default"]
    for generation in ended[:MOST_REREADS]:
        yield from read(generation.request_id, case="late", aims=("STATUS-16",))
    fetched = [g.downloads[0] for g in ended if g.downloads]
    for first in fetched[:MOST_LINKS]:
        yield from fetch(str(first.request_id), first.url, case="late", aims=("OUT-13",))
    for request_id, url in context.earlier:
        end = yield from read(request_id, case="earlier run", aims=("STATUS-16",))
        if url is not None and url in media_urls(end):
            yield from fetch(request_id, url, case="earlier run", aims=("OUT-13",))


SUBMITS: Final = (_repeated, _at_once)
READS: Final = (
    _burst("left alone", "quiet", "unwatched", 5, after="g1 ended"),
    _burst("read often", "burst-read", "watched", 12),
    _closely,
)
LATE: Final = (_late,)
