"""Sleeps of the app under test that move the world's clock instead of waiting.

Sleeps that overlap in the app overlap on the clock, in threads and in tasks alike. Time moves when all that is left to do is to
wait for it: a request that is under way to the simulator is answered first, and a callback that falls due is delivered.

What is not seen: waits that are no sleeps (`Event.wait(5)`, `Queue.get(timeout=5)`, `Future.result(5)`) wait in real time;
`datetime.now()` and clocks kept inside objects that were made before (`Client(clock=time.monotonic)`) stand still meanwhile.
A task or thread that sleeps for ever moves the clock whenever everybody else waits.
"""

from __future__ import annotations

from .patches import virtual_sleep
from .virtual_time import SleepLimitError, Sleeps

__all__ = ["SleepLimitError", "Sleeps", "virtual_sleep"]
