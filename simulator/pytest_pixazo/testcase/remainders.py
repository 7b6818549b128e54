"""Requests for a world after its end: a thread, task or process that its test left running sends them."""

from __future__ import annotations

import pytest

from pixazo_simulator.server import Simulator
from pytest_pixazo.world import Place, warn_of

from .simulators import SharedSimulator


class Remainders:
    """Counts the requests for ended worlds of this process, by the test that had opened the world, until `warn`.

    A simulator may be shared: other processes count the requests for their own worlds.
    """

    def __init__(self, simulator: Simulator | SharedSimulator) -> None:
        self._simulator = simulator
        self._seen = simulator.unmatched
        self._places: dict[str, tuple[int, Place | None]] = {}
        self._calls: dict[Place, tuple[int, str]] = {}

    def times(self, world: str) -> int:
        return self._places.get(world, (0, None))[0]

    def expect(self, world: str, place: Place, *, warns: bool) -> None:
        """The world of this name ends: requests for it from now on belong to this place, which gets a warning if `warns`."""
        self._places[world] = self.times(world) + 1, place if warns else None

    def collect(self) -> None:
        """Count the requests since the last call of this method."""
        while self._simulator.unmatched > self._seen:
            exchanges = self._simulator.control().unmatched(after=self._seen).exchanges
            self._seen = exchanges[-1].number
            for each in exchanges:
                if place := self._places.get(each.former or "", (0, None))[1]:
                    count, _ = self._calls.get(place, (0, ""))
                    self._calls[place] = count + 1, f"{each.method} {each.target}"

    def warn(self, config: pytest.Config) -> None:
        self.collect()
        for place, (count, latest) in self._calls.items():
            came = f"{count} requests arrived" if count > 1 else "a request arrived"
            when = f"{came} for the world of this test after its end, the last one {latest}"
            warn_of(config, place, f"{when}: end the thread, task or process that sends them before the test ends")
        self._calls.clear()
