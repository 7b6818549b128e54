"""STATUS, FLOW: reading the state of a request, and the state machine."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import chain

from pixazo_contracts.trace import MODEL, RANK, STATES, TERMINAL, Exchange, Generation, Trace, is_object

from . import checks
from .clause import ACCOUNT, DOCUMENTED, EXAMPLE, FREE, IMPLIED, SHARED, SILENT, Group
from .remarks import Evidence, Observation, Remarks, Unseen, Violation, check, check_member, code_shown, plain, show

DIAGRAM = 'Status Flow: "QUEUED → PROCESSING → COMPLETED"; Status Flow: "→ FAILED"; Status Flow: "→ ERROR"'
#: The clauses that explain why a status cannot be read.
READABLE = "BASE-04 AUTH-07 SUBMIT-03"
ENDPOINT = 'Endpoint: "GET https://gateway.pixazo.ai/v2/requests/status/{request_id}"'
POLLING = 'Typical Workflow: "Poll every 5-10 seconds: GET /v2/requests/status/{request_id}"'
DOWNLOAD = 'Typical Workflow: "When status is "COMPLETED", download from output.media_url"'
STATUS = Group(depends_on=READABLE)
#: Status codes of a read that other clauses judge: key, permission, rate.
JUDGED_ELSEWHERE = frozenset({401, 403, 429})
#: One poller at the fastest advised pace makes this many reads a minute.
READS_A_MINUTE = 12
#: If another request was sent less than this many seconds before a read, or at the same time, the read is not at the advised pace.
ADVISED = 5.0
MINUTE = 60.0
#: Status codes of a request that is not found: not yet, or no longer.
NOT_FOUND = frozenset({404, 410})
#: A request may become readable this late after its 202, in seconds or polls; and an ended one stays readable at least this many seconds.
SETTLED = 2.0
SETTLED_POLLS = 10
KEPT = 30.0


def _is_lost(generation: Generation, read: Exchange, found: Sequence[Exchange], settled: float) -> bool:
    """Whether a read that finds nothing is about a request that must exist; `found` are the successful reads of it."""
    if found:
        # SUBMIT-13 and BASE-04 judge reads before the first success, STATUS-14 and -16 those after an end. A request that
        # ended unseen after the last success must still be there for a while.
        kept = 0.0 if generation.ends else KEPT
        return found[0].started <= read.started <= found[-1].started + kept
    return "STATUS-16" not in read.aims and read.started - generation.submit.finished > settled


@STATUS.clause("STATUS-01", IMPLIED, SHARED, core=True, section=f"{ENDPOINT}; Response (Completed)")
def status_01(trace: Trace) -> Remarks:
    """Reading an existing request answers 200 in every state."""
    # BASE-05 judges an operation none of whose ids is found.
    judged = {g.submit.operation for g in trace.generations if any(read.succeeded for read in g.reads)}
    settled = min(SETTLED, SETTLED_POLLS * trace.profile.pace)
    for generation in trace.generations:
        found, is_judged = [read for read in generation.reads if read.succeeded], generation.submit.operation in judged
        for read in generation.reads:
            if read.status is None:
                # On another machine there is a network in between.
                remote = not trace.profile.loopback
                yield Violation(read, "response", "200", f"none ({read.error})", drifts=remote)
                continue
            # ERR-402-04 observes what an account without funds may read.
            elsewhere = read.status in JUDGED_ELSEWHERE or (read.status == 402 and read.account != "default")
            absent = read.status in NOT_FOUND and not (is_judged and _is_lost(generation, read, found, settled))
            if read.status < 500 and not elsewhere and not absent:
                yield check(read.status == 200, read, "status code", "200", read.status)


STATUS.row("STATUS-02", DOCUMENTED, SHARED,
    checks.each(checks.envelopes(), "status", lambda status: status in STATES, f"one of {', '.join(STATES)}"), core=True,
    section='Response Fields: "status | string | QUEUED, PROCESSING, COMPLETED, FAILED, or ERROR"',
    demands="`status` is in every status answer, one of QUEUED, PROCESSING, COMPLETED, FAILED, ERROR, upper case.")  # fmt: skip


@STATUS.clause("STATUS-03", EXAMPLE, SHARED, core=True, drift_fails=True,
    section='Response (Completed); Response Fields: "request_id | string | Unique request identifier"')  # fmt: skip
def status_03(trace: Trace) -> Remarks:
    """`request_id` in the body of every status answer equals the id in the path."""
    for read in trace.envelopes:
        asked = str(read.request_id)
        yield check_member(read, "request_id", checks.equals(asked), show(asked))


@STATUS.clause("STATUS-04", EXAMPLE, SHARED, core=True, drift_fails=True,
    section='Response (Completed); Response Fields: "model_id | string | Model that processed the request"')  # fmt: skip
def status_04(trace: Trace) -> Remarks:
    """`model_id` is `minimax-hailuo-ai`, same text as the path segment and the id prefix, in every status answer."""
    for read in trace.envelopes:
        yield check_member(
            read, "model_id", checks.equals(MODEL), f'"{MODEL}"', drifts=checks.not_shown(read, "model_id")
        )


@STATUS.clause("STATUS-05", DOCUMENTED, SHARED, depends_on=f"{READABLE} STATUS-02", core=True,
    section='Response Fields: "error | string|null | Error message if failed"')  # fmt: skip
def status_05(trace: Trace) -> Remarks:
    """`error` is null or a string, and null unless the request failed; it may be left out before the end."""
    for read in trace.envelopes:
        if read.state == "COMPLETED":
            yield check_member(read, "error", checks.is_null, "null")
        elif read.state in checks.RUNNING:
            yield check_member(read, "error", checks.is_null_or_absent, "null")
        elif read.state in TERMINAL or "error" in read.members:
            yield check_member(read, "error", lambda error: isinstance(error, str | None), "null or a string")


#: The prefix of cases whose ids are like an issued one; observations are about the others, which are always sent.
NEIGHBOUR = "neighbour: "


def no_work(trace: Trace, clause_id: str) -> Remarks:
    """Reads aimed at the clause get a refusal or, for a malformed id, a redirect, as routers repair paths; it is observed."""
    for read in trace.aimed(clause_id):
        where, got = f"response ({read.case})", f"{read.status}: {show(read.members)}"
        work = checks.shows_work(read)
        # The refusal of a request with a valid key is about the id, not about the key.
        refused = (read.status or 500) >= (300 if clause_id == "STATUS-11" else 400) and read.status != 401
        yield check(refused and not work, read, where, "a refusal", words=got, drifts=not work)
        yield check((read.status or 500) < 500, read, where, "no 5xx", read.status)
        if not read.case.startswith(NEIGHBOUR):
            body = "JSON" if read.members else "not a JSON object"
            yield Observation(f"{read.case}: {read.status}, {body}", read)


@STATUS.clause("STATUS-06", IMPLIED, SHARED, depends_on=f"{READABLE} STATUS-02", core=True,
    section='Status Values: "COMPLETED | Done — output contains the result"')  # fmt: skip
def status_06(trace: Trace) -> Remarks:
    """`output` holds nothing before COMPLETED."""
    for read in checks.envelopes(*checks.RUNNING)(trace):
        output = read.member("output")
        holds = not any(output.values()) if is_object(output) else checks.is_null_or_absent(output)
        yield check(holds, read, "output", "null", output)
    if trace.envelopes and all(read.state in TERMINAL for read in trace.envelopes):
        yield Unseen("each request had ended when it was first read", skips=True)


STATUS.row("STATUS-07", DOCUMENTED, SHARED, checks.each(checks.envelopes(), "polling_url", checks.is_absent, "absent"),
    section='Response Fields: "polling_url | string | Status URL (initial response only)"',
    demands="`polling_url` does not appear in status answers.")  # fmt: skip


@STATUS.clause("STATUS-08", SILENT, SHARED, section="silence")
def status_08(trace: Trace) -> Remarks:
    """The member set is the same in all states (nulls, not omissions)."""
    kinds: dict[str, set[str]] = {}
    for read in trace.envelopes:
        if read.state in checks.RUNNING:
            kinds.setdefault("running", set(read.members)).intersection_update(read.members)
        elif read.state == "COMPLETED":
            kinds.setdefault("completed", set()).update(read.members)
    if "completed" not in kinds or "running" not in kinds:
        return
    omitted = sorted(kinds["completed"] - kinds["running"])
    yield Observation(f"omitted while running: {', '.join(map(plain, omitted)) or 'nothing'}")


# fmt: off
STATUS.row("STATUS-09", EXAMPLE, SHARED, checks.each(checks.envelopes("COMPLETED"), "updated_at", checks.is_string, "a timestamp"),
    section="Response (Completed); Response Fields",
    demands="`updated_at` is present, as in the example, although the field table omits it.")
STATUS.row("STATUS-10", IMPLIED, FREE, no_work, depends_on="BASE-04 AUTH-07", core=True,
    section="unacceptable to any caller: an id that was never issued looks like work",
    demands="A well-formed id that was never issued, however like one that was, gets no envelope and no 5xx; which 4xx is observed.")
STATUS.row("STATUS-11", IMPLIED, FREE, no_work, depends_on="BASE-04 AUTH-07 STATUS-10",
    section="unacceptable to any caller: an id that was never issued looks like work",
    demands="A malformed id gets no envelope and no 5xx; which 4xx is observed.")
# fmt: on


#: The generations that are polled at the profile's pace.
POLLED = frozenset({"g1", "g2"})
#: Reads of a burst lie within this share of a normal lifetime; if the state changes twice within it, the reads caused that.
BURST_SHARE = 0.25
#: If a heavily read generation lives for less than this share of the shortest of this many others, its reads drove it.
SHORT_LIFE = 0.5
FEWEST_LIVES = 4
#: On a clock that only we move, reads less than this many seconds apart are at one instant.
INSTANT = 0.01


def _lifetime(generation: Generation) -> float | None:
    """How long the generation took by its own timestamps, in seconds of the gateway's clock."""
    spans = (ended - begun for _, begun, ended in checks.stamps(generation.ends, "created_at", "completed_at"))
    return next((span for span in spans if span >= 0), None)


