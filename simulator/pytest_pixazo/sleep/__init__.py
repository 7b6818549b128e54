"""Virtual sleep: sleeps of the app under test advance the world's clock instead of waiting.

Sleeps that overlap in the app overlap on the clock, in threads and in tasks alike. The clock moves only when the whole app waits
for it: a request that is under way to the simulator is answered first, and a callback that falls due is delivered. A task or
thread that sleeps forever moves the clock whenever all others wait.

Not covered: waits that are not sleeps (`Event.wait(5)`, `Queue.get(timeout=5)`, `Future.result(5)`) wait in real time; clocks
that earlier objects keep (`Client(clock=time.monotonic)`), and `datetime.now` kept anywhere
(`field(default_factory=datetime.now)`), stand still meanwhile.
"""

from .patches import active_sleeps, virtual_sleep
from .virtual_time import SleepLimitError, Sleeps, WorldClock

__all__ = ["SleepLimitError", "Sleeps", "WorldClock", "active_sleeps", "virtual_sleep"]
