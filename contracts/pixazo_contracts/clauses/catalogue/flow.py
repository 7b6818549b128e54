"""FLOW: the state machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_contracts.clauses.clause import Cost, Evidence, Strength, Violation, check, clause

if TYPE_CHECKING:
    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Exchange, Generation, Trace


ROOTS = ("STATUS-01", "STATUS-02", "SUBMIT-03", "SUBMIT-10")

#: Two reads are close enough to miss no state when their gap is this share of the time that state lasts elsewhere.
MISSED = 0.25

#: Where PROCESSING was never seen at all, so many generations must have jumped over it.
FEWEST_JUMPS = 3


@clause(
    "FLOW-01",
    section="Status Flow",
    strength=Strength.DOCUMENTED,
    cost=Cost.SHARED,
    depends_on=ROOTS,
    core=True,
)
def flow_01(trace: Trace) -> Remarks:
    """State never moves backwards along QUEUED, PROCESSING, terminal."""
    for generation in trace.generations:
        processing = [read for read in generation.seen if read.state == "PROCESSING"]
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
    if any(read.state == "PROCESSING" for read in generation.seen) or not generation.ends:
        return None
    queued = [
        read for read in generation.seen if read.state == "QUEUED" and read.finished <= generation.ends[0].started
    ]
    return (queued[-1], generation.ends[0]) if queued else None


def _processing_time(generation: Generation) -> float:
    """How long PROCESSING was seen to last, at least."""
    reads = [read for read in generation.seen if read.state == "PROCESSING"]
    return reads[-1].finished - reads[0].started if reads else 0.0


def _is_quick(generation: Generation, last: Exchange, end: Exchange, lasting: float) -> bool:
    """Whether the poller could not have missed PROCESSING between two reads."""
    gap = end.finished - last.started
    queued = last.finished - generation.submit.finished
    return gap <= MISSED * (lasting or queued)


def _through_processing(trace: Trace, outcomes: frozenset[str]) -> Remarks:
    """Generations ending so pass PROCESSING; a gap between two reads accuses only where the poller was quick enough."""
    lasting = max(map(_processing_time, trace.generations), default=0.0)
    jumps: list[Violation] = []
    for generation in trace.generations:
        if generation.outcome not in outcomes:
            continue
        for read in [read for read in generation.seen if read.state == "PROCESSING"][:1]:
            yield Evidence(read)
        jump = _jump(generation)
        if jump is not None and _is_quick(generation, *jump, lasting):
            got = f"{jump[1].state} {jump[1].finished - jump[0].started:.3f} s after QUEUED"
            jumps.append(Violation(jump[1], "status", "PROCESSING between QUEUED and the end", got))
    if lasting or len(jumps) >= FEWEST_JUMPS:
        yield from jumps


@clause("FLOW-02", section="Status Flow", strength=Strength.DOCUMENTED, cost=Cost.SHARED, depends_on=(*ROOTS, "HDR-05"))
def flow_02(trace: Trace) -> Remarks:
    """PROCESSING lies between QUEUED and any terminal state."""
    return _through_processing(trace, frozenset({"COMPLETED"}))


@clause(
    "FLOW-03",
    section="Status Flow",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=ROOTS,
    core=True,
)
def flow_03(trace: Trace) -> Remarks:
    """Terminal states are absorbing and exclusive."""
    for generation in trace.generations:
        for end in generation.ends[:1]:
            for read in generation.seen:
                if read.started >= end.finished:
                    yield check(read.state == end.state, read, "status", f"{end.state} for ever", read.state)


@clause(
    "FLOW-04",
    section="Status Flow",
    strength=Strength.DOCUMENTED,
    cost=Cost.ACCOUNT,
    depends_on=(*ROOTS, "FLOW-02", "HDR-05"),
)
def flow_04(trace: Trace) -> Remarks:
    """FAILED and ERROR are drawn as successors of PROCESSING only; whether ERROR can strike in QUEUED is not said."""
    return _through_processing(trace, frozenset({"FAILED", "ERROR"}))


@clause(
    "FLOW-05",
    section="Status Flow; Workflow",
    strength=Strength.IMPLIED,
    cost=Cost.SHARED,
    depends_on=ROOTS,
    core=True,
)
def flow_05(trace: Trace) -> Remarks:
    """Every accepted request reaches a terminal state within the profile's bound."""
    for generation in trace.generations:
        if generation.ends:
            yield Evidence(generation.ends[0])
        elif generation.seen and generation.seen[-1].finished - generation.submit.finished >= trace.profile.deadline:
            last = generation.seen[-1]
            took = last.finished - generation.submit.finished
            yield Violation(
                last, "status", f"an end within {trace.profile.deadline:g} s", f"{last.state} after {took:.1f} s"
            )