def _burst(generation: Generation, span: float, states: int, expected: str) -> Remarks:
    """Reads within that many seconds after the first one began see no more different states."""
    seen = generation.seen
    burst = [str(read.state) for read in seen if read.finished - seen[0].started <= span]
    words = list(dict.fromkeys(burst))
    # STATUS-15 judges reads that contradict each other.
    if len(burst) > states and burst == sorted(burst, key=RANK.__getitem__):
        where, got = "status of reads in a burst", " -> ".join(words)
        yield check(len(words) <= states, seen[0], where, expected, words=got)


@STATUS.clause("STATUS-12", IMPLIED, SHARED, depends_on=f"{READABLE} STATUS-02 TIME-03 TIME-05", core=True,
    section=ENDPOINT)  # fmt: skip
def status_12(trace: Trace) -> Remarks:
    """Reading has no effect: neither GET nor HEAD of a status or a medium advances the request or ends it."""
    often = [generation for generation in trace.generations if generation.submit.case == "burst-read"]
    others = [g for g in trace.generations if g not in often and g.ends and g.submit.account == "default"]
    polled = [g.ends[0].started - g.submit.finished for g in others if g.submit.case in POLLED]
    # BASE-06 judges what other methods did to one of them; what fails may fail at once.
    whole = [g for g in others if g.outcome == "COMPLETED" and g.submit.case != "methods"]
    lives = [life for g in whole if (life := _lifetime(g)) is not None]
    completes = any(g.outcome == "COMPLETED" for g in others if g.submit.case in {*POLLED, "quiet"})
    for generation in trace.generations:
        if polled and generation.submit.case in {"quiet", "burst-read"}:
            yield from _burst(generation, BURST_SHARE * min(polled), 2, "at most one change")
        if trace.profile.virtual:
            yield from _burst(generation, INSTANT, 1, "no change, since the clock stands still")
    for generation in often:
        lifetime = _lifetime(generation) if generation.outcome == "COMPLETED" else None
        if len(lives) >= FEWEST_LIVES and lifetime is not None:
            # Each may take a different time, but not so much less than all others.
            tick = 0.0 if any(life % checks.TICK for life in (*lives, lifetime)) else checks.TICK
            holds, got = lifetime + tick >= SHORT_LIFE * min(lives), f"{lifetime:.1f} s"
            expected = f"about as long as others, {min(lives):.1f} s or more"
            yield check(holds, generation.submit, "lifetime of one read often", expected, words=got)
    bad = [g.ends[0] for g in often if g.ends and g.outcome != "COMPLETED"]
    if completes and bad and len(bad) == len(often):
        # The page promises no success: one alone may have failed for its own reasons.
        where, got = "status of one read often", str(bad[0].state)
        yield Violation(bad[0], where, "COMPLETED, as of others", got, tuple(bad), drifts=len(bad) == 1)


