"""Probes that repeat: the same body twice, several submits at once, many reads of one generation, several side by side, late re-reads."""

from __future__ import annotations

from typing import Final

from pixazo_contracts.trace import STATUS_BASE, TERMINAL, Exchange, find_generations

from .conversation import Await, Conversation, Headers, Pause, Probe, Recall, RunContext, Together, probe
from .operations import (
    PRINTED_HEADERS,
    PRINTED_IMAGE,
    PROMPT,
    end_watch,
    fetch,
    follow,
    head,
    media_urls,
    ordinary,
    poll,
    read,
    submit,
)

IMAGE: Final[dict[str, object]] = {"first_frame_image": PRINTED_IMAGE}


def _twice(context: RunContext, prompt: str, headers: Headers) -> Conversation[None]:
    """One body twice, so far apart that the timestamps of two requests would differ."""
    for case in ("first", "again"):
        body = {"prompt": prompt}
        accepted = yield from submit("generate", body, case=case, aims=("SUBMIT-15",), intent="accept", headers=headers)
        if accepted.accepted_id is not None:
            yield from read(accepted.accepted_id, case="after each")
        yield from Pause(context.profile.pace)


@probe("same body twice", "SUBMIT-10", "SUBMIT-15", "ERR-SET-01", cost=4)
def _repeated(context: RunContext) -> Conversation[None]:
    yield from _twice(context, "A paper boat passes a sleeping cat", PRINTED_HEADERS)
    key = ("Idempotency-Key", f"pixazo-contracts-{context.run}")
    yield from _twice(context, "A paper boat passes a barking dog", (*PRINTED_HEADERS, key))


@probe("submits at once", "SUBMIT-10", cost=5)
def _at_once(context: RunContext) -> Conversation[None]:
    """Several submits at once; one right after the other where each may cost money."""
    boats: list[dict[str, object]] = [{"prompt": f"Paper boat number {n}"} for n in range(4)]
    requests = [*(("generate", boat) for boat in boats), ("imageToVideo", {**boats[0], **IMAGE})]
    aims = ("SUBMIT-10",)
    sends = [submit(kind, body, case="at once", aims=aims, intent="accept") for kind, body in requests]
    accepted: list[str] = []
    for batch in [(each,) for each in sends] if context.limited else [tuple(sends)]:
        exchanges = yield from Together(tuple(batch))
        accepted += [str(exchange.accepted_id) for exchange in exchanges if exchange.accepted_id is not None]
    for request_id in accepted:
        yield from read(request_id, case="after all")


#: How many generations are watched closely (FLOW-02 needs this many that skipped PROCESSING, if it was never seen), and how
#: many times as often as others they are read.
WATCHED: Final = 3
CLOSER: Final = 4.0

#: Requests of a burst of HEADs.
HEADS: Final = 6

#: How many finished requests are read again at the end of a run, and how many links are followed again: a few show as much as all.
MOST_REREADS: Final = 40
MOST_LINKS: Final = 3


def _burst(name: str, case: str, prompt: str, reads: int, *, heads: int = 0, after: str | None = None) -> Probe:
    """Requests about one generation right after each other: at once, or first when it should be over.

    With `after` that is when a polled one has ended; where probes do not run side by side, after the time that another took.
    """

    @probe(name, "STATUS-12", cost=1)
    def burst(context: RunContext) -> Conversation[None]:
        body = {"prompt": f"{PROMPT}, {prompt}", "duration": 6}
        accepted = yield from submit("generate", body, case=case, intent="accept")
        if after is not None:
            if context.limited:
                yield from Pause((yield from ordinary(context)))
            else:
                yield from Await(after)
            yield from Pause(context.profile.pace)
        if accepted.accepted_id is not None:
            for _ in range(heads):
                yield from head(f"{STATUS_BASE}{accepted.accepted_id}", accepted.accepted_id)
            for _ in range(reads):
                yield from read(accepted.accepted_id, case="burst")
            yield from poll(context, accepted)

    return burst


@probe("closely watched", "FLOW-01", "FLOW-02", "STATUS-08", "STATUS-15", "HDR-05", cost=WATCHED)
def _closely(context: RunContext) -> Conversation[None]:
    """A few generations that two readers read in turn, so often that no state can be missed."""
    bodies = ({"prompt": f"{PROMPT}, boat {n} of a fleet"} for n in range(WATCHED))
    sends = (submit("generate", body, case="closely watched", intent="accept") for body in bodies)
    accepted = yield from Together(tuple(sends))
    yield from follow(
        context, accepted, pace=context.profile.pace / CLOSER, readers=("reader 1", "reader 2"), in_turn=True
    )


