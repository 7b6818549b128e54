"""What a test suite makes of gateways that changed: which changes it notices, and which slip through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any

from pixazo_simulator.mutants import MUTANTS, VARIANTS
from pixazo_simulator.spec import nearest

from .suite_run import Trial

BENIGN = "benign"
WIDEST = 38
"""Characters of the longest name of a change."""


@dataclass(frozen=True, slots=True)
class Change:
    """A gateway that is wrong in one respect, or one that is right in another way: then `clause` is `benign`."""

    name: str
    clause: str
    says: str

    @property
    def is_benign(self) -> bool:
        """Whether what the page says still holds, so that no test should fail."""
        return self.clause == BENIGN

    @property
    def group(self) -> str:
        """The group of its clause, such as SUBMIT."""
        return self.clause.partition("-")[0]

    @property
    def argument(self) -> str:
        """The option of pytest that makes the change for one run."""
        return f"--pixazo-{'variant' if self.is_benign else 'mutant'}={self.name}"


class Outcome(StrEnum):
    """What became of a change: noticed by a failing test or not; a benign one passes, or shows tests that are brittle.

    It is doubtful when the tests that failed also fail now and then without it, unknown when the run could not be made.
    """

    NOTICED = "noticed"
    SLIPPED = "slips through"
    PASSED = "passes"
    BRITTLE = "brittle"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a suite made of one change: the tests that failed first, each with its reason, and the seconds that it took."""

    change: Change
    outcome: Outcome
    tests: tuple[tuple[str, str], ...]
    seconds: float


CHANGES: tuple[Change, ...] = (
    *(Change(mutant.name, mutant.clause, mutant.sentence) for mutant in MUTANTS),
    *(Change(variant.name, BENIGN, variant.sentence) for variant in VARIANTS),
)
"""Every mutant in the order of the clauses, then the benign variants."""


def chosen(text: str) -> list[Change]:
    """The changes that `all`, or globs of names or clauses with commas between them, stand for.

    Raises ValueError with the nearest name for a glob that matches nothing.
    """
    globs = ["*" if glob == "all" else glob for glob in map(str.strip, text.split(",")) if glob]
    for glob in globs:
        if not any(_matches(change, glob) for change in CHANGES):
            near = nearest(glob, tuple(change.name for change in CHANGES))
            raise ValueError(
                f"--pixazo-mutants {glob!r} matches no change of the gateway{near}: see pixazo-sim mutants"
            )
    return [change for change in CHANGES if any(_matches(change, glob) for glob in globs)]


def _matches(change: Change, glob: str) -> bool:
    return fnmatchcase(change.name, glob) or fnmatchcase(change.clause, glob)


def judged(change: Change, trial: Trial, limit: float) -> Verdict:
    """What one run says about the change that was made for it."""
    failed = trial.failed
    if trial.exit_code is None and not failed:
        failed = ((trial.began[-1] if trial.began else "pytest", f"did not end within {limit:.0f} s"),)
    if failed:
        outcome = Outcome.BRITTLE if change.is_benign else Outcome.NOTICED
    elif trial.exit_code == 0:
        outcome = Outcome.PASSED if change.is_benign else Outcome.SLIPPED
    else:
        outcome = Outcome.UNKNOWN
        failed = (("pytest", f"exit code {trial.exit_code}: {' '.join(trial.output.splitlines()[-1:])}"),)
    return Verdict(change, outcome, failed, trial.seconds)


def doubted(verdicts: Sequence[Verdict], flaky: frozenset[str]) -> list[Verdict]:
    """The verdicts, where those that rest on flaky tests alone are in doubt."""
    return [
        Verdict(verdict.change, Outcome.DOUBTFUL, verdict.tests, verdict.seconds)
        if verdict.outcome in (Outcome.NOTICED, Outcome.BRITTLE) and {test for test, _ in verdict.tests} <= flaky
        else verdict
        for verdict in verdicts
    ]


def table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The verdicts group by group: a headline, then a line for each change, and below it who noticed."""
    for group, found in groupby(verdicts, key=lambda verdict: verdict.change.group):
        members = list(found)
        good = sum(verdict.outcome in (Outcome.NOTICED, Outcome.PASSED) for verdict in members)
        word = "pass, as they should" if group == BENIGN else "noticed"
        yield f"{'benign changes' if group == BENIGN else group}: {good} of {len(members)} {word}"
        for verdict in members:
            change = verdict.change
            clause = "" if change.is_benign else f"{change.clause:<13} "
            yield f"  {verdict.outcome.value:<13} {clause}{change.name:<{WIDEST}} {change.says}"
            yield from (f"  {'':<13} by {test}: {reason}" for test, reason in verdict.tests)


def summary(verdicts: Sequence[Verdict]) -> str:
    """One line: `noticed 61 of 80 (76 %)`, and what else there is to know."""
    mutants = [verdict for verdict in verdicts if not verdict.change.is_benign]
    noticed = sum(verdict.outcome is Outcome.NOTICED for verdict in mutants)
    parts = [f"noticed {noticed} of {len(mutants)}{f' ({100 * noticed // len(mutants)} %)' if mutants else ''}"]
    brittle = {test for each in verdicts if each.outcome is Outcome.BRITTLE for test, _ in each.tests}
    if len(mutants) < len(verdicts):
        parts.append(
            f"{_counted(len(brittle), 'brittle test')} on {_counted(len(verdicts) - len(mutants), 'benign change')}"
        )
    counts = Counter(verdict.outcome for verdict in verdicts)
    parts += [f"{counts[outcome]} {outcome}" for outcome in (Outcome.DOUBTFUL, Outcome.UNKNOWN) if counts[outcome]]
    return "; ".join(parts)


def told(verdicts: Sequence[Verdict], tests: Sequence[str]) -> dict[str, Any]:
    """The verdicts as one JSON object, with the tests that were repeated."""
    mutants = [verdict for verdict in verdicts if not verdict.change.is_benign]
    return {
        "summary": {
            "mutants": len(mutants),
            "noticed": sum(verdict.outcome is Outcome.NOTICED for verdict in mutants),
            "variants": len(verdicts) - len(mutants),
            "line": summary(verdicts),
        },
        "tests": list(tests),
        "changes": [_told_verdict(verdict) for verdict in verdicts],
    }


def _told_verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.change.name,
        "clause": None if verdict.change.is_benign else verdict.change.clause,
        "says": verdict.change.says,
        "outcome": verdict.outcome.value,
        "tests": [{"test": test, "reason": reason} for test, reason in verdict.tests],
        "seconds": round(verdict.seconds, 3),
    }


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
