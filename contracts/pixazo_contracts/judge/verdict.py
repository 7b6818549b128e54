"""What a trace means for each clause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from typing import Final

from pixazo_contracts.clauses import Clause, Evidence, Observation, Remark, Strength, Unseen, Violation
from pixazo_contracts.trace import Callback, Exchange, Trace

#: The most findings that are kept for one clause: more of the same kind add nothing.
MOST_FINDINGS: Final = 20


class Outcome(Enum):
    """What a run says about a clause.

    `PASS`, `FAIL`: the gateway does what the page says, or does not. `DRIFT`: only an example of the page shows
    otherwise, or a baseline observed something else. `OBSERVED`: the page is silent, and what the gateway does is
    recorded. `BLOCKED`: the failure of another clause explains it. `INCONCLUSIVE`: nothing in the trace bears on it.
    `SKIPPED`: the target lacks what it needs. `UNFUNDED`: the budget did not reach it. `ERROR`: the suite itself failed.
    """

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    DRIFT = "DRIFT"
    OBSERVED = "OBSERVED"
    BLOCKED = "BLOCKED"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIPPED = "SKIPPED"
    UNFUNDED = "UNFUNDED"
    ERROR = "ERROR"


#: Outcomes that rest on evidence: that all is as it should be, and that something is not.
GOOD: Final = frozenset({Outcome.PASS, Outcome.OBSERVED})
BAD: Final = frozenset({Outcome.FAIL, Outcome.DRIFT})
JUDGED: Final = GOOD | BAD


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be: where, what was expected, what came, and in which record of the trace."""

    expected: str
    got: str
    where: str = ""
    exchange: int | None = None
    callback: int | None = None
    curl: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one clause, with how many things it looked at and what it observed."""

    clause: str
    outcome: Outcome
    judged: int = 0
    observation: str | None = None
    reason: str | None = None
    findings: tuple[Finding, ...] = ()


def _finding(violation: Violation) -> Finding:
    number = violation.source.number
    numbers = (number, None) if isinstance(violation.source, Exchange) else (None, number)
    return Finding(violation.expected, violation.got, violation.where, *numbers)


def _observed(remarks: Iterable[Remark]) -> tuple[str | None, Exchange | Callback | None]:
    """All observations as one text, which does not depend on the order of responses, and the source of the first."""
    observations = [remark for remark in remarks if isinstance(remark, Observation)]
    if not observations:
        return None, None
    text = "; ".join(sorted({observation.text for observation in observations}))
    return text, observations[0].source


def _unjudged(clause: Clause, trace: Trace, feeders: Sequence[str]) -> tuple[Outcome, str]:
    """Why a clause without evidence has none, from what became of the probes that feed it."""
    if missing := clause.needs - set(trace.profile.capabilities):
        return Outcome.SKIPPED, f"the target has no {', '.join(sorted(missing))}"
    probes = trace.footer.probes if trace.footer else {}
    states = [probes[name] for name in feeders if name in probes]
    if errors := [state for state in states if state.startswith("error")]:
        return Outcome.ERROR, errors[0]
    if not states or not set(states) <= {"unfunded", "skipped"}:
        return Outcome.INCONCLUSIVE, "nothing in the trace bears on it"
    if "unfunded" in states:
        return Outcome.UNFUNDED, "the budget did not reach it: raise --max-generations"
    return Outcome.SKIPPED, "the probes that feed it need what the target does not have"


def _outcome(clause: Clause, *, violated: bool, observation: str | None, baseline: str | None) -> Outcome:
    # What only an example shows may be one of several forms; `drift_fails` marks the examples that clients must parse.
    if violated and (clause.strength is not Strength.EXAMPLE or clause.drift_fails):
        return Outcome.FAIL
    if violated or (baseline is not None and observation is not None and observation != baseline):
        return Outcome.DRIFT
    return Outcome.OBSERVED if clause.strength is Strength.SILENT else Outcome.PASS


def _judge_one(clause: Clause, trace: Trace, feeders: Sequence[str], baseline: str | None) -> Verdict:
    try:
        remarks = list(clause.judge(trace))
    except Exception as error:  # noqa: BLE001 - a fault of ours must cost one verdict, not all
        return Verdict(clause=clause.id, outcome=Outcome.ERROR, reason=f"the clause raised {error!r}: report it")
    observation, source = _observed(remarks)
    violations = [remark for remark in remarks if isinstance(remark, Violation)]
    evidence = sum(isinstance(remark, Evidence) for remark in remarks)
    unseen = next((remark.reason for remark in remarks if isinstance(remark, Unseen)), None)
    if not (evidence or violations or observation) or (clause.strength is Strength.SILENT and observation is None):
        unjudged, reason = _unjudged(clause, trace, feeders)
        reason = unseen or reason if unjudged is Outcome.INCONCLUSIVE else reason
        return Verdict(clause=clause.id, outcome=unjudged, reason=reason)
    outcome = _outcome(clause, violated=bool(violations), observation=observation, baseline=baseline)
    findings = [_finding(violation) for violation in islice(violations, MOST_FINDINGS)]
    if outcome is Outcome.DRIFT and not violations:
        number = source.number if isinstance(source, Exchange) else None
        findings.append(Finding(f"as in the baseline: {baseline}", str(observation), "observation", exchange=number))
    return Verdict(
        clause=clause.id,
        outcome=outcome,
        judged=evidence + len(violations) + (observation is not None),
        observation=observation,
        findings=tuple(findings),
    )


def _block(verdicts: Sequence[Verdict], clauses: Sequence[Clause]) -> Iterator[Verdict]:
    """The verdicts, BLOCKED where a failed root explains a clause that did not pass on evidence of its own."""
    broken = {verdict.clause for verdict in verdicts if verdict.outcome in BAD}
    by_id = {clause.id: clause for clause in clauses}

    def root(clause_id: str, seen: set[str]) -> str | None:
        for dependency in by_id[clause_id].depends_on:
            if dependency in by_id and dependency not in seen:
                seen.add(dependency)
                found = dependency if dependency in broken else root(dependency, seen)
                if found is not None:
                    return found
        return None

    for verdict in verdicts:
        explicable = verdict.outcome in BAD | {Outcome.INCONCLUSIVE}
        cause = root(verdict.clause, {verdict.clause}) if explicable else None
        yield replace(verdict, outcome=Outcome.BLOCKED, reason=f"{cause} failed") if cause else verdict


def judge(
    trace: Trace,
    clauses: Sequence[Clause],
    *,
    feeders: Mapping[str, Sequence[str]] | None = None,
    baseline: Mapping[str, str] | None = None,
) -> list[Verdict]:
    """One verdict a clause, in the order given.

    `feeders` names the probes that feed each clause: they explain missing evidence. `baseline` holds observations of an
    earlier run by clause id: a change is DRIFT.
    """
    verdicts = [
        _judge_one(clause, trace, (feeders or {}).get(clause.id, ()), (baseline or {}).get(clause.id))
        for clause in clauses
    ]
    return list(_block(verdicts, clauses))
