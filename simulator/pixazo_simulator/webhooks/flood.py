"""Attempts many deliveries that fall due at one instant, several at once; records them one after another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from pixazo_simulator.world import Attempt, Delivery

from .egress import receiver

FLOOD = 65
"""Deliveries of one instant from which on they are attempted together, unless the world has rules about webhooks.

Fewer are attempted one after another, each after the response to the one before, so that what a test sees is the same in every run.
That also holds for a receiver that gets fewer of a flood. Any other receiver gets up to MOST_AT_ONCE at once, which begin in order, and
no receiver waits for another. The attempts are recorded and reported in the order of their deliveries in any case.
"""
MOST_TOGETHER = 64
"""Attempts under way of one world; the others wait, and their time-outs have not begun."""
MOST_AT_ONCE = 5
"""Attempts under way to one receiver of one world.

No more than the shortest common backlog holds (5, of Python's http.server). An attempt that a full backlog dropped is given up after a
while, and yet the receiver may accept it later: the webhook would arrive twice.
"""


async def attempt_together(
    deliveries: Sequence[Delivery],
    attempt: Callable[[Delivery], Awaitable[Attempt]],
    record: Callable[[Delivery, Attempt], Awaitable[None]],
    goes_on: Callable[[], bool],
    in_steps: Callable[[Callable[[], Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]],
) -> None:
    """Attempt deliveries as FLOOD says, and record each when those before it are recorded; begin none unless `goes_on`.

    The attempts run in tasks of their own, each by `in_steps` (see `Worlds`). When this ends early, or is cancelled, every attempt that was completed has been recorded.
    """
    queues: dict[tuple[str, int], deque[int]] = {}
    for place, delivery in enumerate(deliveries):
        queues.setdefault(receiver(delivery.url)[1:], deque()).append(place)
    turns = deque(queue for queue in queues.values() for _ in range(MOST_AT_ONCE if len(queue) >= FLOOD else 1))
    made: dict[int, Attempt] = {}
    recorded = 0

    async def work() -> None:
        nonlocal recorded
        while turns and goes_on():
            queue = turns.popleft()
            if queue:
                place = queue.popleft()
                made[place] = await attempt(deliveries[place])
                turns.append(queue)
                while done := made.pop(recorded, None):
                    await record(deliveries[recorded], done)
                    recorded += 1
            await asyncio.sleep(0)  # an attempt that sends nothing has not let others run

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(MOST_TOGETHER, len(turns))):
                workers.create_task(in_steps(work))
    finally:
        for place in sorted(made):
            await record(deliveries[place], made[place])