@STATUS.clause("STATUS-13", IMPLIED, SHARED, section=POLLING)
def status_13(trace: Trace) -> Remarks:
    """Polling at the advised pace (5 to 10 s) is never throttled."""
    mine = [e for e in trace.exchanges if e.account == "default" and e.operation != "media" and e.status is not None]
    begun = sorted(e.started for e in mine)
    for generation in trace.generations:
        for read in generation.reads:
            if read.status != 429:
                yield Evidence(read)
                continue
            near = bisect_right(begun, read.finished) - bisect_right(begun, read.started - ADVISED)
            recent = bisect_left(begun, read.started) - bisect_left(begun, read.started - MINUTE)
            if read.account == "default" and near == 1 and recent <= READS_A_MINUTE:
                # The key of an app may also be in use elsewhere.
                expected = f"no 429 for {recent} requests in a minute"
                yield Violation(read, "status code", expected, "429", drifts=read.from_app)


@STATUS.clause("STATUS-14", IMPLIED, SHARED, depends_on=f"{READABLE} STATUS-02 SUBMIT-10 TIME-05", core=True,
    section=DIAGRAM)  # fmt: skip
def status_14(trace: Trace) -> Remarks:
    """A terminal answer is stable: later reads give the same body, for a while at least."""
    for generation in trace.generations:
        firsts: dict[str | None, tuple[Exchange, str]] = {}
        for later in generation.ends:
            body = _lasting_body(trace, later)
            first, expected = firsts.setdefault(later.state, (later, body))
            if later is not first:
                names = sorted(first.members.keys() | later.members.keys())
                values = [(name, first.member(name), later.member(name)) for name in names]
                got = ", ".join(f"{plain(name)}: {show(a)} -> {show(b)}" for name, a, b in values if a != b)
                where = f"body, {later.started - first.finished:.1f} s after the first terminal read"
                yield check(body == expected, later, where, "the same", words=got, related=(first,))
        for end in generation.ends[:1]:
            for read in generation.reads:
                since = read.started - end.finished
                if read.status in NOT_FOUND and 0 <= since <= KEPT:
                    got = f"{read.status}, {since:.1f} s after the first terminal read"
                    yield Violation(read, "status code", "200", got, (end,))


