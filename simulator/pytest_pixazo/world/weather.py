"""An app in bad weather: incidents hit it, its books are balanced, and incidents that break it are shrunk."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from pixazo_simulator.control import ControlClient, Run, run_of
from pixazo_simulator.script.weather import Forecast, forecast, read_forecast, rules, shrunk, written

from .conditions import plain


def incidents_of(seed: int | None, days: int | None, only: str | None) -> Forecast:
    """The incidents of a seed and a number of days, one by default, or those of `only`. Raises ValueError where both or neither are given."""
    if only is not None and seed is None and days is None:
        return read_forecast(only)
    if only is None and seed is not None:
        return forecast(seed, 1 if days is None else days)
    raise ValueError(
        f"seed={seed!r}, days={days!r}, only={only!r}: give a seed, with or without days=, or only= by itself"
    )


@contextmanager
def struck_by(control: ControlClient, incidents: Forecast) -> Generator[None]:
    """Let incidents hit the app of a world. Raises AssertionError at the end if the books do not balance, adds a note to errors."""
    __tracebackhide__ = True
    runs: list[Run] = []

    def told(run: Run) -> str:
        return f"{run}\nto repeat it: pixazo.weather(only={written(run.struck)!r})"

    try:
        with under_incidents(control, incidents, runs):
            yield
    except BaseException as failure:
        for run in runs:
            failure.add_note(told(run))
        raise
    if runs[0].problems:
        raise AssertionError(told(runs[0]))


@contextmanager
def under_incidents(control: ControlClient, incidents: Forecast, runs: list[Run]) -> Generator[None]:
    """Within a `with` block, incidents hit the app of a world; the outcome is appended to `runs`."""
    numbers = [control.add_rule(rule) for rule in rules(incidents)]
    failure: str | None = None
    try:
        yield
    except BaseException as error:
        if not _ended_well(error):
            failure = type(error).__name__
        raise
    finally:
        runs.append(run_of(control, incidents, failure))
        for rule in control.script().rules:
            if rule.number in numbers and not any(rule.used):
                control.remove_rule(rule.number)  # that it never applied is not a complaint


def endure(run: Callable[[Forecast, list[Run]], object], incidents: Forecast) -> None:
    """Raise AssertionError if these incidents break an app, with the fewest that still do, or if it submits nothing.

    `run` runs the app in a fresh world, as `under_incidents` does, and returns its result. Raises TypeError for an awaitable.
    """
    __tracebackhide__ = True
    runs: list[Run] = []
    causes: dict[Forecast, BaseException] = {}

    def problems_of(some: Forecast) -> list[str]:
        count, result = len(runs), None
        try:
            result = run(some, runs)
        except (Exception, SystemExit, pytest.fail.Exception) as error:
            if len(runs) == count:
                raise
            if not _ended_well(error):
                causes[some] = error
                return list(dict.fromkeys([*runs[-1].kinds, type(error).__name__]))
        plain(result, "endure calls a plain function: give it lambda world: asyncio.run(app(world))")
        return runs[-1].kinds

    kinds = problems_of(incidents)
    first = runs[0]
    if not kinds and not first.generations:
        raise AssertionError(
            "the app submitted nothing in the world that endure calls it with, so no incident could hit it:"
            " make it use that world's url and api_key, its client() or env()"
        )
    if kinds:
        found = shrunk(problems_of, first.struck, kinds)
        cause = next(filter(None, (causes.get(each.incidents) for each in found)), causes.get(incidents))
        lines = [*([repr(cause)] if cause else []), str(first)]
        lines += (f"{each}\nto repeat it: pixazo.endure(app, only={written(each.incidents)!r})" for each in found)
        raise AssertionError("\n".join(lines)) from cause


def _ended_well(error: BaseException) -> bool:
    return isinstance(error, SystemExit) and not error.code
