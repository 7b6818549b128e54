"""From a trace to a result: verdicts, expectations, baseline, exit code; the same for a run as for a stored trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import IntEnum
from pathlib import Path
from typing import Literal

import msgspec

from pixazo_contracts.clauses import BY_ID, CATALOGUE, CLAUSE_SET, Clause
from pixazo_contracts.probes import feeders
from pixazo_contracts.trace import ConfigurationError, Footer, Header, Trace, read_toml

from .result import InvalidResultError, Meta, Result, build, load_result
from .verdict import JUDGED, Outcome, Verdict, judge


class ExitCode(IntEnum):
    """What each exit code of `pixazo-contracts` means; docs/contracts.md says it in words."""

    CLEAN = 0
    FAILED = 1
    USAGE = 2
    SUITE = 3
    UNUSABLE = 10
    SPEND = 11
    EXPECTATIONS = 12
    FLOOR = 13


def read_baseline(path: Path) -> Result:
    """Read the `result.ndjson` of an earlier run. Raises `ConfigurationError`."""
    try:
        return load_result(path)
    except (OSError, InvalidResultError) as error:
        raise ConfigurationError(f"baseline {path}: {error}") from None


def _mismatch(baseline: Meta, header: Header) -> str | None:
    """Why a run cannot be compared with this baseline; None if it can."""
    if baseline.clause_set != header.clause_set:
        return "the baseline was made with other clauses: record a new one"
    if baseline.profile_hash != header.profile_hash:
        return "the baseline was made with another profile: record a new one"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A deviation that its owner knows of: which FAIL is excused or DRIFT accepted, why, and until when."""

    clause: str
    outcome: Literal["FAIL", "DRIFT"]
    reason: str
    expires: date

    def stale(self, verdict: Verdict | None, today: date) -> str | None:
        """Why the expectation is out of date on the day `today`; None if it is not."""
        name = f"expectation of {self.outcome} for {self.clause}"
        if verdict is None:
            return f"{name} matches no clause: delete it"
        if self.expires < today:
            return f"{name} expired on {self.expires}: renew it or mend the gateway"
        if verdict.outcome in {Outcome.PASS, Outcome.OBSERVED}:
            return f"{name} is fixed, the clause is now {verdict.outcome.value}: delete it"
        return None


@dataclass(frozen=True, slots=True)
class _ExpectationFile:
    expect: tuple[Expectation, ...] = ()


def read_expectations(path: Path) -> tuple[Expectation, ...]:
    """Read a TOML file of `[[expect]]` tables. Raises `ConfigurationError`."""
    settings = read_toml("expectation file", path)
    try:
        return msgspec.convert(settings, _ExpectationFile).expect
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"expectation file {path}: {error}") from None


@dataclass(frozen=True, slots=True)
class Excuses:
    """The clauses whose deviation is excused today, and one line for each expectation that is out of date."""

    clauses: frozenset[str] = frozenset()
    stale: tuple[str, ...] = ()


def apply_expectations(expectations: Iterable[Expectation], verdicts: Sequence[Verdict], today: date) -> Excuses:
    """Which verdicts are excused on the day `today`, and which expectations are out of date."""
    by_id = {verdict.clause: verdict for verdict in verdicts}
    excused: set[str] = set()
    stale: list[str] = []
    for expectation in expectations:
        verdict = by_id.get(expectation.clause)
        complaint = expectation.stale(verdict, today)
        if complaint is not None:
            stale.append(complaint)
        elif verdict is not None and verdict.outcome.value == expectation.outcome:
            excused.add(expectation.clause)
    return Excuses(frozenset(excused), tuple(stale))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a trace is evaluated.

    What differs from what the run of the `baseline` observed is drift. `floor` is the least percentage of clauses that must
    be judged.
    """

    today: date
    baseline: Result | None = None
    expectations: tuple[Expectation, ...] = ()
    strict_drift: bool = False
    floor: float = 0.0


def read_terms(expect: Path | None, baseline: Path | None, *, strict_drift: bool, floor: float = 0.0) -> Terms:
    """The terms of a judgement today, with files as an option names them. Raises `ConfigurationError`."""
    return Terms(
        today=datetime.now(UTC).date(),
        baseline=None if baseline is None else read_baseline(baseline),
        expectations=() if expect is None else read_expectations(expect),
        strict_drift=strict_drift,
        floor=floor,
    )


def exit_code(
    verdicts: Sequence[Verdict],
    footer: Footer | None,
    *,
    excused: frozenset[str] = frozenset(),
    stale: bool = False,
    strict_drift: bool = False,
    floor: float = 0.0,
) -> ExitCode:
    """The code of a run: `excused` clauses may fail or drift, `stale` says that an expectation is out of date."""
    counted = {verdict.outcome for verdict in verdicts if verdict.clause not in excused}
    judged = 100.0 * sum(verdict.outcome in JUDGED for verdict in verdicts) / len(verdicts) if verdicts else 100.0
    # When several apply, the first of these.
    applies = {
        ExitCode.SUITE: footer is None or Outcome.ERROR in counted,
        ExitCode.UNUSABLE: footer is not None and footer.unusable is not None,
        ExitCode.SPEND: footer is not None and footer.spend_stopped is not None,
        ExitCode.FAILED: Outcome.FAIL in counted or (strict_drift and Outcome.DRIFT in counted),
        ExitCode.EXPECTATIONS: stale,
        ExitCode.FLOOR: judged < floor,
    }
    return next((code for code, holds in applies.items() if holds), ExitCode.CLEAN)


def selection(trace: Trace) -> tuple[Clause, ...]:
    """The clauses that the run of a trace was made for; all of them if it does not say."""
    chosen = tuple(BY_ID[clause_id] for clause_id in trace.header.selected if clause_id in BY_ID)
    return chosen or CATALOGUE


def evaluate(trace: Trace, clauses: Sequence[Clause], terms: Terms) -> Result:
    """Judge a trace and say what that comes to."""
    mismatch = _mismatch(terms.baseline.meta, trace.header) if terms.baseline else None
    earlier = terms.baseline.verdicts if terms.baseline and mismatch is None else ()
    observations = {verdict.clause: verdict.observation for verdict in earlier if verdict.observation is not None}
    verdicts = judge(trace, clauses, feeders=feeders(), baseline=observations)
    excuses = apply_expectations(terms.expectations, verdicts, terms.today)
    stale = (*excuses.stale, *([mismatch] if mismatch else []))
    if trace.header.clause_set != CLAUSE_SET:
        stale = (*stale, "the trace was recorded for other clauses: what they need may be missing from it")
    code = exit_code(
        verdicts,
        trace.footer,
        excused=excuses.clauses,
        stale=bool(stale),
        strict_drift=terms.strict_drift,
        floor=terms.floor,
    )
    return build(trace, verdicts, int(code), excused=excuses.clauses, stale=stale)