def _lasting_body(trace: Trace, read: Exchange) -> str:
    """The body, whichever name the reader called the gateway by: it may build URLs from that name, and sign them anew."""
    text = checks.unsigned(read.members)
    for name in trace.profile.public_origins:
        text = text.replace(f"{name}/", f"{trace.profile.origin}/")
    return text


@STATUS.clause("STATUS-15", IMPLIED, SHARED, depends_on=f"{READABLE} STATUS-02 SUBMIT-10", section=DIAGRAM)
def status_15(trace: Trace) -> Remarks:
    """Parallel readers never see contradictory orders (no replica lag going backwards)."""
    for generation in trace.generations:
        if len({read.reader for read in generation.seen}) < 2:
            continue
        yield Evidence(generation.submit)
        ahead: Exchange | None = None
        for before, after in generation.ordered():
            if ahead is None or RANK[str(before.state)] >= RANK[str(ahead.state)]:
                ahead = before
            if ahead.reader != after.reader and RANK[str(after.state)] < RANK[str(ahead.state)]:
                got = f"{after.state} after exchange {ahead.number} had shown {ahead.state} to another reader"
                yield Violation(after, "status", f"{ahead.state} or later", got, (ahead,))


STATUS.row("STATUS-16", SILENT, FREE, partial(checks.late, alive="readable"), depends_on="", section="silence",
    demands="How long a finished request stays readable.")  # fmt: skip


