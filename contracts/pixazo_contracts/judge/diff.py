"""What changed between two results, by class and severity."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pixazo_contracts.clauses import BY_ID, Clause, Strength

from .result import Result
from .verdict import JUDGED, Outcome, Verdict

ChangeKind = Literal["regressed", "fixed", "changed observation", "vanished", "new", "blocked"]
Severity = Literal["breaking", "risky", "additive"]

GOOD: Final = frozenset({Outcome.PASS, Outcome.OBSERVED})
BAD: Final = frozenset({Outcome.FAIL, Outcome.DRIFT})

#: Clauses that only a further member can break: a client that ignores unknown members is not affected.
ADDITIVE: Final = frozenset({"SUBMIT-04", "OUT-12"})

REQUEST_ID: Final = re.compile(r"minimax-hailuo-ai_[0-9A-Za-z-]+")
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
SPAN: Final = re.compile(r"(?<!\d)\d+(\.\d+)? s\b")


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


def incomparable(before: Result, after: Result) -> str | None:
    """Why two results cannot be compared; None if they can."""
    if before.meta.clause_set != after.meta.clause_set:
        return "the two results were made with different clauses"
    if before.meta.profile_hash != after.meta.profile_hash:
        return "the two results were made with different profiles"
    return None


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
