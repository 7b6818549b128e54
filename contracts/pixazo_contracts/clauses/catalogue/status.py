"""STATUS: reading the state of a request."""

from __future__ import annotations

import json
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from pixazo_contracts.clauses.checks import code_word
from pixazo_contracts.clauses.clause import Cost, Evidence, Observation, Strength, Violation, check, clause, show
from pixazo_contracts.trace import MISSING, MODEL, RANK, STATES, TERMINAL, instant, is_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Exchange, Generation, Trace


READABLE = ("BASE-04", "AUTH-07", "SUBMIT-03")
RUNNING = ("QUEUED", "PROCESSING")

#: Codes of a read that other clauses speak of: key, route or retention, rate.
OTHERS_BUSINESS = frozenset({401, 403, 429})

#: One poller at the quickest advised pace makes this many reads a minute.
READS_A_MINUTE = 12
MINUTE = 60.0


@clause(
    "STATUS-01",
    section="Endpoint; Completed",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=READABLE,
    core=True,
)
def status_01(trace: Trace) -> Remarks:
    """Reading an existing request answers 200 in every state."""
    for generation in trace.generations:
        found = [read for read in generation.reads if read.succeeded]
        for read in generation.reads:
            if read.status is None or read.status in OTHERS_BUSINESS or read.status >= 500:
                continue
            # What an account without funds may read is ERR-402-04's business.
            if read.status == 402 and read.account != "default":
                continue
            # Before the first and after the last success a 404 is SUBMIT-13's, BASE-04's or STATUS-16's business.
            outside = not found or read.started < found[0].started or read.started > found[-1].started
            if read.status != 404 or not outside:
                yield check(read.status == 200, read, "status code", "200", str(read.status))


@clause(
    "STATUS-02",
    section="Response Fields; Status Values",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=READABLE,
    core=True,
)
def status_02(trace: Trace) -> Remarks:
    """`status` is one of QUEUED, PROCESSING, COMPLETED, FAILED, ERROR, upper case."""
    for read in trace.envelopes:
        status = read.members.get("status", MISSING)
        yield check(status in STATES, read, "status", f"one of {', '.join(STATES)}", status)


@clause(
    "STATUS-03",
    section="Completed; Response Fields",
    strength=Strength.EXAMPLE,
    cost=Cost.SHARED,
    depends_on=READABLE,
    core=True,
    drift_fails=True,
)
def status_03(trace: Trace) -> Remarks:
    """`request_id` in the body equals the id in the path."""
    for read in trace.envelopes:
        value = read.members.get("request_id", MISSING)
        yield check(value == read.request_id, read, "request_id", str(read.request_id), value)


@clause(
    "STATUS-04",
    section="Completed; Response Fields",
    strength=Strength.EXAMPLE,
    cost=Cost.SHARED,
    depends_on=READABLE,
    core=True,
    drift_fails=True,
)
def status_04(trace: Trace) -> Remarks:
    """`model_id` is `minimax-hailuo-ai`: same text as the path segment and the id prefix."""
    for read in trace.envelopes:
        value = read.members.get("model_id", MISSING)
        if value is not MISSING or read.state in TERMINAL:
            yield check(value == MODEL, read, "model_id", f'"{MODEL}"', value)


@clause(
    "STATUS-05",
    section="Response Fields; Completed",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=(*READABLE, "STATUS-02"),
    core=True,
)
def status_05(trace: Trace) -> Remarks:
    """`error` is null or a string, and null unless the request failed."""
    for read in trace.envelopes:
        error = read.members.get("error", MISSING)
        if read.state == "COMPLETED":
            yield check(error is None, read, "error", "null", error)
        elif read.state in RUNNING:
            yield check(error is None or error is MISSING, read, "error", "null", error)
        elif error is not MISSING:
            yield check(error is None or isinstance(error, str), read, "error", "null or a string", error)


def _holds_nothing(output: object) -> bool:
    if is_object(output):
        return not any(output.values())
    return output is None or output is MISSING


@clause(
    "STATUS-06",
    section="Error via Status; silence",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=(*READABLE, "STATUS-02"),
    core=True,
)
def status_06(trace: Trace) -> Remarks:
    """`output` holds nothing before COMPLETED."""
    for read in trace.envelopes:
        if read.state in RUNNING:
            output = read.members.get("output", MISSING)
            yield check(_holds_nothing(output), read, "output", "null", output)


