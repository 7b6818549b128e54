"""Runs a test suite once for every change of the gateway: `pytest --pixazo-mutants=all`.

Each run is a process of its own, with only those tests that use a world: what an app keeps in modules cannot leak from one changed
gateway to the next, and what is reported can be repeated by hand with `--pixazo-mutant NAME`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import click
import pytest

from .suite_run import Suite, Trial
from .verdicts import Change, Outcome, Verdict, chosen, doubted, judged, summary, table, told

LEAST_LIMIT = 30.0
PATIENCE = 5.0
"""A run is ended after the first, and so many times what it took on the unchanged gateway."""
REPETITIONS = 2
"""How often the tests that noticed something are run once more without it, to see whether they are flaky."""


class _RefusedError(Exception):
    """There is nothing to rehearse with; the message says why, and what to do."""


def rehearse(config: pytest.Config) -> int:
    """Rehearse as the options say, print what came of it, and return pytest's exit code."""
    try:
        changes = chosen(str(config.getoption("pixazo_mutants")))
    except ValueError as error:
        click.echo(f"ERROR: {error}", err=True)
        return pytest.ExitCode.USAGE_ERROR
    suite = Suite(_command(config), Path(config.invocation_params.dir))
    try:
        return _Rehearsal(suite, config, changes).run()
    except _RefusedError as error:
        click.echo(f"ERROR: {error}", err=True)
        return pytest.ExitCode.TESTS_FAILED
    finally:
        suite.close()


def _command(config: pytest.Config) -> list[str]:
    """What every run begins with: this command without its paths, and without what would only slow it down."""
    paths = set(_paths(config))
    given = [argument for argument in map(str, config.invocation_params.args) if argument not in paths]
    plugins = config.pluginmanager
    quiet = [
        "-q",
        "-p",
        "pytest_pixazo.reports.mutation.recorder",
        "--pixazo-mutants=",
        "--pixazo-conduct=off",
        "--pixazo-cov-fail-under=0",
    ]
    quiet += ["-n", "0"] if plugins.hasplugin("xdist") else []
    quiet += ["--no-cov"] if plugins.hasplugin("pytest_cov") else []
    place = ["--rootdir", str(config.rootpath), *(["-c", str(config.inipath)] if config.inipath else [])]
    return [sys.executable, "-m", "pytest", *given, *quiet, *place]


def _paths(config: pytest.Config) -> list[str]:
    """The files, folders and node ids that were asked for."""
    given: list[str] | None = config.option.file_or_dir
    return [*map(str, given or ())]


