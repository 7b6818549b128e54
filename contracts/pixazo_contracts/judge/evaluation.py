"""From a trace, of a run or stored, to a result: expectations, baseline, exit code; and what changed between two results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import IntEnum
from pathlib import Path
from typing import Final, Literal

import msgspec

from pixazo_contracts.clauses import BY_ID, CATALOGUE, CLAUSE_SET, Clause, Strength
from pixazo_contracts.probes import feeders
from pixazo_contracts.trace import ConfigurationError, Footer, Header, Trace, read_toml

from .result import InvalidResultError, Meta, Result, build, load_result
from .verdict import BAD, GOOD, JUDGED, Outcome, Verdict, judge

ChangeKind = Literal["regressed", "fixed", "changed observation", "vanished", "new", "blocked"]
Severity = Literal["breaking", "risky", "additive"]

#: Clauses that only a further member can break: a client that ignores unknown members is not affected.
ADDITIVE: Final = frozenset({"SUBMIT-04", "OUT-12"})

REQUEST_ID: Final = re.compile(r"minimax-hailuo-ai_[0-9A-Za-z-]+")
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
SPAN: Final = re.compile(r"(?<!\d)\d+(\.\d+)? s\b")


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


def incomparable(one: Meta | Header, other: Meta | Header) -> str | None:
    """Why two runs cannot be compared; None if they can."""
    if one.clause_set != other.clause_set:
        return "made with different clauses"
    if one.profile_hash != other.profile_hash:
        return "made with different profiles"
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
        if verdict.outcome in GOOD:
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


def apply_expectations(
    expectations: Iterable[Expectation], verdicts: Sequence[Verdict], today: date
) -> tuple[frozenset[str], tuple[str, ...]]:
    """The clauses that are excused on the day `today`, and one line for each expectation that is out of date."""
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
    return frozenset(excused), tuple(stale)


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
    mismatch = incomparable(terms.baseline.meta, trace.header) if terms.baseline else None
    earlier = terms.baseline.verdicts if terms.baseline and mismatch is None else ()
    observations = {verdict.clause: verdict.observation for verdict in earlier if verdict.observation is not None}
    verdicts = judge(trace, clauses, feeders=feeders(), baseline=observations)
    excused, stale = apply_expectations(terms.expectations, verdicts, terms.today)
    if mismatch is not None:
        stale = (*stale, f"the baseline and this run were {mismatch}: record a new baseline")
    if trace.header.clause_set != CLAUSE_SET:
        stale = (*stale, "the trace was recorded for other clauses: what they need may be missing from it")
    code = exit_code(
        verdicts,
        trace.footer,
        excused=excused,
        stale=bool(stale),
        strict_drift=terms.strict_drift,
        floor=terms.floor,
    )
    return build(trace, verdicts, int(code), excused=excused, stale=stale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One clause that came out differently."""

    clause: str
    kind: ChangeKind
    severity: Severity
    before: str
    after: str


def neutral(text: str) -> str:
    """A finding without what differs from run to run: ids, instants and spans of time become placeholders."""
    ids: dict[str, str] = {}

    def reference(match: re.Match[str]) -> str:
        return ids.setdefault(match[0], f"<request:{len(ids) + 1}>")

    return SPAN.sub("<span>", INSTANT.sub("<instant>", REQUEST_ID.sub(reference, text)))


def _words(verdict: Verdict) -> str:
    first = next((f"{finding.where}: {finding.got}" for finding in verdict.findings), "")
    return f"{verdict.outcome.value} {neutral(verdict.observation or first)}".strip()


def _kind(before: Verdict, after: Verdict) -> ChangeKind | None:
    if after.outcome is Outcome.BLOCKED and before.outcome is not Outcome.BLOCKED:
        return "blocked"
    if before.outcome in GOOD and after.outcome in BAD:
        return "regressed"
    if before.outcome in BAD and after.outcome in GOOD:
        return "fixed"
    if before.outcome in JUDGED and after.outcome not in JUDGED:
        return "vanished"
    if before.outcome not in JUDGED and after.outcome in JUDGED:
        return "new"
    return "changed observation" if before.observation != after.observation else None


def _severity(kind: ChangeKind, clause: Clause, after: Verdict) -> Severity:
    if clause.id in ADDITIVE or kind in {"fixed", "new"}:
        return "additive"
    parsed = clause.strength in {Strength.DOCUMENTED, Strength.IMPLIED} or clause.drift_fails
    return "breaking" if after.outcome is Outcome.FAIL and parsed else "risky"


def changes(before: Result, after: Result) -> Iterator[Change]:
    """Every clause of both results whose outcome or observation differs, in the order of the catalogue."""
    earlier, later = before.by_id, after.by_id
    for clause_id, clause in BY_ID.items():
        if clause_id in earlier and clause_id in later:
            old, new = earlier[clause_id], later[clause_id]
            kind = _kind(old, new)
            if kind is not None:
                severity = _severity(kind, clause, new)
                yield Change(clause=clause_id, kind=kind, severity=severity, before=_words(old), after=_words(new))
