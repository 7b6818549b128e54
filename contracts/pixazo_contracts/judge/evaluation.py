"""From a trace to a result: the terms of the judgement, such as known deviations with reason and expiry, and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal

import msgspec

from pixazo_contracts.clauses import BY_ID, CATALOGUE, CLAUSE_SET, Clause
from pixazo_contracts.probes import feeders
from pixazo_contracts.trace import (
    ConfigurationError,
    Footer,
    Trace,
    check_known,
    check_names,
    is_array,
    is_object,
    read_settings,
)

from .comparison import obstacle
from .result import InvalidResultError, Result, build, describe, load_result
from .verdict import GOOD, JUDGED, Outcome, Verdict, judge


class ExitCode(IntEnum):
    """What each exit code of `pixazo-contracts` means; docs/how-to/contracts.md explains them."""

    CLEAN = 0
    FAILED = 1
    USAGE = 2
    SUITE = 3
    UNUSABLE = 10
    SPEND = 11
    EXPECTATIONS = 12
    UNJUDGED = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A deviation that its owner knows about: which FAIL is excused or DRIFT accepted, why, and until when."""

    clause: str
    outcome: Literal["FAIL", "DRIFT"]
    reason: str
    expires: date

    def excuses(self, verdict: Verdict, today: date) -> bool:
        """Whether this is the deviation that was expected, on the day `today`."""
        known = (self.clause, self.outcome) == (verdict.clause, verdict.outcome.value)
        return known and today <= self.expires

    def stale(self, verdict: Verdict | None, today: date) -> str | None:
        """Why the expectation is out of date on the day `today`; None if it is not."""
        name = f"expectation of {self.outcome} for {self.clause}"
        if self.expires < today:
            return f"{name} expired on {self.expires}: renew it or fix the gateway"
        if verdict is not None and verdict.outcome in GOOD:
            return f"{name} is fixed, the clause is now {verdict.outcome.value}: delete it"
        return None


@dataclass(frozen=True, slots=True)
class _ExpectationFile:
    expect: tuple[Expectation, ...] = ()


