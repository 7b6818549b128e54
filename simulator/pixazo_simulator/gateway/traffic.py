"""Counts the responses of the gateway, and how long they took."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from pixazo_simulator.world import real_clock

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0, 10.0)
"""Seconds up to which a response belongs to each class; the last class has those that took longer."""
TIMED = 64
"""Of this many responses of one operation and status code the first is timed: timing each would take longer than counting it."""


class Traffic:
    """The number of responses by operation and status code, and of timed responses by operation and class of `BOUNDS`.

    The operation is None where a request was for none. The caller holds the lock of the worlds.
    """

    def __init__(self) -> None:
        # Lists by status code, which has three digits, since to count in a dict by both takes twice as long.
        self.counts = defaultdict[str | None, list[int]](lambda: [0] * 1000)
        self.classes: dict[str | None, list[int]] = {}
        self.seconds: dict[str | None, float] = {}
        """The seconds that the timed ones took together."""

    def count(self, operation: str | None, status: int, started: float) -> None:
        """Count a response to a request that arrived at a reading of `real_clock`."""
        counts = self.counts[operation]
        counts[status] = count = counts[status] + 1
        if count % TIMED == 1:
            self.time(operation, started)

    def counted(self) -> Iterator[tuple[str | None, int, int]]:
        """Operation, status code, and number of responses."""
        for operation, counts in self.counts.items():
            yield from ((operation, status, count) for status, count in enumerate(counts) if count)

    def time(self, operation: str | None, started: float) -> None:
        """Time a response that is complete now."""
        seconds = real_clock() - started
        self.classes.setdefault(operation, [0] * (len(BOUNDS) + 1))[bisect_left(BOUNDS, seconds)] += 1
        self.seconds[operation] = self.seconds.get(operation, 0.0) + seconds