@clause(
    "STATUS-07",
    section="Response Fields (initial response only)",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=READABLE,
)
def status_07(trace: Trace) -> Remarks:
    """`polling_url` does not appear in status answers."""
    for read in trace.envelopes:
        url = read.members.get("polling_url", MISSING)
        yield check(url is MISSING, read, "polling_url", "absent", url)


@clause("STATUS-08", section="silence", strength=Strength.SILENT, cost=Cost.SHARED, depends_on=READABLE)
def status_08(trace: Trace) -> Remarks:
    """The member set is the same in all states (nulls, not omissions)."""
    kinds: dict[str, set[str]] = {}
    for read in trace.envelopes:
        if read.state in RUNNING:
            kinds.setdefault("running", set(read.members)).intersection_update(read.members)
        elif read.state == "COMPLETED":
            kinds.setdefault("completed", set()).update(read.members)
    if "completed" not in kinds or "running" not in kinds:
        return
    omitted = sorted(kinds["completed"] - kinds["running"])
    yield Observation(f"omitted while running: {', '.join(omitted) or 'nothing'}")


@clause(
    "STATUS-09",
    section="Completed vs Response Fields",
    strength=Strength.EXAMPLE,
    cost=Cost.SHARED,
    depends_on=READABLE,
)
def status_09(trace: Trace) -> Remarks:
    """`updated_at` is present, as in the example, although the field table omits it."""
    for read in trace.envelopes:
        if read.state == "COMPLETED":
            value = read.members.get("updated_at", MISSING)
            yield check(isinstance(value, str), read, "updated_at", "a timestamp", value)


@clause(
    "STATUS-10",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.FREE,
    depends_on=(
        "BASE-04",
        "AUTH-07",
    ),
    core=True,
)
def status_10(trace: Trace) -> Remarks:
    """A well-formed but unknown id gives a 4xx JSON error (404 expected), never 200 and never 5xx."""
    for read in trace.aimed("STATUS-10"):
        body = "JSON" if read.members else "not a JSON object"
        yield Observation(f"{read.case}: {read.status}, {body}", read)


@clause(
    "STATUS-11",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.FREE,
    depends_on=("BASE-04", "AUTH-07", "STATUS-10"),
)
def status_11(trace: Trace) -> Remarks:
    """A malformed id gives a 4xx, never 5xx."""
    for read in trace.aimed("STATUS-11"):
        yield Observation(f"{read.case}: {code_word(read)}", read)


#: The generations that are polled at the profile's pace.
POLLED = frozenset({"g1", "g2"})


def _lifetime(generation: Generation) -> float | None:
    """How long the generation took by its own timestamps, in seconds of the gateway's clock."""
    for read in generation.ends:
        begun, ended = instant(read.members.get("created_at")), instant(read.members.get("completed_at"))
        if begun is not None and ended is not None and begun < ended:
            return ended - begun
    return None


#: Reads of a burst lie in this share of an ordinary lifetime; two changes of state inside it were made by the reads.
BURST_SHARE = 0.25

#: A generation read heavily that lives less than this share of one left alone was driven by its reads.
SHORT_LIFE = 0.5


#: On a clock that only we move, reads less than this many seconds apart lie in one instant.
INSTANT = 0.01


def _frozen(generation: Generation) -> Remarks:
    """While the clock stands still reads see no change of state at all."""
    burst = [read for read in generation.seen if read.case == "burst"]
    if any(RANK[str(after.state)] < RANK[str(before.state)] for before, after in pairwise(burst)):
        return  # reads that contradict each other are STATUS-15's business
    for before, after in pairwise(burst):
        if after.finished - before.started <= INSTANT:
            holds = RANK[str(after.state)] == RANK[str(before.state)]
            expected = f"{before.state}, for the clock stands still"
            yield check(holds, after, "status of reads in a burst", expected, after.state)


def _burst(generation: Generation, ordinary: float) -> Remarks:
    """Reads in quick succession see at most one change of state."""
    seen = generation.seen
    burst = [read for read in seen if read.finished - seen[0].started <= BURST_SHARE * ordinary]
    words = list(dict.fromkeys(str(read.state) for read in burst))
    if len(burst) > 2:
        yield check(len(words) <= 2, burst[0], "status of reads in a burst", "at most one change", " -> ".join(words))