#: The clauses that explain why reads show no state of a request.
ROOTS = "STATUS-01 STATUS-02 SUBMIT-03 SUBMIT-10"
FLOW = Group(depends_on=ROOTS)
#: Two reads are close enough not to miss a state when their gap is this share of the time that the state lasts elsewhere.
MISSED = 0.25
#: If PROCESSING was never seen, this many generations must have skipped it: one or two may be chance. A generation may fail as
#: soon as it is processed: its reads must be this close, as a share of its time in QUEUED, and one generation is enough then.
FEWEST_JUMPS = 3
CLOSE = 0.02


def _processing(generation: Generation) -> list[Exchange]:
    return [read for read in generation.seen if read.state == "PROCESSING"]


@FLOW.clause("FLOW-01", DOCUMENTED, SHARED, core=True, section='Status Flow: "QUEUED → PROCESSING → COMPLETED"')
def flow_01(trace: Trace) -> Remarks:
    """State never moves backwards along QUEUED, PROCESSING, terminal."""
    for generation in trace.generations:
        processing = _processing(generation)
        for read in generation.seen[-1:]:
            yield Evidence(read)
        if processing:
            # Reads that overlap have no order; those that began after this one had ended do.
            first = min(processing, key=lambda read: read.finished)
            for read in generation.seen:
                if read.state == "QUEUED" and read.started >= first.finished:
                    got = f"QUEUED after exchange {first.number} had shown PROCESSING"
                    yield Violation(read, "status", "PROCESSING or an end", got, (first,))


def _queued(generation: Generation) -> list[Exchange]:
    end = generation.ends[0]
    return [read for read in generation.seen if read.state == "QUEUED" and read.finished <= end.started]


def _lasting(generation: Generation) -> float:
    """About how long PROCESSING lasted: between how long it was seen, and how long neither QUEUED nor the end was."""
    processing, before = _processing(generation), (*_queued(generation)[-1:], generation.submit)[0]
    longest = generation.ends[0].finished - before.started
    return (processing[-1].finished - processing[0].started + longest) / 2


