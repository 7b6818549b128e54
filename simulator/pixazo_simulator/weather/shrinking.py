"""Shrinks the incidents that break an app to the fewest that still break it."""

from __future__ import annotations

from collections.abc import Callable

from .incidents import Forecast

MOST_RUNS = 100
"""Runs of an app until its incidents are shrunk no further."""


class StopShrinking(Exception):  # noqa: N818 - it is no error, as StopIteration
    """No more runs: the bound is reached, or `breaks` was interrupted."""


class Shrinking:
    """What became of incidents that break an app: the `fewest` that still do, after so many `runs`; whether `is_least` is known of them.

    Of the fewest none can be left out, and none can strike fewer calls. `breaks` runs the app. After `most` runs, or when `breaks` raises StopShrinking,
    what was found until then is the result. At last the fewest are tried once more: an app that then survives `is_flaky`, and keeps all incidents.
    """

    def __init__(self, breaks: Callable[[Forecast], bool], incidents: Forecast, most: int = MOST_RUNS) -> None:
        self._breaks = breaks
        self._most = most
        self._known: dict[Forecast, bool] = {}
        self.fewest = incidents
        self.is_least = self.is_flaky = False
        self.runs = 0
        """How often the app was run."""
        try:
            self._leave_out()
            self._strike_less()
            self.is_flaky = not self._run(self.fewest)
        except StopShrinking:
            return
        self.is_least = not self.is_flaky
        if self.is_flaky:
            self.fewest = incidents

    def __str__(self) -> str:
        """The fewest incidents in words."""
        bound = "" if self.is_least or self.is_flaky else ", where it was ended: fewer may do"
        after = f" (after {self.runs} run{'s' * (self.runs != 1)}{bound})"
        if self.is_flaky:
            return f"not shrunk: with the same incidents it breaks at one time and survives at another{after}"
        if not self.fewest:
            return f"it breaks without any incident, too{after}"
        faults = sum(each.count for each in self.fewest)
        count = f"{faults} fault{'s' * (faults > 1)} in {len(self.fewest)} incident{'s' * (len(self.fewest) > 1)}"
        return "\n".join([f"the fewest that break it: {count}{after}", *(f"  {each}" for each in self.fewest)])

    def _run(self, incidents: Forecast) -> bool:
        if self.runs >= self._most:
            raise StopShrinking
        broken = self._breaks(incidents)
        self.runs += 1
        return broken

    def _is_broken_by(self, incidents: Forecast) -> bool:
        """Whether these break the app, too; they are then the fewest known."""
        if incidents not in self._known:
            self._known[incidents] = self._run(incidents)
        if self._known[incidents]:
            self.fewest = incidents
        return self._known[incidents]

    def _leave_out(self) -> None:
        """Leave out ever smaller parts: first all, in the end each alone (delta debugging, as ddmin by complements)."""
        size = len(self.fewest)
        while size:
            parts = range(0, len(self.fewest), size)
            if not any(self._is_broken_by(self.fewest[:at] + self.fewest[at + size :]) for at in parts):
                size //= 2
            size = min(size, len(self.fewest))

    def _strike_less(self) -> None:
        """Let each strike fewer calls: one, two, four and so on."""
        for at, incident in enumerate(self.fewest):
            count = 1
            while count < incident.count:
                if self._is_broken_by((*self.fewest[:at], incident.of(count), *self.fewest[at + 1 :])):
                    break
                count *= 2
