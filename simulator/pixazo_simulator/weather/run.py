"""The result of one run of an app under incidents, and how it is reported."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from pixazo_simulator.control import ControlClient

from .books import Books, Problem, books_of
from .incidents import Forecast, Incident, written


@dataclass(frozen=True, slots=True)
class Run:
    """The incidents that struck an app, the books afterwards, and what else was wrong, such as its exit code."""

    incidents: Forecast
    struck: Forecast
    books: Books
    failure: str | None = None

    @property
    def problems(self) -> list[Problem]:
        """Why the app is broken, empty when it is not."""
        return [*([Problem(self.failure, self.failure)] if self.failure else []), *self.books.problems]

    @property
    def kinds(self) -> list[str]:
        """The kinds of its problems: one about money first."""
        return list(dict.fromkeys(each.kind for each in (*self.books.problems, *self.problems)))

    @property
    def account(self) -> str:
        """The incidents that struck, and the books, a line each."""
        count = len(self.incidents)
        counted = f"weather: {count} incident{'s' * (count != 1)}, of which {len(self.struck)} struck"
        return "\n".join([counted, *(f"  {each}" for each in self.struck), str(self.books)])

    def __str__(self) -> str:
        return "\n".join([self.account, *(f"broken: {each}" for each in self.problems)])


def run_of(world: ControlClient, incidents: Forecast, failure: str | None = None) -> Run:
    """The result of a run in a world whose script has the rules of these incidents, among others."""
    used = {rule.rule.get("name") for rule in world.script().rules if any(rule.used)}
    struck = tuple(each for each in incidents if str(each) in used)
    return Run(incidents, struck, books_of(world.bill()), failure)


def repeating(arguments: Iterable[str], command: Iterable[str], incidents: Iterable[Incident]) -> str:
    """The command line that repeats a run of `pixazo-sim exec` with these incidents; `arguments` are the options that were given."""
    return shlex.join(
        ["pixazo-sim", "exec", *arguments, "--no-shrink", "--weather-only", written(incidents), "--", *command]
    )