@clause(
    "STATUS-12",
    section="Endpoint (GET)",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=(*READABLE, "STATUS-02", "TIME-03", "TIME-05"),
    core=True,
)
def status_12(trace: Trace) -> Remarks:
    """Reading has no effect: it does not advance the request."""
    polled = [g.ends[0].started - g.submit.finished for g in trace.generations if g.ends and g.submit.case in POLLED]
    alone = [life for g in trace.generations if g.submit.case == "quiet" and (life := _lifetime(g)) is not None]
    for generation in trace.generations:
        if polled and generation.submit.case in {"quiet", "burst-read"}:
            yield from _burst(generation, max(polled))
        if trace.profile.virtual:
            yield from _frozen(generation)
        lifetime = _lifetime(generation)
        if generation.submit.case == "burst-read" and alone and lifetime is not None:
            holds = lifetime >= SHORT_LIFE * min(alone)
            expected = f"about the {median(alone):.1f} s of one left alone"
            yield check(holds, generation.submit, "lifetime of one read often", expected, f"{lifetime:.1f} s")


@clause(
    "STATUS-13",
    section="Workflow step 3",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=READABLE,
)
def status_13(trace: Trace) -> Remarks:
    """Polling at the advised pace (5 to 10 s) is never throttled."""
    mine = [e for e in trace.exchanges if e.account == "default" and e.operation != "media" and e.status is not None]
    for generation in trace.generations:
        for read in generation.reads:
            if read.status != 429:
                yield Evidence(read)
                continue
            recent = sum(read.started - MINUTE <= e.started < read.started for e in mine)
            if recent <= READS_A_MINUTE:
                yield Violation(read, "status code", f"no 429 for {recent} requests in a minute", "429")


def _canonical(read: Exchange) -> str:
    return json.dumps(read.members, sort_keys=True)


def _differences(first: Exchange, later: Exchange) -> str:
    names = sorted(set(first.members) | set(later.members))
    changed = [n for n in names if first.members.get(n, MISSING) != later.members.get(n, MISSING)]
    return ", ".join(
        f"{n}: {show(first.members.get(n, MISSING))} -> {show(later.members.get(n, MISSING))}" for n in changed
    )


@clause(
    "STATUS-14",
    section="Status Flow",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=(*READABLE, "STATUS-02", "SUBMIT-10", "TIME-05"),
    core=True,
)
def status_14(trace: Trace) -> Remarks:
    """A terminal answer is stable: later reads give the same body."""
    for generation in trace.generations:
        for later in generation.ends[1:]:
            first = next(read for read in generation.ends if read.state == later.state)
            if later is not first:
                same = _canonical(first) == _canonical(later)
                where = f"body, {later.started - first.finished:.1f} s after the first terminal read"
                yield check(same, later, where, "the same", "" if same else _differences(first, later))


def _zigzags(generation: Generation) -> Iterator[tuple[Exchange, Exchange]]:
    """Reads of different readers, the later one of which shows an earlier state."""
    furthest: Exchange | None = None
    for before, after in generation.ordered():
        if furthest is None or RANK[str(before.state)] >= RANK[str(furthest.state)]:
            furthest = before
        if furthest.reader != after.reader and RANK[str(after.state)] < RANK[str(furthest.state)]:
            yield furthest, after


@clause(
    "STATUS-15",
    section="Status Flow",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=(*READABLE, "STATUS-02", "SUBMIT-10"),
)
def status_15(trace: Trace) -> Remarks:
    """Parallel readers never see contradictory orders (no replica lag going backwards)."""
    for generation in trace.generations:
        if len(generation.readers()) > 1:
            yield Evidence(generation.submit)
            for ahead, behind in _zigzags(generation):
                got = f"{behind.state} after exchange {ahead.number} had shown {ahead.state} to another reader"
                yield Violation(behind, "status", f"{ahead.state} or later", got)


@clause("STATUS-16", section="silence", strength=Strength.SILENT, cost=Cost.FREE)
def status_16(trace: Trace) -> Remarks:
    """How long a finished request stays readable."""
    words = {code_word(read).replace("accepted", "readable") for read in trace.aimed("STATUS-16")}
    if words:
        yield Observation(f"late in the run: {', '.join(sorted(words))}")
