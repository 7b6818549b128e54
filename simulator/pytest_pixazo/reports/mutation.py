"""Runs a test suite once for every change of the gateway, and reports which changes it notices: `pytest --pixazo-mutants=all`.

Each run is a process of its own, with only those tests that use a world: state that an app keeps in modules cannot leak, and each
verdict can be reproduced by hand with `--pixazo-mutant NAME`.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Literal

import click
import msgspec
import pytest

from pixazo_html import Annotation, Level, markdown_table
from pixazo_simulator.mutants import MUTANTS, VARIANTS
from pixazo_simulator.spec import nearest
from pytest_pixazo.world import Place

from .conduct import counted
from .github import at, is_wanted, publish
from .page_mutants import PREFIX, read_page_mutants
from .results import write
from .suite_run import RECORD_FILE_VARIABLE, Suite, SuiteRun

LEAST_LIMIT = 30.0
PATIENCE = 5.0
"""A run is stopped after `LEAST_LIMIT` seconds plus `PATIENCE` times its duration on the unchanged gateway."""
REPETITIONS = 2
"""How often the tests that noticed something are repeated on the unchanged gateway, to find out whether they are flaky."""
BENIGN = "benign"
WIDEST = 38
"""Characters of the longest name of a change, for the table."""


@dataclass(frozen=True, slots=True)
class Change:
    """A gateway that is wrong in one respect (a mutant), or right in a different way (a variant: its `clause` is `benign`).

    One that comes from a page has its `page`, and the reason why it cannot be tried (`untried`), if any.
    """

    name: str
    clause: str
    description: str
    page: str = ""
    untried: str = ""

    @property
    def is_benign(self) -> bool:
        """Whether the gateway still conforms to the page, so no test should fail."""
        return self.clause == BENIGN

    @property
    def group(self) -> str:
        return f"{PREFIX}{self.page}" if self.page else self.clause.partition("-")[0]

    @property
    def argument(self) -> str:
        """The option of pytest that makes the change for one run."""
        name = f"{self.group}:{self.name.removeprefix(PREFIX)}" if self.page else self.name
        return f"--pixazo-{'variant' if self.is_benign else 'mutant'}={name}"


class Outcome(StrEnum):
    """The outcome of a change: noticed by a failing test or not; a benign one passes, or reveals brittle tests.

    Doubtful: the failed tests also fail now and then without the change. Unknown: the run failed. Untried: nothing changes on the wire.
    """

    NOTICED = "noticed"
    SLIPPED = "slips through"
    PASSED = "passes"
    BRITTLE = "brittle"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"
    UNTRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one change: the failed tests, each with its reason, and the seconds that the run took."""

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
    """The changes that `all`, or a comma-separated list of globs (names or clauses) and `page:FILE`, selects.

    Raises ValueError with the nearest name for a glob that matches nothing, and for a page that cannot be read.
    """
    given = ["*" if glob == "all" else glob for glob in map(str.strip, text.split(",")) if glob]
    pages = [glob.removeprefix(PREFIX) for glob in dict.fromkeys(given) if glob.startswith(PREFIX)]
    globs = [glob for glob in given if not glob.startswith(PREFIX)]
    for glob in globs:
        if not any(_matches(change, glob) for change in CHANGES):
            near = nearest(glob, tuple(change.name for change in CHANGES))
            raise ValueError(
                f"--pixazo-mutants {glob!r} matches no change of the gateway{near}: see pixazo-sim mutants"
            )
    found = [change for change in CHANGES if any(_matches(change, glob) for glob in globs)]
    of_pages = ((page, *each) for page in pages for each in read_page_mutants(page))
    return [*found, *(Change(mutant.name, mutant.clause, mutant.sentence, page, why) for page, mutant, why in of_pages)]


def _matches(change: Change, glob: str) -> bool:
    return fnmatchcase(change.name, glob) or fnmatchcase(change.clause, glob)


def judged(change: Change, run: SuiteRun, limit: float) -> Verdict:
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
    """The verdicts; those that depend on flaky tests only become doubtful."""
    return [
        replace(verdict, outcome=Outcome.DOUBTFUL)
        if verdict.outcome in (Outcome.NOTICED, Outcome.BRITTLE) and {test for test, _ in verdict.tests} <= flaky
        else verdict
        for verdict in verdicts
    ]


