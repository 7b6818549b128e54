"""The metrics of a server for a monitoring system, in Prometheus' text format 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from pixazo_simulator.gateway import BOUNDS, TIMED, Traffic
from pixazo_simulator.webhooks import Dispatcher
from pixazo_simulator.world import Worlds

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[str, float]
"""What follows the name of a metric, such as a suffix and labels, and the value."""


def exposition(worlds: Worlds, traffic: Traffic, dispatcher: Dispatcher) -> str:
    """All metrics; no label contains anything that a caller has sent."""
    requests = [
        (f'{{operation="{operation or "other"}",code="{code}"}}', count) for operation, code, count in traffic.counted()
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
    for operation, counts in traffic.classes.items():
        label, sums = f'operation="{operation or "other"}"', [*accumulate(counts)]
        for bound, count in zip((*BOUNDS, "+Inf"), sums, strict=True):
            yield f'_bucket{{{label},le="{bound}"}}', count
        yield f"_sum{{{label}}}", traffic.seconds[operation]
        yield f"_count{{{label}}}", sums[-1]


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP pixazo_{name} {text}.\n# TYPE pixazo_{name} {kind}\n"
    for rest, value in samples:
        yield f"pixazo_{name}{rest} {float(value)!r}\n"
