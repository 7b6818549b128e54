"""The metrics of a server: responses are counted and timed; a monitoring system gets all in Prometheus' text format 0.0.4."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate

from pixazo_simulator.webhooks import Dispatcher
from pixazo_simulator.world import Worlds, real_clock

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0, 10.0)
"""Seconds up to which a response belongs to each class; the last class has those that took longer."""
TIMED = 64
"""Of this many responses of one operation and status code the first is timed: timing each would take longer than counting it."""

Sample = tuple[str, float]
"""What follows the name of a metric, such as a suffix and labels, and the value."""


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
        """Count a response that is complete now, to a request that arrived at a reading of `real_clock`."""
        counts = self.counts[operation]
        counts[status] = count = counts[status] + 1
        if count % TIMED == 1:
            seconds = real_clock() - started
            self.classes.setdefault(operation, [0] * (len(BOUNDS) + 1))[bisect_left(BOUNDS, seconds)] += 1
            self.seconds[operation] = self.seconds.get(operation, 0.0) + seconds


def exposition(worlds: Worlds, traffic: Traffic, dispatcher: Dispatcher) -> str:
    """All metrics; no label contains anything that a caller has sent."""
    requests = [
        (f'{{operation="{operation or "other"}",code="{code}"}}', count)
        for operation, counts in [*traffic.counts.items()]  # another thread may add one
        for code, count in enumerate(counts)
        if count
    ]
    attempts = [(f'{{result="{result}"}}', count) for result, count in dispatcher.attempts.items()]
    timed = f"Until a response was ready, of every {TIMED}th of its operation and code"
    pending = sum(len(world.outbox) for world in worlds)
    is_up = not (worlds.log and worlds.log.unavailable)
    families = (
        _family("requests_total", "counter", "Responses of the gateway", requests),
        _family("request_duration_seconds", "histogram", timed, _durations(traffic)),
        _family("worlds", "gauge", "Worlds that are open", [("", len(worlds))]),
        _family("generations_total", "counter", "Generations that worlds have accepted", [("", worlds.generations)]),
        _family("webhooks_pending", "gauge", "Webhooks that wait for an attempt", [("", pending)]),
        _family("webhook_attempts_total", "counter", "Attempts to post a webhook", attempts),
        _family("store_up", "gauge", "Whether the store can be used", [("", is_up)]),
    )
    return "".join(line for family in families for line in family)


def _durations(traffic: Traffic) -> Iterator[Sample]:
    for operation, counts in [*traffic.classes.items()]:
        label, sums = f'operation="{operation or "other"}"', [*accumulate(counts)]
        for bound, count in zip((*BOUNDS, "+Inf"), sums, strict=True):
            yield f'_bucket{{{label},le="{bound}"}}', count
        yield f"_sum{{{label}}}", traffic.seconds[operation]
        yield f"_count{{{label}}}", sums[-1]


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP pixazo_{name} {text}.\n# TYPE pixazo_{name} {kind}\n"
    for rest, value in samples:
        yield f"pixazo_{name}{rest} {float(value)!r}\n"