def table(verdicts: Sequence[Verdict]) -> Iterator[tuple[str, Outcome | None]]:
    """The verdicts group by group: a headline, then a line for each change with its outcome, and below it the tests that noticed."""
    for group, found in groupby(verdicts, key=lambda verdict: verdict.change.group):
        members = list(found)
        good = sum(verdict.outcome in (Outcome.NOTICED, Outcome.PASSED) for verdict in members)
        tried = sum(not verdict.change.untried for verdict in members)
        word = "pass, as they should" if group == BENIGN else "noticed"
        yield f"{'benign changes' if group == BENIGN else group}: {good} of {tried} {word}", None
        for verdict in members:
            change = verdict.change
            clause = "" if change.is_benign else f"{change.clause:<13} "
            yield f"  {verdict.outcome.value:<13} {clause}{change.name:<{WIDEST}} {change.description}", verdict.outcome
            if change.untried:
                yield f"  {'':<13} {change.untried}", None
            yield from ((f"  {'':<13} by {test}: {reason}", None) for test, reason in verdict.tests)


def annotated(verdicts: Sequence[Verdict], places: Mapping[str, Place], config: pytest.Config) -> Iterator[Annotation]:
    """A warning for each change that slips through and each brittle test, a notice for each test that a change of the page breaks.

    A change that could not be tried is an error.
    """
    levels: dict[Outcome, Level] = {Outcome.UNKNOWN: "error", Outcome.BRITTLE: "warning"}
    for verdict in verdicts:
        change = verdict.change
        title = f"{verdict.outcome.value}: {change.name}{f' ({change.clause})' if change.clause else ''}"
        level = "notice" if change.page and verdict.outcome is Outcome.NOTICED else levels.get(verdict.outcome)
        if verdict.outcome is Outcome.SLIPPED:
            yield Annotation("warning", title, f"{change.description}\nagain: pytest {change.argument}")
        elif level:
            for test, reason in verdict.tests:
                text = f"{test}: {reason}\n{change.description}\nagain: pytest {change.argument}"
                yield at(Annotation(level, title, text), places.get(test), config)


