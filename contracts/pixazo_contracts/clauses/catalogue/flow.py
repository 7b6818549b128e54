"""FLOW: the state machine."""

from __future__ import annotations

from pixazo_contracts.clauses.clause import Evidence, Group, Remarks, Violation, check
from pixazo_contracts.clauses.standing import ACCOUNT, DOCUMENTED, IMPLIED, SHARED
from pixazo_contracts.trace import Exchange, Generation, Trace

ROOTS = "STATUS-01 STATUS-02 SUBMIT-03 SUBMIT-10"
FLOW = Group(depends_on=ROOTS)

#: Two reads are close enough to miss no state when their gap is this share of the time that state lasts elsewhere.
MISSED = 0.25

#: Where PROCESSING was never seen at all, so many generations must have jumped over it.
FEWEST_JUMPS = 3


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
                    yield Violation(read, "status", "PROCESSING or an end", got)


def _jump(generation: Generation) -> tuple[Exchange, Exchange] | None:
    """The last read in QUEUED and the first in an end, when no read showed PROCESSING between them."""
    if _processing(generation) or not generation.ends:
        return None
    end = generation.ends[0]
    queued = [read for read in generation.seen if read.state == "QUEUED" and read.finished <= end.started]
    return (queued[-1], end) if queued else None


def _processing_time(generation: Generation) -> float:
    """How long PROCESSING was seen to last, at least, in seconds."""
    reads = _processing(generation)
    return reads[-1].finished - reads[0].started if reads else 0.0


def _is_quick(generation: Generation, last: Exchange, end: Exchange, lasting: float) -> bool:
    """Whether the poller could not have missed PROCESSING between two reads."""
    gap = end.finished - last.started
    queued = last.finished - generation.submit.finished
    return gap <= MISSED * (lasting or queued)


def _through_processing(trace: Trace, *outcomes: str) -> Remarks:
    """Generations with one of these outcomes pass PROCESSING.

    Between two reads a gateway may pass it unseen, so a gap is a violation only if the poller was quick enough.
    """
    lasting = max(map(_processing_time, trace.generations), default=0.0)
    jumps: list[Violation] = []
    for generation in trace.generations:
        if generation.outcome not in outcomes:
            continue
        for read in _processing(generation)[:1]:
            yield Evidence(read)
        jump = _jump(generation)
        if jump is not None and _is_quick(generation, *jump, lasting):
            got = f"{jump[1].state} {jump[1].finished - jump[0].started:.3f} s after QUEUED"
            jumps.append(Violation(jump[1], "status", "PROCESSING between QUEUED and the end", got))
    if lasting or len(jumps) >= FEWEST_JUMPS:
        yield from jumps


# fmt: off
FLOW.row("FLOW-02", DOCUMENTED, SHARED, lambda trace, _: _through_processing(trace, "COMPLETED"),
    depends_on=f"{ROOTS} HDR-05", section='Status Flow: "QUEUED → PROCESSING → COMPLETED"',
    demands="PROCESSING lies between QUEUED and any terminal state.")
# fmt: on


@FLOW.clause("FLOW-03", IMPLIED, SHARED, core=True, section="Status Flow")
def flow_03(trace: Trace) -> Remarks:
    """Terminal states are absorbing and exclusive."""
    for generation in trace.generations:
        for end in generation.ends[:1]:
            for read in generation.seen:
                if read.started >= end.finished:
                    yield check(read.state == end.state, read, "status", f"{end.state} for ever", read.state)


# fmt: off
FLOW.row("FLOW-04", DOCUMENTED, ACCOUNT, lambda trace, _: _through_processing(trace, "FAILED", "ERROR"),
    depends_on=f"{ROOTS} FLOW-02 HDR-05", section='Status Flow: "→ FAILED → ERROR"',
    demands="FAILED and ERROR are drawn as successors of PROCESSING only; whether ERROR can strike in QUEUED is not said.")
# fmt: on


@FLOW.clause("FLOW-05", IMPLIED, SHARED, core=True, section="Status Flow; Typical Workflow")
def flow_05(trace: Trace) -> Remarks:
    """Every accepted request reaches a terminal state within the profile's bound."""
    for generation in trace.generations:
        if generation.ends:
            yield Evidence(generation.ends[0])
            continue
        bound = trace.profile.deadline
        for last in generation.seen[-1:]:
            took = last.finished - generation.submit.finished
            if took >= bound:
                yield Violation(last, "status", f"an end within {bound:g} s", f"{last.state} after {took:.1f} s")