class _Rehearsal:
    def __init__(self, suite: Suite, config: pytest.Config, changes: Sequence[Change]) -> None:
        self._suite = suite
        self._changes = changes
        self._paths = _paths(config)
        self._root = config.rootpath
        self._jobs: int = config.getoption("pixazo_mutants_jobs") or os.cpu_count() or 1
        self._file: str | None = config.getoption("pixazo_mutants_json")

    def run(self) -> int:
        """All of it, in order."""
        _say(f"pixazo rehearsal: the suite on the unchanged gateway, then on {len(self._changes)} changed ones")
        tests, seconds = self._baseline()
        limit = LEAST_LIMIT + PATIENCE * seconds
        _say(f"{_estimate(len(tests), seconds, len(self._changes), self._jobs)}; a run is ended after {limit:.0f} s")
        started = time.monotonic()
        verdicts = self._verdicts(tests, limit)
        if len(verdicts) < len(self._changes):
            _say(f"interrupted: {len(self._changes) - len(verdicts)} changes were not tried")
        verdicts = self._sure(verdicts, limit)
        _print(verdicts)
        _say(f"{summary(verdicts)}, in {_duration(time.monotonic() - started)}", bold=True)
        if self._file:
            Path(self._file).write_text(json.dumps(told(verdicts, tests), indent=2) + "\n", encoding="utf-8")
        if len(verdicts) < len(self._changes):
            return pytest.ExitCode.INTERRUPTED
        is_known = all(verdict.outcome is not Outcome.UNKNOWN for verdict in verdicts)
        return pytest.ExitCode.OK if is_known else pytest.ExitCode.TESTS_FAILED

    def _baseline(self) -> tuple[tuple[str, ...], float]:
        """The tests that use a world, and the seconds that they take alone, when all is green without a change."""
        whole = self._suite.run(self._paths, None, None)
        _require_green(whole, "the suite")
        if not whole.worlds:
            raise _RefusedError("nothing to rehearse: no test uses a world, such as by the fixture pixazo")
        alone = self._suite.run([], self._located(whole.worlds), None)
        _require_green(alone, "the tests that use a world, run without the others,")
        return whole.worlds, alone.seconds

    def _located(self, tests: Sequence[str]) -> list[str]:
        """Node ids as arguments, wherever pytest was started."""
        return [str(self._root / test) for test in tests]

    def _verdicts(self, tests: Sequence[str], limit: float) -> list[Verdict]:
        """The verdicts in the order of the changes, with progress while they come in; fewer when the user interrupts."""
        located = self._located(tests)

        def one(change: Change) -> Verdict:
            first = [] if change.is_benign else ["-x"]
            return judged(change, self._suite.run([change.argument, *first], located, limit), limit)

        known: dict[str, Verdict] = {}
        with ThreadPoolExecutor(self._jobs) as pool, _Progress(len(self._changes)) as progress:
            try:
                for future in as_completed([pool.submit(one, change) for change in self._changes]):
                    verdict = known.setdefault(future.result().change.name, future.result())
                    progress.step(verdict)
            except KeyboardInterrupt:
                self._suite.close()
            finally:
                pool.shutdown(cancel_futures=True)
        return [known[change.name] for change in self._changes if change.name in known]

    def _sure(self, verdicts: list[Verdict], limit: float) -> list[Verdict]:
        """The verdicts, but what rests on tests that fail without a change, too, is in doubt."""
        suspects = dict.fromkeys(
            test
            for verdict in verdicts
            if verdict.outcome in (Outcome.NOTICED, Outcome.BRITTLE)
            for test, _ in verdict.tests
        )
        if not suspects:
            return verdicts
        trials = [self._suite.run([], self._located(list(suspects)), limit) for _ in range(REPETITIONS)]
        flaky = frozenset(test for trial in trials for test, _ in trial.failed)
        return doubted(verdicts, flaky)


class _Progress:
    """One line that is written over on a terminal, and nothing elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = self._noticed = 0
        self._started = time.monotonic()
        self._is_shown = sys.stdout.isatty()

    def step(self, verdict: Verdict) -> None:
        """One more is known."""
        self._done += 1
        self._noticed += verdict.outcome is Outcome.NOTICED
        left = (time.monotonic() - self._started) / self._done * (self._total - self._done)
        self._write(f"{self._done} of {self._total}: {self._noticed} noticed, about {_duration(left)} left")

    def _write(self, text: str) -> None:
        if self._is_shown:
            sys.stdout.write(f"\r\x1b[K{text}")
            sys.stdout.flush()

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")


def _require_green(trial: Trial, what: str) -> None:
    if trial.failed:
        test, reason = trial.failed[0]
        raise _RefusedError(
            f"no rehearsal with a red suite: {what} fails on the unchanged gateway, first {test}: {reason}; mend or deselect it"
        )
    if trial.exit_code != 0:
        last = " ".join(trial.output.splitlines()[-1:])
        raise _RefusedError(
            f"no rehearsal: {what} ended with exit code {trial.exit_code} on the unchanged gateway: {last}"
        )


def _estimate(tests: int, seconds: float, changes: int, jobs: int) -> str:
    whole = seconds * changes / min(jobs, changes)
    return f"{tests} tests use a world and take {seconds:.1f} s; {changes} runs, {jobs} at a time: about {_duration(whole)}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _print(verdicts: Sequence[Verdict]) -> None:
    for line in table(verdicts):
        _say(line, fg=next((colour for word, colour in _COLOURS.items() if line.startswith(f"  {word}")), None))


_COLOURS = {
    Outcome.SLIPPED: "yellow",
    Outcome.BRITTLE: "yellow",
    Outcome.UNKNOWN: "red",
    Outcome.DOUBTFUL: "magenta",
}


def _say(text: str, *, fg: str | None = None, bold: bool = False) -> None:
    click.echo(click.style(text, fg=fg, bold=bold), color=False if os.environ.get("NO_COLOR") else None)