def job_summary(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """The verdicts in Markdown: what slips through first."""
    yield f"## Pixazo mutation testing: {Totals.of(verdicts).line}\n"
    order = (Outcome.UNKNOWN, Outcome.SLIPPED, Outcome.BRITTLE)
    ranked = sorted(verdicts, key=lambda each: order.index(each.outcome) if each.outcome in order else len(order))
    rows = (
        (each.outcome.value, each.change.clause, each.change.name, each.change.description,
         each.change.untried or "; ".join(f"{test}: {reason}" for test, reason in each.tests))
        for each in ranked
    )  # fmt: skip
    yield from markdown_table(("outcome", "clause", "change", "what it is", "by"), rows)


class Totals(msgspec.Struct, frozen=True):
    """How many mutants were tried and noticed, how many benign changes were tried, and the same as one line."""

    mutants: int
    noticed: int
    variants: int
    line: str

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> Totals:
        """The totals of some verdicts; the line is like `noticed 61 of 80 (76 %)`, then brittle tests, doubtful and unknown changes."""
        counts = Counter(each.outcome for each in verdicts)
        mutants = sum(not (each.change.is_benign or each.change.untried) for each in verdicts)
        benign, noticed = sum(each.change.is_benign for each in verdicts), counts[Outcome.NOTICED]
        parts = [f"noticed {noticed} of {mutants}{f' ({100 * noticed // mutants} %)' if mutants else ''}"]
        if benign:
            brittle = {test for each in verdicts if each.outcome is Outcome.BRITTLE for test, _ in each.tests}
            parts.append(f"{counted(len(brittle), 'brittle test')} on {counted(benign, 'benign change')}")
        rest = (Outcome.DOUBTFUL, Outcome.UNKNOWN, Outcome.UNTRIED)
        parts += [f"{counts[outcome]} {outcome}" for outcome in rest if counts[outcome]]
        return cls(mutants, noticed, benign, "; ".join(parts))


class Failed(msgspec.Struct, frozen=True):
    """A test that failed, and why."""

    test: str
    reason: str


class Judged(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of one change; `clause` is null for a benign one, `reason` says why one was not tried."""

    name: str
    clause: str | None
    description: str
    outcome: Outcome
    tests: tuple[Failed, ...]
    seconds: float
    reason: str = ""


class MutantsDocument(msgspec.Struct, frozen=True, tag_field="$schema", tag="urn:pixazo-testkit:mutants:1"):
    """What `--pixazo-mutants-json` writes: the verdicts, and the tests that were run for each change."""

    summary: Totals
    tests: tuple[str, ...]
    changes: tuple[Judged, ...]
    version: Literal[1] = 1


def document(verdicts: Sequence[Verdict], tests: Sequence[str]) -> MutantsDocument:
    changes = (
        Judged(
            name=verdict.change.name,
            clause=None if verdict.change.is_benign else verdict.change.clause or None,
            description=verdict.change.description,
            outcome=verdict.outcome,
            tests=tuple(Failed(*each) for each in verdict.tests),
            seconds=round(verdict.seconds, 3),
            reason=verdict.change.untried,
        )
        for verdict in verdicts
    )
    return MutantsDocument(Totals.of(verdicts), tuple(tests), tuple(changes))


_COLOURS: Mapping[Outcome | None, str] = {
    Outcome.SLIPPED: "yellow",
    Outcome.BRITTLE: "yellow",
    Outcome.UNKNOWN: "red",
    Outcome.DOUBTFUL: "magenta",
}


class _RefusedError(Exception):
    """Mutation testing is impossible; the message says why, and the remedy."""


def run_mutation_testing(config: pytest.Config) -> int:
    """Run the suite on each changed gateway that the options select, print the verdicts, and return pytest's exit code."""
    wanted = str(config.getoption("pixazo_mutants"))
    try:
        changes = chosen(wanted)
    except ValueError as error:
        click.echo(f"ERROR: {error}", err=True)
        return pytest.ExitCode.USAGE_ERROR
    if not changes:
        click.echo(f"--pixazo-mutants {wanted}: nothing changed in meaning, so there is nothing to try")
        return pytest.ExitCode.OK
    paths = [*map(str, config.option.file_or_dir or ())]
    suite = Suite(_command(config, paths), config.invocation_params.dir, config.rootpath)
    try:
        return _carry_out(suite, config, changes, paths)
    except _RefusedError as error:
        click.echo(f"ERROR: {error}", err=True)
        return pytest.ExitCode.TESTS_FAILED
    finally:
        suite.close()


def _command(config: pytest.Config, paths: Sequence[str]) -> list[str]:
    """How the command of every run begins: this command without its paths and without options that only slow it down."""
    given = [argument for argument in map(str, config.invocation_params.args) if argument not in paths]
    own = ["-q", "-p", "pytest_pixazo.reports.suite_run", "--rootdir", str(config.rootpath)]
    own += ["--pixazo-mutants=", "--pixazo-format=text", "--pixazo-conduct=off", "--pixazo-cov-fail-under=0"]
    # Each run has a cache of its own, beside its record: pytest expands the variable.
    own += ["-o", f"cache_dir=${RECORD_FILE_VARIABLE}.cache"] if config.pluginmanager.hasplugin("cacheprovider") else []
    own += ["-n", "0"] if config.pluginmanager.hasplugin("xdist") else []
    own += ["--no-cov"] if config.pluginmanager.hasplugin("pytest_cov") else []
    own += ["-c", str(config.inipath)] if config.inipath else []
    return [sys.executable, "-m", "pytest", *given, *own]


def _carry_out(suite: Suite, config: pytest.Config, changes: Sequence[Change], paths: Sequence[str]) -> int:
    """Run the tests at these paths on the unchanged gateway and on each changed one; return pytest's exit code."""
    tried = sum(not change.untried for change in changes)
    jobs: int = config.getoption("pixazo_mutants_jobs") or os.cpu_count() or 1
    _say(f"pixazo mutation testing: the suite runs on the unchanged gateway, then on {counted(tried, 'changed one')}")
    worlds, seconds = _baseline(suite, paths)
    tests = tuple(worlds)
    limit = LEAST_LIMIT + PATIENCE * seconds
    whole = _duration(seconds * tried / min(jobs, tried or 1))
    _say(
        f"{counted(len(tests), 'test')} with a world: {seconds:.1f} s; {counted(tried, 'run')}, {jobs} at a time: about {whole};"
        f" a run is stopped after {limit:.0f} s"
    )
    started = time.monotonic()
    verdicts = _verdicts(suite, changes, tests, limit, jobs)
    if missing := len(changes) - len(verdicts):
        _say(f"interrupted: {missing} changes were not tried")
    verdicts = _without_flaky(suite, verdicts, limit)
    for line, outcome in table(verdicts):
        _say(line, fg=_COLOURS.get(outcome))
    _say(f"{Totals.of(verdicts).line}, in {_duration(time.monotonic() - started)}", bold=True)
    if file := config.getoption("pixazo_mutants_json"):
        write(document(verdicts, tests), Path(file))
    if is_wanted(config):
        click.echo(publish(annotated(verdicts, worlds, config), job_summary(verdicts)), nl=False)
    if missing:
        return pytest.ExitCode.INTERRUPTED
    is_known = all(verdict.outcome is not Outcome.UNKNOWN for verdict in verdicts)
    return pytest.ExitCode.OK if is_known else pytest.ExitCode.TESTS_FAILED


def _baseline(suite: Suite, paths: Sequence[str]) -> tuple[Mapping[str, Place], float]:
    """The tests that use a world, and the seconds that they take by themselves, if all pass on the unchanged gateway."""
    whole = suite.run(paths, None, None)
    _require_green(whole, "the suite")
    if not whole.worlds:
        raise _RefusedError("nothing to run: no test uses a world, for example through the fixture pixazo")
    alone = suite.run([], tuple(whole.worlds), None)
    _require_green(alone, "the tests that use a world, run without the others,")
    return whole.worlds, alone.seconds


def _verdicts(suite: Suite, changes: Sequence[Change], tests: Sequence[str], limit: float, jobs: int) -> list[Verdict]:
    """The verdicts in the order of the changes, with progress while they arrive; fewer when the user interrupts."""

    def verdict_on(change: Change) -> Verdict:
        if change.untried:
            return Verdict(change, Outcome.UNTRIED, (), 0)
        first = [] if change.is_benign else ["-x"]
        return judged(change, suite.run([change.argument, *first], tests, limit), limit)

    known: dict[Change, Verdict] = {}
    show = _progress(len(changes))
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(verdict_on, change) for change in changes]):
                known[future.result().change] = future.result()
                show(known.values())
        except KeyboardInterrupt:
            suite.close()
        finally:
            pool.shutdown(cancel_futures=True)
            show(())
    return [known[change] for change in changes if change in known]


