"""From a trace, of a run or stored, to a result: on which terms it is judged, and which exit code that gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import IntEnum
from pathlib import Path

from pixazo_contracts.clauses import BY_ID, CATALOGUE, CLAUSE_SET, Clause
from pixazo_contracts.probes import feeders
from pixazo_contracts.trace import ConfigurationError, Footer, Trace

from .comparison import obstacle
from .expectations import Expectation, apply_expectations, read_expectations
from .result import InvalidResultError, Result, build, describe, load_result
from .verdict import JUDGED, Outcome, Verdict, judge


class ExitCode(IntEnum):
    """What each exit code of `pixazo-contracts` means; docs/how-to/contracts.md says it in words."""

    CLEAN = 0
    FAILED = 1
    USAGE = 2
    SUITE = 3
    UNUSABLE = 10
    SPEND = 11
    EXPECTATIONS = 12
    UNJUDGED = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a trace is evaluated.

    What differs from what the run of the `baseline` observed is drift. `floor` is the least percentage of clauses that must
    be judged; with `strict` all must be that were planned, else the core ones.
    """

    today: date
    baseline: Result | None = None
    expectations: tuple[Expectation, ...] = ()
    strict_drift: bool = False
    strict: bool = False
    floor: float = 0.0


def read_terms(
    expect: Path | None, baseline: Path | None, *, strict_drift: bool, strict: bool = False, floor: float = 0.0
) -> Terms:
    """The terms of a judgement today, with files as an option names them. Raises `ConfigurationError`."""
    try:
        earlier = None if baseline is None else load_result(baseline)
    except (OSError, InvalidResultError) as error:
        raise ConfigurationError(f"baseline {baseline}: {error}") from None
    return Terms(
        today=datetime.now(UTC).date(),
        baseline=earlier,
        expectations=() if expect is None else read_expectations(expect),
        strict_drift=strict_drift,
        strict=strict,
        floor=floor,
    )


def exit_code(
    verdicts: Sequence[Verdict],
    footer: Footer | None,
    *,
    excused: frozenset[str] = frozenset(),
    stale: bool = False,
    unjudged: bool = False,
    strict_drift: bool = False,
    floor: float = 0.0,
) -> ExitCode:
    """The code of a run: `excused` clauses may fail or drift, `stale` says that an expectation is out of date.

    `unjudged` says that a clause was not judged which had to be. A run that judged nothing at all is not clean either.
    """
    counted = {verdict.outcome for verdict in verdicts if verdict.clause not in excused}
    judged = 100.0 * sum(verdict.outcome in JUDGED for verdict in verdicts) / len(verdicts) if verdicts else 100.0
    # When several apply, the first of these.
    applies = {
        ExitCode.SUITE: footer is None or Outcome.ERROR in counted,
        ExitCode.UNUSABLE: footer is not None and footer.unusable is not None,
        ExitCode.SPEND: footer is not None and footer.spend_stopped is not None,
        ExitCode.FAILED: Outcome.FAIL in counted or (strict_drift and Outcome.DRIFT in counted),
        ExitCode.EXPECTATIONS: stale,
        ExitCode.UNJUDGED: unjudged or judged < floor or not judged,
    }
    return next((code for code, holds in applies.items() if holds), ExitCode.CLEAN)


def selection(trace: Trace) -> tuple[Clause, ...]:
    """The clauses that the run of a trace was made for; all of them if it does not say."""
    chosen = tuple(BY_ID[clause_id] for clause_id in trace.header.selected if clause_id in BY_ID)
    return chosen or CATALOGUE


class _Baseline:
    """What an earlier run observed, as far as it may be compared with this one; `not_compared` says why the rest may not."""

    def __init__(self, earlier: Result | None, trace: Trace) -> None:
        self._meta = describe(trace)
        self._earlier = earlier
        self._verdicts = earlier.by_id if earlier else {}
        self._compared = 0
        self.not_compared: dict[str, str] = {}

    def __call__(self, verdict: Verdict) -> str | None:
        """The earlier observation, if there is one that may be compared with this verdict."""
        before = self._verdicts.get(verdict.clause)
        if self._earlier is None or before is None or before.observation is None or verdict.outcome not in JUDGED:
            return None
        reason = obstacle((self._earlier.meta, before), (self._meta, verdict))
        if reason is None:
            self._compared += 1
            return before.observation
        self.not_compared[verdict.clause] = reason
        return None

    def stale(self) -> tuple[str, ...]:
        """One line if nothing of the baseline could be compared."""
        void = self.not_compared and not self._compared
        return ("no clause of the baseline can be compared with this run: record a new baseline",) if void else ()


def evaluate(trace: Trace, clauses: Sequence[Clause], terms: Terms) -> Result:
    """Judge a trace and say what that comes to."""
    baseline = _Baseline(terms.baseline, trace)

    def excused(verdict: Verdict) -> bool:
        return any(expectation.excuses(verdict, terms.today) for expectation in terms.expectations)

    verdicts = judge(trace, clauses, feeders=feeders(), baseline=baseline, excused=excused)
    known, stale = apply_expectations(terms.expectations, verdicts, terms.today)
    stale = (*stale, *baseline.stale())
    if trace.header.clause_set != CLAUSE_SET:
        stale = (*stale, "the trace was recorded for other clauses: what they need may be missing from it")
    result = build(
        trace,
        verdicts,
        ExitCode.CLEAN,
        excused=known,
        stale=stale,
        not_compared=baseline.not_compared,
        strict=terms.strict,
    )
    code = exit_code(
        verdicts,
        trace.footer,
        excused=known,
        stale=bool(stale),
        unjudged=any(missing.fails for missing in result.summary.missing),
        strict_drift=terms.strict_drift,
        floor=terms.floor,
    )
    return replace(result, exit_code=int(code))
