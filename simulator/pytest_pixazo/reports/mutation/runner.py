"""Runs a test suite once for every change of the gateway: `pytest --pixazo-mutants=all`.

Each run is a process of its own, with only those tests that use a world: what an app keeps in modules cannot leak from one changed
gateway to the next, and each verdict can be reproduced by hand with `--pixazo-mutant NAME`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import click
import pytest

from .suite_run import Suite, SuiteRun
from .verdicts import Change, Outcome, Verdict, as_json, chosen, doubted, judged, summary, table

LEAST_LIMIT = 30.0
PATIENCE = 5.0
"""A run is ended after `LEAST_LIMIT` seconds plus `PATIENCE` times as long as it took on the unchanged gateway."""
REPETITIONS = 2
"""How often the tests that noticed something are repeated on the unchanged gateway, to find out whether they are flaky."""
_COLOURS = {
    Outcome.SLIPPED: "yellow",
    Outcome.BRITTLE: "yellow",
    Outcome.UNKNOWN: "red",
    Outcome.DOUBTFUL: "magenta",
}


class _RefusedError(Exception):
    """Mutation testing is impossible; the message says why, and the remedy."""


def run_mutation_testing(config: pytest.Config) -> int:
    """Run the suite on each changed gateway that the options select, print the verdicts, and return pytest's exit code."""
    try:
        changes = chosen(str(config.getoption("pixazo_mutants")))
    except ValueError as error:
        click.echo(f"ERROR: {error}", err=True)
        return pytest.ExitCode.USAGE_ERROR
    suite = Suite(_command(config), Path(config.invocation_params.dir))
    try:
        return _MutationTesting(suite, config, changes).run()
    except _RefusedError as error:
        click.echo(f"ERROR: {error}", err=True)
        return pytest.ExitCode.TESTS_FAILED
    finally:
        suite.close()


def _command(config: pytest.Config) -> list[str]:
    """What every run begins with: this command without its paths, and without what would only slow it down."""
    paths = set(_paths(config))
    given = [argument for argument in map(str, config.invocation_params.args) if argument not in paths]
    own = ["-q", "-p", "pytest_pixazo.reports.mutation.suite_run", "--pixazo-mutants="]
    own += ["--pixazo-conduct=off", "--pixazo-cov-fail-under=0", "--rootdir", str(config.rootpath)]
    own += ["-n", "0"] if config.pluginmanager.hasplugin("xdist") else []
    own += ["--no-cov"] if config.pluginmanager.hasplugin("pytest_cov") else []
    own += ["-c", str(config.inipath)] if config.inipath else []
    return [sys.executable, "-m", "pytest", *given, *own]


def _paths(config: pytest.Config) -> list[str]:
    """The files, folders and node ids that were asked for."""
    given: list[str] | None = config.option.file_or_dir
    return [*map(str, given or ())]


class _MutationTesting:
    def __init__(self, suite: Suite, config: pytest.Config, changes: Sequence[Change]) -> None:
        self._suite = suite
        self._changes = changes
        self._paths = _paths(config)
        self._root = config.rootpath
        self._jobs: int = config.getoption("pixazo_mutants_jobs") or os.cpu_count() or 1
        self._file: str | None = config.getoption("pixazo_mutants_json")

    def run(self) -> int:
        """Run everything in order and return the exit code."""
        changes = len(self._changes)
        _say(f"pixazo mutation testing: the suite on the unchanged gateway, then on {changes} changed ones")
        tests, seconds = self._baseline()
        limit = LEAST_LIMIT + PATIENCE * seconds
        whole = _duration(seconds * changes / min(self._jobs, changes))
        _say(
            f"{len(tests)} tests use a world and take {seconds:.1f} s; {changes} runs, {self._jobs} at a time: about {whole};"
            f" a run is ended after {limit:.0f} s"
        )
        started = time.monotonic()
        verdicts = self._verdicts(tests, limit)
        if len(verdicts) < changes:
            _say(f"interrupted: {changes - len(verdicts)} changes were not tried")
        verdicts = self._without_flaky(verdicts, limit)
        for line in table(verdicts):
            _say(line, fg=next((colour for word, colour in _COLOURS.items() if line.startswith(f"  {word}")), None))
        _say(f"{summary(verdicts)}, in {_duration(time.monotonic() - started)}", bold=True)
        if self._file:
            Path(self._file).write_text(json.dumps(as_json(verdicts, tests), indent=2) + "\n", encoding="utf-8")
        if len(verdicts) < changes:
            return pytest.ExitCode.INTERRUPTED
        is_known = all(verdict.outcome is not Outcome.UNKNOWN for verdict in verdicts)
        return pytest.ExitCode.OK if is_known else pytest.ExitCode.TESTS_FAILED

    def _baseline(self) -> tuple[tuple[str, ...], float]:
        """The tests that use a world, and the seconds that they take alone, provided that all pass on the unchanged gateway."""
        whole = self._suite.run(self._paths, None, None)
        _require_green(whole, "the suite")
        if not whole.worlds:
            raise _RefusedError("nothing to run: no test uses a world, such as by the fixture pixazo")
        alone = self._suite.run([], self._located(whole.worlds), None)
        _require_green(alone, "the tests that use a world, run without the others,")
        return whole.worlds, alone.seconds

    def _located(self, tests: Sequence[str]) -> list[str]:
        """Node ids as arguments that are valid wherever pytest was started."""
        return [str(self._root / test) for test in tests]

    def _verdicts(self, tests: Sequence[str], limit: float) -> list[Verdict]:
        """The verdicts in the order of the changes, with progress while they come in; fewer when the user interrupts."""
        located = self._located(tests)

        def verdict_on(change: Change) -> Verdict:
            first = [] if change.is_benign else ["-x"]
            return judged(change, self._suite.run([change.argument, *first], located, limit), limit)

        known: dict[str, Verdict] = {}
        show = _progress(len(self._changes))
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                for future in as_completed([pool.submit(verdict_on, change) for change in self._changes]):
                    known[future.result().change.name] = future.result()
                    show(known.values())
            except KeyboardInterrupt:
                self._suite.close()
            finally:
                pool.shutdown(cancel_futures=True)
                show(())
        return [known[change.name] for change in self._changes if change.name in known]

    def _without_flaky(self, verdicts: list[Verdict], limit: float) -> list[Verdict]:
        """The verdicts, doubtful where they rest on tests that also fail without a change."""
        suspects = dict.fromkeys(
            test
            for verdict in verdicts
            if verdict.outcome in (Outcome.NOTICED, Outcome.BRITTLE)
            for test, _ in verdict.tests
        )
        if not suspects:
            return verdicts
        runs = [self._suite.run([], self._located(list(suspects)), limit) for _ in range(REPETITIONS)]
        return doubted(verdicts, frozenset(test for run in runs for test, _ in run.failed))


def _progress(total: int) -> Callable[[Iterable[Verdict]], None]:
    """Shows how far it is, in one line that is overwritten on a terminal, and nowhere else; without verdicts, clears it."""
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