#: The clauses for which requests side by side are evidence: whether each response is about its own request.
EACH_ITS_OWN: Final = (
    *(f"STATUS-{n:02}" for n in (1, 2, 3, 4, 5, 14)),
    *("FLOW-01", "FLOW-03", "FLOW-05", "TIME-05", "TIME-07", "TIME-08"),
)


def _side_by_side(name: str, requests: tuple[tuple[str, str, dict[str, object]], ...], *feeds: str) -> Probe:
    """Several requests, each submitted when those before are under way, and followed side by side: (kind, operation, members)."""
    kinds = {kind for kind, _, _ in requests if kind != "completed"}

    @probe(name, *EACH_ITS_OWN, *feeds, cost=len(requests), needs={f"prompt:{kind}" for kind in kinds})
    def side_by_side(context: RunContext) -> Conversation[None]:
        submits = list[Exchange]()
        for kind, operation, changes in requests:
            prompt = context.prompts[kind] if kind in kinds else f"{PROMPT} ({name}, {operation})"
            body = {"prompt": prompt, **changes}
            submits.append((yield from submit(operation, body, case=f"{name}: {kind}", intent="accept")))
            # A response about the latest request differs from the states that earlier ones have reached.
            for request_id in [each.accepted_id for each in submits if each.accepted_id is not None]:
                yield from read(request_id, case="side by side")
            yield from Pause(context.profile.pace)
        ends = yield from follow(context, submits)
        yield from end_watch(context, ends.values())

    return side_by_side


@probe("late re-reads", "STATUS-14", "STATUS-16", "FLOW-03", "OUT-13", "TIME-05", "TIME-07", phase="late")
def _late(context: RunContext) -> Conversation[None]:
    """Read every request again, and follow some of the links again; those of earlier runs as well."""
    yield from Pause(context.profile.patience)
    generations = find_generations((yield from Recall()), ())
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


@probe("foreign reads, late", "AUTH-10", needs={"account:other"}, phase="late")
def _foreign(_: RunContext) -> Conversation[None]:
    """Another account asks for a request of each operation and outcome."""
    generations = find_generations((yield from Recall()), ())
    ended = [g for g in generations if g.outcome in TERMINAL and g.submit.account == "default"]
    for (operation, outcome), generation in {(g.submit.operation, g.outcome): g for g in reversed(ended)}.items():
        case = f"id of another account, {operation}, {outcome}"
        yield from read(generation.request_id, case=case, aims=("AUTH-10",), account="other")


@probe("neighbours of an id", "STATUS-10")
def _neighbours(_: RunContext) -> Conversation[None]:
    """Ids that were never issued, though they resemble one that was."""
    yield from Await("g1")
    generations = find_generations((yield from Recall()), ())
    if not generations:
        return
    issued = generations[0].request_id
    neighbours = {
        "last digit changed": f"{issued[:-1]}{'1' if issued[-1] == '0' else '0'}",
        "suffix": f"{issued}0",
        "cut": issued[:-1],
        "other model": f"no-such-model_{issued.rpartition('_')[2]}",
        "other letter case": issued.upper(),
    }
    for case, request_id in neighbours.items():
        yield from read(request_id, case=f"neighbour: {case}", aims=("STATUS-10",))


SUBMITS: Final = (_repeated, _at_once)
READS: Final = (
    _burst("left alone", "quiet", "unwatched", 5, after="g1 ended"),
    _burst("read often", "burst-read", "watched", 12, heads=HEADS),
    _closely,
    _side_by_side(
        "both operations side by side",
        (("completed", "generate", {"duration": 6}), ("completed", "imageToVideo", {**IMAGE, "duration": 10})),
        "OUT-01",
        "OUT-05",
        "OUT-10",
    ),
    _side_by_side(
        "three ends side by side",
        (("failed", "imageToVideo", IMAGE), ("completed", "generate", {}), ("error", "generate", {})),
        "FAIL-01",
        "FAIL-02",
        "FAIL-03",
    ),
    _neighbours,
)
LATE: Final = (_late, _foreign)
