"""Shrinks the incidents that break an app to the fewest that still break it."""

from __future__ import annotations

from collections.abc import Callable

from .incidents import Forecast

MOST_RUNS = 100
"""Runs of an app until its incidents are shrunk no further."""


class _OutOfRunsError(Exception):
    """The bound on runs is reached."""


class Shrinking:
    """What became of incidents that break an app: the `fewest` that still do, after so many `runs`; whether `is_least` is known of them.

    Of the fewest none can be left out, and none can strike fewer calls. `breaks` runs the app. After `most` runs what was found until then is the result.
    """

    def __init__(self, breaks: Callable[[Forecast], bool], incidents: Forecast, most: int = MOST_RUNS) -> None:
        self._breaks = breaks
        self._most = most
        self._known: dict[Forecast, bool] = {}
        self.fewest = incidents
        self.is_least = False
        try:
            self._leave_out()
            self._strike_less()
        except _OutOfRunsError:
            return
        self.is_least = True

    @property
    def runs(self) -> int:
        """How often the app was run."""
        return len(self._known)

    def __str__(self) -> str:
        """The fewest incidents in words."""
        bound = "" if self.is_least else ", the most that are made: fewer may do"
        after = f" (after {self.runs} run{'s' * (self.runs != 1)}{bound})"
        if not self.fewest:
            return f"it breaks without any incident, too{after}"
        faults = sum(each.count for each in self.fewest)
        count = f"{faults} fault{'s' * (faults > 1)} in {len(self.fewest)} incident{'s' * (len(self.fewest) > 1)}"
        return "\n".join([f"the fewest that break it: {count}{after}", *(f"  {each}" for each in self.fewest)])

    def _is_broken_by(self, incidents: Forecast) -> bool:
        """Whether these break the app, too; they are then the fewest known."""
        if incidents not in self._known:
            if self.runs >= self._most:
                raise _OutOfRunsError
            self._known[incidents] = self._breaks(incidents)
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
