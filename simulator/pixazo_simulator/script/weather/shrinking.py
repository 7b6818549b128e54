"""Shrinks the incidents that break an app to the fewest that still do, for each kind of problem."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from .incidents import Forecast

MOST_RUNS = 100
"""Runs of an app until its incidents are shrunk no further."""


class StopShrinking(Exception):  # noqa: N818 - not an error, like StopIteration
    """No more runs: the bound is reached, or the run was interrupted."""


@dataclass(frozen=True, slots=True)
class Fewest:
    """The fewest incidents known to cause problems of some kinds.

    If it `is_least`, none can be left out, and none can strike fewer calls. If the kinds are `flaky`, the app survived these incidents when they were tried
    again, so they are still all the incidents of the first run.
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


class Shrinking:
    """Shrinks the incidents of a run that had problems of these kinds: `found` has the fewest for each.

    `problems_of` runs the app and returns the kinds of its problems. After `most` runs, or when it raises StopShrinking, the result is what was found until then.
    """

    def __init__(
        self,
        problems_of: Callable[[Forecast], Collection[str]],
        incidents: Forecast,
        kinds: Collection[str],
        most: int = MOST_RUNS,
    ) -> None:
        self._problems_of = problems_of
        self._most = most
        self._known: dict[Forecast, Collection[str]] = {}
        self._again: dict[Forecast, Collection[str]] = {}
        self._fewest = incidents
        self.runs = 0
        """How often the app was run."""
        by_incidents: dict[tuple[Forecast, bool, bool], list[str]] = {}
        for kind in dict.fromkeys(kinds):
            by_incidents.setdefault(self._shrunk(incidents, kind), []).append(kind)
        self.found = tuple(Fewest(tuple(some), *result) for result, some in by_incidents.items())

    def _shrunk(self, incidents: Forecast, kind: str) -> tuple[Forecast, bool, bool]:
        """The fewest incidents that cause a kind of problem, whether they are known to be the fewest, and whether it is flaky."""
        self._fewest = incidents
        try:
            self._leave_out(kind)
            self._strike_less(kind)
            if self._fewest not in self._again:
                self._again[self._fewest] = self._run(self._fewest)
        except StopShrinking:
            return self._fewest, False, False
        if kind in self._again[self._fewest]:
            return self._fewest, True, False
        return incidents, False, True

    def _run(self, incidents: Forecast) -> Collection[str]:
        if self.runs >= self._most:
            raise StopShrinking
        problems = self._problems_of(incidents)
        self.runs += 1
        return problems

    def _causes(self, incidents: Forecast, kind: str) -> bool:
        """Whether these cause the problem, too; they are then the fewest known."""
        if incidents not in self._known:
            self._known[incidents] = self._run(incidents)
        if kind in self._known[incidents]:
            self._fewest = incidents
            return True
        return False

    def _leave_out(self, kind: str) -> None:
        """Leave out ever smaller parts: first all, in the end each alone (delta debugging, as ddmin by complements)."""
        size = len(self._fewest)
        while size:
            parts = range(0, len(self._fewest), size)
            if not any(self._causes(self._fewest[:at] + self._fewest[at + size :], kind) for at in parts):
                size //= 2
            size = min(size, len(self._fewest))

    def _strike_less(self, kind: str) -> None:
        """Let each strike fewer calls, by bisection."""
        for at, incident in enumerate(self._fewest):
            least, most = 1, incident.count
            while least < most:
                count = (least + most) // 2
                if self._causes((*self._fewest[:at], incident.of(count), *self._fewest[at + 1 :]), kind):
                    most = count
                else:
                    least = count + 1
