"""Whether everybody else rests: only then may time be moved, or it would overtake a request that is under way."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Set
from types import FrameType

from .callers import OUR_THREADS, RUNNERS, top_level
from .loops import Loop
from .waits import waits_for_others

LOOK = 0.0002
"""Real seconds between two looks at threads that are at work."""
STUCK = 0.5
"""Real seconds after which a thread that does not move is taken to wait for something that has nothing to do with the app."""
PATIENCE = 2.0
"""Real seconds that time waits at most for threads and loops that go on and on."""
CALM_LOOPS = 4
"""Looks in a row that must find the tasks of a loop where they were: in between the simulator accepts a connection, reads a
request, answers it, and the answer is read."""
CALM_THREADS = 2
"""Looks in a row that must find the threads at rest: during a single one, one could wake another that was looked at before."""


class Stillness:
    """Looks at the threads and the loops of the app from the thread that is to move the time.

    `barrier` returns once the simulator has done what it had to do.
    """

    def __init__(self, barrier: Callable[[], object], loops: Iterable[Loop], asleep: Set[int]) -> None:
        self._barrier = barrier
        self._loops = loops
        self._asleep = asleep
        self._seen: dict[int, tuple[tuple[int, int], float]] = {}

    def wait(self) -> None:
        """Return when everybody else has come to rest, or after PATIENCE."""
        calm, give_up = 0, time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            threads, loops = self._threads(), self._awake_loops()
            if calm >= (CALM_LOOPS if loops else CALM_THREADS if threads else 0):
                return
            if not self._rest(threads):
                calm = 0
                time.sleep(LOOK)
                continue
            settled = [loop.settled() for loop in loops]
            calm = calm + 1 if all(settled) else 0
            if loops:
                self._barrier()

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
        return {ident: frame for ident, frame in found.items() if frame is None or not _is_runner_s(frame)}

    def _rest(self, threads: dict[int, FrameType | None]) -> bool:
        now = time.monotonic()
        working = [ident for ident, frame in threads.items() if self._at_work(ident, frame, now)]  # each is looked at
        return not working

    def _at_work(self, ident: int, frame: FrameType | None, now: float) -> bool:
        if frame is None:
            return True
        place = (id(frame), frame.f_lasti)
        seen, since = self._seen.get(ident, (None, now))
        if seen != place:
            self._seen[ident] = (place, now)
            return True
        return not waits_for_others(frame) and now - since < STUCK


def _is_runner_s(frame: FrameType) -> bool:
    """Whether a thread was started by what runs the tests, to work for itself."""
    started_by = ""
    while frame.f_back:
        started_by, frame = started_by if top_level(frame) == "threading" else top_level(frame), frame.f_back
    return top_level(frame) == "threading" and started_by in RUNNERS