def _through_processing(trace: Trace, outcome: str) -> Remarks:
    """Generations with that outcome pass PROCESSING; a gap is a violation only if the poller was fast enough to see it."""
    generations = [generation for generation in trace.generations if generation.outcome == outcome]
    seen = [generation for generation in generations if _processing(generation)]
    # Each may take a different time: it must not be missed in the shortest.
    lasting = min(map(_lasting, seen), default=0.0)
    jumps: list[Violation] = []
    share, fewest = (MISSED, FEWEST_JUMPS) if outcome == "COMPLETED" else (MISSED if seen else CLOSE, 1)
    for generation in generations:
        if processing := _processing(generation):
            yield Evidence(processing[0])
            continue
        end = generation.ends[0]
        for last in _queued(generation)[-1:]:
            gap, waited = end.finished - last.started, last.finished - generation.submit.finished
            if gap <= share * (lasting if seen else waited):
                got = f"{end.state} {gap:.3f} s after QUEUED"
                jumps.append(Violation(end, "status", "PROCESSING between QUEUED and the end", got, (last,)))
    if seen or len(jumps) >= fewest:
        yield from jumps


FLOW.row("FLOW-02", DOCUMENTED, SHARED, lambda trace, _: _through_processing(trace, "COMPLETED"),
    depends_on=f"{ROOTS} HDR-05", section='Status Flow: "QUEUED → PROCESSING → COMPLETED"',
    demands="PROCESSING lies between QUEUED and any terminal state.")  # fmt: skip


@FLOW.clause("FLOW-03", IMPLIED, SHARED, core=True, section=DIAGRAM)
def flow_03(trace: Trace) -> Remarks:
    """Terminal states are absorbing and exclusive."""
    for generation in trace.generations:
        if not generation.ends:
            continue
        # Not the first that began: during a slow read, others may begin and end, and must also be compared.
        end = min(generation.ends, key=lambda read: read.finished)
        for read in generation.seen:
            # Another end contradicts this one regardless of the order in which overlapping reads were answered.
            if read.started >= end.finished or (read.state in TERMINAL and read.state != end.state):
                holds = read.state == end.state
                yield check(holds, read, "status", f"{end.state}, as it has ended", read.state, related=(end,))


FLOW.row("FLOW-04", DOCUMENTED, ACCOUNT,
    lambda trace, _: chain(_through_processing(trace, "FAILED"), _through_processing(trace, "ERROR")),
    depends_on=f"{ROOTS} FLOW-02 HDR-05", section='Status Flow: "→ FAILED"; Status Flow: "→ ERROR"',
    demands="FAILED and ERROR are drawn as successors of PROCESSING only; whether ERROR can strike in QUEUED is not said.")  # fmt: skip


#: Two submits within this many seconds may have been queued in either order.
SAME_TIME = 1.0


def _waits_its_turn(trace: Trace, generation: Generation, last: Exchange) -> bool:
    """Whether a queue still moves: in the second half of the wait, others in it ended, none of them submitted later."""
    begun = generation.submit.finished
    half = (begun + last.finished) / 2
    ended = [other for other in trace.generations if other.ends and other.ends[0].started <= last.finished]
    own = [other for other in ended if other.submit.account == generation.submit.account]
    # Each account may have a queue of its own, or all one.
    queue = own if any(other.ends[0].started >= half for other in own) else ended
    overtaken = any(other.submit.finished > begun + SAME_TIME for other in queue)
    return not overtaken and any(other.ends[0].started >= half for other in queue)


@FLOW.clause("FLOW-05", IMPLIED, SHARED, core=True, section=f"{DIAGRAM}; {DOWNLOAD}")
def flow_05(trace: Trace) -> Remarks:
    """Every accepted request reaches a terminal state within the profile's bound."""
    for generation in trace.generations:
        if generation.ends:
            yield Evidence(generation.ends[0])
            continue
        bound = trace.profile.deadline
        for last in [read for read in generation.reads if read.status not in JUDGED_ELSEWHERE | NOT_FOUND][-1:]:
            took = last.finished - generation.submit.finished
            if took >= bound and _waits_its_turn(trace, generation, last):
                yield Unseen(f"after {took:.0f} s requests were still waiting for their turn: give a longer --deadline")
            elif took >= bound:
                shown = code_shown(last) if last.state is None else show(last.state)
                yield Violation(last, "status", f"an end within {bound:g} s", f"{shown} after {took:.1f} s")