def read_expectations(path: Path) -> tuple[Expectation, ...]:
    """Read a file of `[[expect]]` tables, in TOML, JSON or YAML. Raises `ConfigurationError` naming file, key and the nearest known one."""
    name = f"expectation file {path}"
    settings = read_settings("expectation file", path)
    check_names(name, settings, _ExpectationFile)
    tables = settings.get("expect")
    for table in tables if is_array(tables) else ():
        if is_object(table):
            check_names(name, table, Expectation, "[[expect]] ")
            check_known(f"{name}: no clause", [str(table.get("clause", next(iter(BY_ID))))], BY_ID)
    try:
        return msgspec.convert(settings, _ExpectationFile).expect
    except msgspec.ValidationError as error:
        form = 'clause = "STATUS-07", outcome = "FAIL" or "DRIFT", reason = "...", expires = 2027-01-31'
        raise ConfigurationError(f"{name}: {error}: write tables [[expect]] with {form}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms on which a trace is evaluated; a difference from what the run of the `baseline` observed is drift.

    `floor` is the least percentage of clauses that must be judged; with `strict` all planned ones must be, otherwise the core ones.
    """

    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    baseline: Result | None = None
    expectations: tuple[Expectation, ...] = ()
    strict_drift: bool = False
    strict: bool = False
    floor: float = 0.0

    def excuses(self, verdict: Verdict) -> bool:
        """Whether this is a known deviation."""
        return any(expectation.excuses(verdict, self.today) for expectation in self.expectations)

    def fails(self, verdict: Verdict) -> bool:
        """Whether this alone fails a run: a failure, or with `strict_drift` drift, that is no known deviation."""
        bad = verdict.outcome in {Outcome.FAIL, Outcome.ERROR} or (
            self.strict_drift and verdict.outcome is Outcome.DRIFT
        )
        return bad and not self.excuses(verdict)


def read_terms(expect: Path | None, baseline: Path | None, **others: Any) -> Terms:
    """The terms of a judgement today, with the files that options name, and other members. Raises `ConfigurationError`."""
    try:
        earlier = None if baseline is None else load_result(baseline)
    except (OSError, InvalidResultError) as error:
        raise ConfigurationError(f"baseline {baseline}: {error}") from None
    return Terms(baseline=earlier, expectations=() if expect is None else read_expectations(expect), **others)


def exit_code(result: Result, footer: Footer | None, terms: Terms) -> ExitCode:
    """The exit code of a run: excused clauses may fail or drift, and a run that judged nothing is not clean either."""
    summary, verdicts = result.summary, result.verdicts
    counted = {verdict.outcome for verdict in verdicts if verdict.clause not in summary.excused}
    judged = 100.0 * sum(verdict.outcome in JUDGED for verdict in verdicts) / len(verdicts) if verdicts else 100.0
    missed = any(missing.fails for missing in summary.missing)
    # When several apply, the first of these.
    applies = {
        ExitCode.SUITE: footer is None or Outcome.ERROR in counted,
        ExitCode.UNUSABLE: footer is not None and footer.unusable is not None,
        ExitCode.SPEND: footer is not None and footer.spend_stopped is not None,
        ExitCode.FAILED: Outcome.FAIL in counted or (terms.strict_drift and Outcome.DRIFT in counted),
        ExitCode.EXPECTATIONS: bool(summary.stale),
        ExitCode.UNJUDGED: missed or judged < terms.floor or not judged,
    }
    return next((code for code, holds in applies.items() if holds), ExitCode.CLEAN)


def selection(trace: Trace) -> tuple[Clause, ...]:
    """The clauses that the run of a trace was made for; all of them if the trace does not say."""
    chosen = tuple(BY_ID[clause_id] for clause_id in trace.header.selected if clause_id in BY_ID)
    return chosen or CATALOGUE


def evaluate(trace: Trace, clauses: Sequence[Clause], terms: Terms) -> Result:
    meta, earlier, known = describe(trace), terms.baseline, terms.baseline.by_id if terms.baseline else {}
    not_compared: dict[str, str | None] = {}

    def observed(verdict: Verdict) -> str | None:
        """What the baseline observed of a clause, if that may be compared with this verdict."""
        before = known.get(verdict.clause)
        if earlier is None or before is None or before.observation is None or verdict.outcome not in JUDGED:
            return None
        reason = not_compared[verdict.clause] = obstacle((earlier.meta, before), (meta, verdict))
        return before.observation if reason is None else None

    verdicts = judge(trace, clauses, feeders=feeders(), baseline=observed, excused=terms.excuses)
    excused = {v.clause: each for v in verdicts for each in terms.expectations if each.excuses(v, terms.today)}
    reasons = {clause: f"until {each.expires}: {each.reason}" for clause, each in excused.items()}
    verdicts = [replace(verdict, reason=reasons.get(verdict.clause, verdict.reason)) for verdict in verdicts]
    by_id = {verdict.clause: verdict for verdict in verdicts}
    lines = [each.stale(by_id.get(each.clause), terms.today) for each in terms.expectations]
    if not_compared and None not in not_compared.values():
        lines.append("no clause of the baseline can be compared with this run: record a new baseline")
    if trace.header.clause_set != CLAUSE_SET:
        lines.append("the trace was recorded for other clauses: what they need may be missing from it")
    result = build(
        trace,
        verdicts,
        ExitCode.CLEAN,
        excused=frozenset(excused),
        stale=tuple(filter(None, lines)),
        not_compared={clause_id: reason for clause_id, reason in not_compared.items() if reason is not None},
        strict=terms.strict,
    )
    return replace(result, exit_code=int(exit_code(result, trace.footer, terms)))
