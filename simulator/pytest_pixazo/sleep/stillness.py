"""Whether everybody else rests: only then may time be moved, or it would overtake a request that is under way."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Set
from types import FrameType

from .callers import OUR_THREADS, TOOLS, top_level
from .loops import Loop

__all__ = ["Stillness"]

LOOK = 0.0002
"""Real seconds between two looks at the threads."""
STUCK = 0.05
"""Real seconds after which a thread that does not move is taken to wait for something outside."""
PATIENCE = 1.0
"""Real seconds that time waits at most for threads and loops that go on and on."""
CALM = 2
"""Looks in a row that must find everybody at rest: whoever was just woken may still look as if it waited."""

RESTING = frozenset({"anyio", "asyncio", "concurrent", "queue", "selectors", "socketserver", "trio", "uvloop"})
"""Modules in which a thread waits for other threads, or in a loop."""
WAITS = frozenset({"_wait_for_tstate_lock", "acquire", "join", "wait", "wait_for"})
"""Functions of `threading` that wait for other threads."""


class Stillness:
    """Looks at the threads and the loops of the app from the thread that is to move the time.

    `barrier` returns once the simulator has answered the requests that have reached it.
    """

    def __init__(self, barrier: Callable[[], object], loops: Iterable[Loop], asleep: Set[int]) -> None:
        self._barrier = barrier
        self._loops = loops
        self._asleep = asleep
        self._seen: dict[int, tuple[tuple[int, int], float]] = {}

    def wait(self) -> None:
        """Return when everybody else has come to rest, or after PATIENCE."""
        calm, give_up = 0, time.monotonic() + PATIENCE
        while calm < CALM and time.monotonic() < give_up:
            threads, loops = self._threads(), self._awake_loops()
            if not threads and not loops:
                return
            resting = not self._busy(threads)
            settled = [loop.settled() for loop in loops] if resting else []
            calm = calm + 1 if resting and all(settled) else 0
            if loops and resting:
                self._barrier()
            else:
                time.sleep(LOOK)

    def _awake_loops(self) -> list[Loop]:
        here = threading.get_ident()
        return [
            loop
            for loop in list(self._loops)
            if not loop.asleep and loop.thread != here and loop.thread not in self._asleep
        ]

    def _threads(self) -> dict[int, FrameType | None]:
        """The frames of the app's other threads, by identity; None for one that is just being started."""
        threads = [thread for thread in threading.enumerate() if not thread.name.startswith(OUR_THREADS)]
        passed = {threading.get_ident(), *self._asleep, *(loop.thread for loop in list(self._loops) if loop.running())}
        frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # documented for this use
        found = {thread.ident or 0: frames.get(thread.ident or 0) for thread in threads if thread.ident not in passed}
        return {ident: frame for ident, frame in found.items() if frame is None or top_level(frame) not in TOOLS}

    def _busy(self, threads: dict[int, FrameType | None]) -> bool:
        now = time.monotonic()
        working = [ident for ident, frame in threads.items() if self._at_work(ident, frame, now)]  # each is looked at
        return bool(working)

    def _at_work(self, ident: int, frame: FrameType | None, now: float) -> bool:
        if frame is None:
            return True
        if _waits_for_others(frame):
            return False
        place = (id(frame), frame.f_lasti)
        seen, since = self._seen.get(ident, (None, now))
        if seen != place:
            self._seen[ident] = (place, now)
            return True
        return now - since < STUCK


def _waits_for_others(frame: FrameType) -> bool:
    if top_level(frame) != "threading":
        return top_level(frame) in RESTING
    if frame.f_code.co_name not in WAITS:
        return False
    caller: FrameType | None = frame
    while caller and top_level(caller) == "threading":
        if caller.f_code.co_name == "start":  # waits for the thread that it starts
            return False
        caller = caller.f_back
    # In our own wait, though it is not asleep any more: it has been woken, and is about to go on.
    return caller is None or not str(caller.f_globals.get("__name__")).startswith("pytest_pixazo.sleep")
