"""What changed between two results, clause by clause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from pixazo_contracts.clauses import BY_ID, Clause, Strength
from pixazo_contracts.trace import encode_json

from .result import Meta, Result
from .verdict import GOOD, JUDGED, Outcome, Verdict, neutral

ChangeKind = Literal["regressed", "fixed", "changed observation", "vanished", "new"]
Severity = Literal["breaking", "risky", "additive"]

#: Classes of changes that may fail a `diff`.
CLASSES: Final = ("regressed", "vanished", "risky", "any")
#: Clauses that only an additional member can break: a client that ignores unknown members is not affected.
ADDITIVE: Final = frozenset({"SUBMIT-04", "OUT-12"})
#: Settings that change what a probe sends, or when.
SENDING: Final = ("limited", "patience")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One clause with a different result."""

    clause: str
    kind: ChangeKind
    severity: Severity
    before: str
    after: str

    @property
    def classes(self) -> frozenset[str]:
        """The classes of changes to which it belongs."""
        return frozenset({"any", self.kind, *(() if self.severity == "additive" else ("risky",))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The changes from one result to another, and why some clauses were not compared; `compared` counts the others."""

    changes: tuple[Change, ...]
    not_compared: dict[str, str]
    compared: int

    def failing(self, classes: Sequence[str]) -> bool:
        """Whether there is a change of one of these classes; `any` also includes a clause that was not compared."""
        left_out = "any" in classes and bool(self.not_compared)
        return left_out or any(change.classes & set(classes) for change in self.changes)

    def to_json(self, classes: Sequence[str], exit_code: int) -> bytes:
        """The comparison for other programs: `changes`, `not_compared` by clause, `fail_on`, `exit_code`."""
        whole = ComparisonDocument(
            changes=self.changes, not_compared=self.not_compared, fail_on=tuple(classes), exit_code=exit_code
        )
        return msgspec.json.format(encode_json(whole), indent=2) + b"\n"


class ComparisonDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="$schema", tag="urn:pixazo-testkit:diff:1"
):
    """What `diff --json` writes: a comparison, with the classes of changes that fail it."""

    version: Literal[1] = 1
    changes: tuple[Change, ...]
    not_compared: dict[str, str]
    fail_on: tuple[str, ...]
    exit_code: int


def _differing(names: Sequence[str], one: Meta, other: Meta) -> list[str]:
    return [name for name in names if one.settings.get(name) != other.settings.get(name)]


def obstacle(before: tuple[Meta, Verdict], after: tuple[Meta, Verdict]) -> str | None:
    """Why two verdicts on one clause, each with its run, cannot be compared; None if they can.

    They can if the clause requires the same and the settings that its judgement read are the same. Observations that differ must
    also come from the same probes, sent in the same way.
    """
    (one, earlier), (other, later) = before, after
    first, second = earlier.basis, later.basis
    if first is None or second is None:  # at least one result is of a version that did not record it
        same = (one.clause_set, one.profile_hash) == (other.clause_set, other.profile_hash)
        return None if same else "made by another version, for other clauses or with another profile"
    if first.requirement != second.requirement:
        return "the clause has changed"
    if names := _differing(sorted({*first.settings, *second.settings}), one, other):
        return f"judged with other settings ({', '.join(names)})"
    if neutral(earlier.observation or "") == neutral(later.observation or ""):
        return None
    if names := _differing(SENDING, one, other):
        return f"observed with other settings ({', '.join(names)})"
    return None if first.probes == second.probes else "observed by other probes"


def _words(verdict: Verdict) -> str:
    first = next((f"{finding.where}: {finding.got}" for finding in verdict.findings), verdict.reason or "")
    return f"{verdict.outcome.value} {neutral(verdict.observation or first)}".strip()


#: How bad an outcome is.
BADNESS: Final = {**dict.fromkeys(GOOD, 0), Outcome.DRIFT: 1, Outcome.FAIL: 2}


def _kind(before: Verdict, after: Verdict) -> ChangeKind | None:
    was, now = BADNESS.get(before.outcome), BADNESS.get(after.outcome)
    if was is None or now is None:
        return None if was == now else "vanished" if now is None else "new"
    if was != now:
        return "regressed" if now > was else "fixed"
    same = neutral(before.observation or "") == neutral(after.observation or "")
    return None if same else "changed observation"


def _severity(kind: ChangeKind, clause: Clause, after: Verdict) -> Severity:
    if clause.id in ADDITIVE or kind == "fixed" or (kind == "new" and after.outcome in GOOD):
        return "additive"
    parsed = clause.strength in {Strength.DOCUMENTED, Strength.IMPLIED} or clause.drift_fails
    return "breaking" if after.outcome is Outcome.FAIL and parsed else "risky"


def compare(before: Result, after: Result) -> Comparison:
    """Every clause of the earlier result whose outcome or observation differs, in the order of the catalogue."""
    earlier, later = before.by_id, after.by_id
    changes, not_compared, compared = list[Change](), dict[str, str](), 0
    for clause_id, clause in BY_ID.items():
        if clause_id not in earlier:
            continue
        left_out = Verdict(clause=clause_id, outcome=Outcome.SKIPPED, reason="the clause was not selected")
        old, new = earlier[clause_id], later.get(clause_id, left_out)
        both = {old.outcome, new.outcome} <= JUDGED
        if both and (reason := obstacle((before.meta, old), (after.meta, new))) is not None:
            not_compared[clause_id] = reason
            continue
        compared += both
        if (kind := _kind(old, new)) is not None:
            severity, was, now = _severity(kind, clause, new), _words(old), _words(new)
            changes.append(Change(clause=clause_id, kind=kind, severity=severity, before=was, after=now))
    return Comparison(changes=tuple(changes), not_compared=not_compared, compared=compared)
