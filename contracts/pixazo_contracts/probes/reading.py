"""Probes of STATUS: ids that do not exist, requests not read for a while, requests read often, late re-reads."""

from __future__ import annotations

from typing import Final

from pixazo_contracts.trace import TERMINAL, find_generations

from .conversation import Conversation, Probe, RunContext, pause, probe, published, recall, send, together
from .operations import PROMPT, download_send, follow, media_urls, poll, read, submit, submit_send, unknown_id

#: Generations that are watched closely, and how many times as often as others they are read.
WATCHED: Final = 3
CLOSER: Final = 4.0

#: Finished requests that are read again at the end of a run, and links that are followed again.
MOST_REREADS: Final = 40
MOST_LINKS: Final = 3


@probe("unknown id", "STATUS-10", "HDR-04", "ERR-500-01")
def _unknown(context: RunContext) -> Conversation[None]:
    yield from read(unknown_id(context.run, "unknown"), case="unknown id", aims=("STATUS-10",))


@probe("malformed ids", "STATUS-11", "ERR-500-01")
def _malformed(context: RunContext) -> Conversation[None]:
    uuid = unknown_id(context.run, "malformed").partition("_")[2]
    ids: Final = {
        "empty": "",
        "no prefix": uuid,
        "other model's prefix": f"no-such-model_{uuid}",
        "over-long": "minimax-hailuo-ai_" + "0" * 2000,
        "encoded slash": "minimax-hailuo-ai_%2F..%2Fsecret",
        "not ASCII": "minimax-hailuo-ai_%E2%82%AC",
    }
    for case, request_id in ids.items():
        yield from read(request_id, case=case, aims=("STATUS-11",))


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


def _late(context: RunContext) -> Conversation[None]:
    """Read every finished generation again, and follow some of their links again; those of earlier runs as well."""
    yield from pause(context.profile.patience)
    generations = find_generations((yield from recall()), ())
    ended = [g for g in generations if g.outcome in TERMINAL and g.submit.account == "default"]
    for generation in ended[:MOST_REREADS]:
        yield from read(generation.request_id, case="late", aims=("STATUS-16",))
    fetched = [g.downloads[0] for g in ended if g.downloads]
    for first in fetched[:MOST_LINKS]:
        yield from send(download_send(str(first.request_id), first.url, case="late", aims=("OUT-13",)))
    for request_id, url in context.earlier:
        end = yield from read(request_id, case="earlier run", aims=("STATUS-16",))
        if url is not None and url in media_urls(end):
            yield from send(download_send(request_id, url, case="earlier run", aims=("OUT-13",)))


PROBES: Final = (
    _unknown,
    _malformed,
    _burst("left alone", "quiet", "unwatched", 5, after="g1 ended"),
    _burst("read often", "burst-read", "watched", 12),
    _closely,
)
REREAD: Final = ("STATUS-14", "STATUS-16", "FLOW-03", "OUT-13", "TIME-05", "TIME-07")
LATE: Final = (Probe(name="late re-reads", feeds=REREAD, conversation=_late, phase="late"),)