def _without_flaky(suite: Suite, verdicts: list[Verdict], limit: float) -> list[Verdict]:
    """The verdicts, doubtful where they depend on tests that also fail without a change."""
    failing = (each for each in verdicts if each.outcome in (Outcome.NOTICED, Outcome.BRITTLE))
    suspects = dict.fromkeys(test for verdict in failing for test, _ in verdict.tests)
    if not suspects:
        return verdicts
    runs = [suite.run([], list(suspects), limit) for _ in range(REPETITIONS)]
    return doubted(verdicts, frozenset(test for run in runs for test, _ in run.failed))


def _progress(total: int) -> Callable[[Iterable[Verdict]], None]:
    """Show the progress in one line that is overwritten, on a terminal only; without verdicts, clear the line."""
    started, is_shown = time.monotonic(), sys.stdout.isatty()

    def show(known: Iterable[Verdict]) -> None:
        outcomes = [verdict.outcome for verdict in known]
        text = ""
        if done := len(outcomes):
            left = (time.monotonic() - started) / done * (total - done)
            text = f"{done} of {total}: {outcomes.count(Outcome.NOTICED)} noticed, about {_duration(left)} left"
        if is_shown:
            sys.stdout.write(f"\r\x1b[K{text}")
            sys.stdout.flush()

    return show


def _require_green(run: SuiteRun, what: str) -> None:
    if run.failed:
        test, reason = run.failed[0]
        raise _RefusedError(
            f"mutation testing needs a green suite: {what} fails on the unchanged gateway, first {test}: {reason}; fix or"
            " deselect it"
        )
    if run.exit_code != 0:
        last = " ".join(run.output.splitlines()[-1:])
        raise _RefusedError(
            f"mutation testing is impossible: {what} ended with exit code {run.exit_code} on the unchanged gateway: {last}"
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _say(text: str, *, fg: str | None = None, bold: bool = False) -> None:
    click.echo(click.style(text, fg=fg, bold=bold), color=False if os.environ.get("NO_COLOR") else None)
