"""Shrinks the incidents that break an app to the fewest that still do, for each kind of problem."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import count

from .incidents import Forecast

MOST_RUNS = 100
"""Runs of an app until its incidents are shrunk no further."""

_Run = Callable[[Forecast], Collection[str]]


class StopShrinking(Exception):  # noqa: N818 - not an error, like StopIteration
    """No more runs: the bound is reached, or the run was interrupted."""


@dataclass(frozen=True, slots=True)
class Fewest:
    """The fewest incidents known to cause problems of some kinds; if it `is_least`, none can be left out or strike fewer calls.

    If it `is_flaky`, the app survived these incidents when they were tried again, so they are still all those of the first run.
    """

    kinds: tuple[str, ...]
    incidents: Forecast
    is_least: bool
    is_flaky: bool

    def __str__(self) -> str:
        what = ", ".join(self.kinds)
        if self.is_flaky:
            return f"not shrunk: with the same incidents the app sometimes breaks and sometimes survives ({what})"
        if not self.incidents:
            return f"it also breaks without any incident ({what})"
        faults = sum(each.count for each in self.incidents)
        count = f"{faults} fault{'s' * (faults > 1)} in {len(self.incidents)} incident{'s' * (len(self.incidents) > 1)}"
        bound = "" if self.is_least else "; shrinking was stopped, fewer may be enough"
        return "\n".join(
            [f"the fewest that break it ({what}): {count}{bound}", *(f"  {each}" for each in self.incidents)]
        )


def shrunk(
    problems_of: Callable[[Forecast], Collection[str]],
    incidents: Forecast,
    kinds: Iterable[str],
    most: int = MOST_RUNS,
) -> tuple[Fewest, ...]:
    """The fewest of the incidents of a run for each kind of problem that it had, as far as `most` runs of the app find them.

    `problems_of` runs the app and returns the kinds of its problems; it ends the search with StopShrinking.
    """
    runs = count()

    def run(some: Forecast) -> Collection[str]:
        if next(runs) >= most:
            raise StopShrinking
        return problems_of(some)

    first, again = cache(run), cache(run)
    by_incidents: dict[tuple[Forecast, bool, bool], list[str]] = {}
    for kind in dict.fromkeys(kinds):
        by_incidents.setdefault(_fewest(first, again, incidents, kind), []).append(kind)
    return tuple(Fewest(tuple(some), *result) for result, some in by_incidents.items())


def _fewest(first: _Run, again: _Run, incidents: Forecast, kind: str) -> tuple[Forecast, bool, bool]:
    """The fewest incidents that cause a kind of problem, whether they are known to be the fewest, and whether it is flaky."""
    fewest = incidents

    def causes(some: Forecast) -> bool:
        """Whether these cause the problem, too; they are then the fewest known."""
        nonlocal fewest
        if kind not in first(some):
            return False
        fewest = some
        return True

    try:
        # Leave out ever smaller parts: first all, in the end each alone (delta debugging, as ddmin by complements).
        size = len(fewest)
        while size:
            if not any(causes(fewest[:at] + fewest[at + size :]) for at in range(0, len(fewest), size)):
                size //= 2
            size = min(size, len(fewest))
        # Let each strike fewer calls, by bisection.
        for at, incident in enumerate(fewest):
            least, strikes = 1, incident.count
            while least < strikes:
                middle = (least + strikes) // 2
                if causes((*fewest[:at], incident.of(middle), *fewest[at + 1 :])):
                    strikes = middle
                else:
                    least = middle + 1
        is_flaky = kind not in again(fewest)
    except StopShrinking:
        return fewest, False, False
    return (incidents, False, True) if is_flaky else (fewest, True, False)
