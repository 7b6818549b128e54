"""What a trace means for each clause."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Final

from pixazo_contracts.clauses import Clause, Evidence, Observation, Remark, Strength, Violation
from pixazo_contracts.trace import Callback, Exchange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pixazo_contracts.trace import Trace


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


#: Outcomes that rest on evidence.
JUDGED: Final = frozenset({Outcome.PASS, Outcome.FAIL, Outcome.DRIFT, Outcome.OBSERVED})


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


def _writable(text: str) -> str:
    """The text with lone surrogates, which a JSON body may hold and no UTF-8 file can, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _finding(violation: Violation) -> Finding:
    exchange, callback = (
        (violation.source.number, None) if isinstance(violation.source, Exchange) else (None, violation.source.number)
    )
    expected, got, where = map(_writable, (violation.expected, violation.got, violation.where))
    return Finding(expected, got, where, exchange, callback)


def _observed(remarks: Iterable[Remark]) -> tuple[str | None, Exchange | Callback | None]:
    """All observations as one text, which does not depend on the order of responses, and the source of the first."""
    observations = [remark for remark in remarks if isinstance(remark, Observation)]
    if not observations:
        return None, None
    text = "; ".join(sorted({observation.text for observation in observations}))
    return _writable(text), observations[0].source


def _unjudged(clause: Clause, trace: Trace, feeders: Sequence[str]) -> Verdict:
    """Why a clause without evidence has none, from what became of the probes that feed it."""
    if missing := clause.needs - set(trace.profile.capabilities):
        reason = f"the target has no {', '.join(sorted(missing))}"
        return Verdict(clause=clause.id, outcome=Outcome.SKIPPED, reason=reason)
    probes = trace.footer.probes if trace.footer else {}
    states = [probes[name] for name in feeders if name in probes]
    if errors := [state for state in states if state.startswith("error")]:
        return Verdict(clause=clause.id, outcome=Outcome.ERROR, reason=errors[0])
    outcome, reason = Outcome.INCONCLUSIVE, "nothing in the trace bears on it"
    if states and set(states) <= {"unfunded", "skipped"}:
        outcome, reason = Outcome.SKIPPED, "the probes that feed it need what the target does not have"
        if "unfunded" in states:
            outcome, reason = Outcome.UNFUNDED, "the budget did not reach it: raise --max-generations"
    return Verdict(clause=clause.id, outcome=outcome, reason=reason)


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
    if not remarks or (clause.strength is Strength.SILENT and observation is None):
        return _unjudged(clause, trace, feeders)
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


def _block(verdicts: dict[str, Verdict], clauses: Sequence[Clause]) -> dict[str, Verdict]:
    """BLOCKED where a failed root explains a clause that did not pass on evidence of its own."""
    broken = {clause_id for clause_id, verdict in verdicts.items() if verdict.outcome in {Outcome.FAIL, Outcome.DRIFT}}
    if not broken:
        return verdicts
    by_id = {clause.id: clause for clause in clauses}

    def root(clause_id: str, seen: set[str]) -> str | None:
        for dependency in by_id[clause_id].depends_on:
            if dependency in seen or dependency not in by_id:
                continue
            seen.add(dependency)
            if dependency in broken:
                return dependency
            if (deeper := root(dependency, seen)) is not None:
                return deeper
        return None

    blocked = dict(verdicts)
    for clause_id, verdict in verdicts.items():
        if verdict.outcome in {Outcome.FAIL, Outcome.DRIFT, Outcome.INCONCLUSIVE}:
            cause = root(clause_id, {clause_id})
            if cause is not None:
                blocked[clause_id] = replace(verdict, outcome=Outcome.BLOCKED, reason=f"{cause} failed")
    return blocked


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
    verdicts = {
        clause.id: _judge_one(clause, trace, (feeders or {}).get(clause.id, ()), (baseline or {}).get(clause.id))
        for clause in clauses
    }
    blocked = _block(verdicts, clauses)
    return [blocked[clause.id] for clause in clauses]
