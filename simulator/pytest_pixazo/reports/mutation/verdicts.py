"""Which changes of the gateway a test suite notices, and which slip through."""

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
from pytest_pixazo.reports.conduct import counted

from .suite_run import SuiteRun

BENIGN = "benign"
WIDEST = 38
"""Characters of the longest name of a change, for the table."""


@dataclass(frozen=True, slots=True)
class Change:
    """A gateway that is wrong in one respect (a mutant), or right in a different way (a variant): then `clause` is `benign`."""

    name: str
    clause: str
    says: str

    @property
    def is_benign(self) -> bool:
        """Whether the gateway still conforms to the page, so that no test should fail."""
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
    """The outcome of a change: noticed by a failing test or not; a benign one passes, or reveals brittle tests.

    It is doubtful when the tests that failed also fail without the change now and then, unknown when the run could not be made.
    """

    NOTICED = "noticed"
    SLIPPED = "slips through"
    PASSED = "passes"
    BRITTLE = "brittle"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one change: the tests that failed, each with its reason, and the seconds that the run took."""

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
    """The changes that `all`, or a comma-separated list of globs of names or clauses, selects.

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


def judged(change: Change, run: SuiteRun, limit: float) -> Verdict:
    """The verdict on a change from the run that was made with it."""
    failed = run.failed
    if run.exit_code is None and not failed:
        failed = ((run.began[-1] if run.began else "pytest", f"did not end within {limit:.0f} s"),)
    if failed:
        outcome = Outcome.BRITTLE if change.is_benign else Outcome.NOTICED
    elif run.exit_code == 0:
        outcome = Outcome.PASSED if change.is_benign else Outcome.SLIPPED
    else:
        outcome = Outcome.UNKNOWN
        failed = (("pytest", f"exit code {run.exit_code}: {' '.join(run.output.splitlines()[-1:])}"),)
    return Verdict(change, outcome, failed, run.seconds)


def doubted(verdicts: Sequence[Verdict], flaky: frozenset[str]) -> list[Verdict]:
    """The verdicts; those that rest on flaky tests alone become doubtful."""
    return [
        Verdict(verdict.change, Outcome.DOUBTFUL, verdict.tests, verdict.seconds)
        if verdict.outcome in (Outcome.NOTICED, Outcome.BRITTLE) and {test for test, _ in verdict.tests} <= flaky
        else verdict
        for verdict in verdicts
    ]


def table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The verdicts group by group: a headline, then a line for each change, and below it the tests that noticed."""
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
    """One line: `noticed 61 of 80 (76 %)`, then brittle tests, doubtful and unknown changes."""
    mutants = [verdict for verdict in verdicts if not verdict.change.is_benign]
    noticed = sum(verdict.outcome is Outcome.NOTICED for verdict in mutants)
    parts = [f"noticed {noticed} of {len(mutants)}{f' ({100 * noticed // len(mutants)} %)' if mutants else ''}"]
    brittle = {test for each in verdicts if each.outcome is Outcome.BRITTLE for test, _ in each.tests}
    if len(mutants) < len(verdicts):
        parts.append(
            f"{counted(len(brittle), 'brittle test')} on {counted(len(verdicts) - len(mutants), 'benign change')}"
        )
    counts = Counter(verdict.outcome for verdict in verdicts)
    parts += [f"{counts[outcome]} {outcome}" for outcome in (Outcome.DOUBTFUL, Outcome.UNKNOWN) if counts[outcome]]
    return "; ".join(parts)


def as_json(verdicts: Sequence[Verdict], tests: Sequence[str]) -> dict[str, Any]:
    """The verdicts as one JSON object, with the tests that were run for each change."""
    mutants = [verdict for verdict in verdicts if not verdict.change.is_benign]
    return {
        "summary": {
            "mutants": len(mutants),
            "noticed": sum(verdict.outcome is Outcome.NOTICED for verdict in mutants),
            "variants": len(verdicts) - len(mutants),
            "line": summary(verdicts),
        },
        "tests": list(tests),
        "changes": [_verdict_as_json(verdict) for verdict in verdicts],
    }


def _verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.change.name,
        "clause": None if verdict.change.is_benign else verdict.change.clause,
        "says": verdict.change.says,
        "outcome": verdict.outcome.value,
        "tests": [{"test": test, "reason": reason} for test, reason in verdict.tests],
        "seconds": round(verdict.seconds, 3),
    }
