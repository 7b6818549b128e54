"""Finds out whether the rest of the app is idle: only then may the clock move, or it would overtake a request that is under way."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from functools import partial
from types import CoroutineType, FrameType, GeneratorType
from typing import TYPE_CHECKING, Any

from .callers import OUR_THREADS, RUNNERS, top_level
from .frozen import original

if TYPE_CHECKING:
    import trio

Locals = Mapping[str, Any]

LOOK = 0.0002
"""Real seconds between two looks at busy threads: less than a request on loopback takes, so little time is lost."""
STUCK = 0.5
"""Real seconds after which a thread that does not progress counts as waiting for something unrelated to the app: a thread that runs is
scheduled every few milliseconds, and a response of the simulator takes a few.
"""
PATIENCE = 2.0
"""The most real seconds that a move of the clock waits for busy threads and loops."""
LOOKS = 500
"""The fewest looks within STUCK and PATIENCE. On a busy machine seconds pass in which neither the simulator nor the app runs; then
looks are rare as well.
"""
ROUND = 100
"""Looks at busy threads after which the simulator is made to process what it has received: its threads have then run, too."""
CALM_LOOPS = 4
"""Looks in a row that must find the tasks of a loop unchanged: in between, the simulator accepts a connection, reads a request and
responds, and the response is read.
"""
CALM_THREADS = 2
"""Looks in a row that must find the threads idle: during a single one, a thread could wake another that was looked at before."""
TURNS = 3
"""Iterations of a loop after which a task has continued whose bytes have arrived: they are read, its future is set, it runs."""
ANSWER = 0.005
"""Real seconds to wait for a response of a loop: its thread may have gone to sleep meanwhile, and must be checked again."""
real_clock: Callable[[], float] = partial(original(time, "perf_counter"))
"""Neither freezegun, which replaces functions in all modules but no partials, nor time-machine stops it."""
AWAITED: dict[type, str] = {CoroutineType: "cr_await", GeneratorType: "gi_yieldfrom"}
"""The attribute with the object that a suspended one awaits."""


_Moment = tuple[float, int]
"""A real time, and the number of looks until then."""


class Loop(ABC):
    """Schedules functions on a loop from any thread, and finds out whether its tasks have settled."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.sleepers = 0
        self._tasks = 0
        self._standing: dict[object, object] = {}
        self._answer: Future[bool] | None = None

    def enter(self) -> None:
        self.sleepers += 1
        self._tasks = sum(1 for _ in self.tasks())

    def mark_active(self) -> None:
        """Note that a timer of the app was called: even if all tasks sleep, one may be about to continue."""
        self._tasks = 0

    @property
    def asleep(self) -> bool:
        return self.sleepers == self._tasks > 0

    def settled(self) -> bool:
        """Whether every task awaits what it awaited at the last call; False when the loop does not respond soon."""
        if not self.running():
            return True
        answer = self._answer
        # A slow loop is not asked again before it has responded; a response between two calls is out of date.
        if answer is None or answer.done():
            self._answer = answer = Future[bool]()
            if not self.call(partial(self.look, answer)):
                return True
        try:
            return answer.result(ANSWER)
        except TimeoutError:
            return not self.call(lambda: None)  # it may have ended

    def compare(self) -> bool:
        """Whether every task awaits what it awaited at the last call; called in the loop's thread."""
        # The awaitables are kept until the next call, so that no new one can have the identity of an old one.
        before, self._standing = self._standing, {task: _innermost(waits) for task, waits in self.tasks()}
        return before.keys() == self._standing.keys() and all(before[task] is at for task, at in self._standing.items())

    @abstractmethod
    def running(self) -> bool:
        """Whether the loop runs, as far as is known."""

    @abstractmethod
    def call(self, function: Callable[[], object]) -> bool:
        """Call a function in the loop's thread soon; False when the loop has ended."""

    @abstractmethod
    def look(self, answer: Future[bool]) -> None:
        """Respond with `compare()` once the loop has nothing left to do; called in the loop's thread."""

    @abstractmethod
    def tasks(self) -> Iterator[tuple[object, object]]:
        """The app's tasks and their coroutines; called in the loop's thread."""


class AsyncioLoop(Loop):
    """asyncio's own loop, or uvloop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def running(self) -> bool:
        """False between two `run_until_complete`."""
        return self._loop.is_running()

    def call(self, function: Callable[[], object]) -> bool:
        """In an empty context: that of the caller is unrelated to the loop."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, context=Context())
            return True
        return False

    def look(self, answer: Future[bool], left: int = TURNS) -> None:
        """After some iterations: asyncio has no hook for an idle loop."""
        if left:
            self._loop.call_soon(self.look, answer, left - 1)
        else:
            answer.set_result(self.compare())

    def tasks(self) -> Iterator[tuple[object, object]]:
        for task in asyncio.all_tasks(self._loop):
            yield task, task.get_coro()


class TrioLoop(Loop):
    """A run of trio."""

    def __init__(self, token: trio.lowlevel.TrioToken) -> None:
        super().__init__()
        self._token = token
        self._ended = False

    def running(self) -> bool:
        """Known only after a call has failed."""
        return not self._ended

    def call(self, function: Callable[[], object]) -> bool:
        import trio

        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(function)
            return True
        self._ended = True
        return False

    def look(self, answer: Future[bool]) -> None:
        """When trio finds all tasks blocked."""
        from trio.lowlevel import spawn_system_task
        from trio.testing import wait_all_tasks_blocked

        async def look() -> None:
            try:
                await wait_all_tasks_blocked()
            finally:
                answer.set_result(self.compare())

        try:
            spawn_system_task(look)
        except RuntimeError:  # the run is about to end
            answer.set_result(True)

    def tasks(self) -> Iterator[tuple[object, object]]:
        """All tasks except trio's own and ours."""
        from trio.lowlevel import current_root_task

        tasks = [root] if (root := current_root_task()) else []
        while tasks:
            task = tasks.pop()
            tasks += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
            frame = getattr(task.coro, "cr_frame", None)
            module = str(frame.f_globals.get("__name__", "")) if frame else ""
            # Of ours those of this module only: the task that an app starts may be a sleep that we have replaced.
            if module != __name__ and not module.startswith("trio._core."):
                yield task, task.coro


def _innermost(awaited: object) -> object:
    """What a coroutine awaits in the end: a different object after each step."""
    name = AWAITED.get(type(awaited))
    inner: object = getattr(awaited, name) if name else None
    return awaited if inner is None else _innermost(inner)


class Quiescence:
    """Watches the threads and loops of the app from the thread that is about to move the clock.

    `barrier` returns once the simulator has processed what it has received; `is_delaying` says whether it still has to send a
    response, `is_over` whether the clock need not move any more.
    """

    def __init__(
        self,
        barrier: Callable[[], object],
        loops: Iterable[Loop],
        asleep: Set[int],
        is_delaying: Callable[[], bool] = lambda: False,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._barrier = barrier
        self._loops = loops
        self._asleep = asleep
        self._is_delaying = is_delaying
        self._is_over = is_over
        self._looks = 0
        self._seen: dict[int, tuple[tuple[int, int], _Moment]] = {}

    def wait(self) -> None:
        """Return when every other thread and loop is idle, when it is over, or after PATIENCE."""
        calm, since, here = 0, (real_clock(), self._looks), threading.get_ident()
        while not (self._is_over() or self._have_passed(PATIENCE, since)):
            self._looks += 1
            if self._is_delaying():
                calm = 0
                time.sleep(LOOK)
                continue
            threads = self._threads()
            asleep = {here, *self._asleep}
            loops = [loop for loop in list(self._loops) if not loop.asleep and loop.thread not in asleep]
            if calm >= (CALM_LOOPS if loops else CALM_THREADS if threads else 0):
                return
            busy = [self._is_busy(ident, frame) for ident, frame in threads.items()]  # each must be noted
            if any(busy):
                calm = 0
                if not self._looks % ROUND:
                    self._barrier()
                time.sleep(LOOK)
                continue
            settled = [loop.settled() for loop in loops]
            calm = calm + 1 if all(settled) else 0
            if loops:
                self._barrier()

    def _threads(self) -> dict[int, FrameType | None]:
        """The frames of the app's other threads, by identity; None for one that is just being started."""
        passed = {threading.get_ident(), *self._asleep, *(loop.thread for loop in list(self._loops) if loop.running())}
        threads = [
            thread
            for thread in threading.enumerate()
            if thread.ident not in passed and not thread.name.startswith(OUR_THREADS)
        ]
        if not threads:
            return {}
        frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # documented for this use
        found = {thread.ident or 0: frames.get(thread.ident or 0) for thread in threads}
        return {
            ident: frame
            for ident, frame in found.items()
            if frame is None or not (_is_of_runner(frame) or _is_of_trio(frame))
        }

    def _have_passed(self, seconds: float, since: _Moment) -> bool:
        then, looks = since
        return real_clock() - then >= seconds and self._looks - looks >= LOOKS

    def _is_busy(self, ident: int, frame: FrameType | None) -> bool:
        if frame is None:
            return True
        place = (id(frame), frame.f_lasti)
        seen = self._seen.get(ident)
        if seen is None or seen[0] != place:
            self._seen[ident] = (place, (real_clock(), self._looks))
            return True
        return not waits_for_others(frame) and not self._have_passed(STUCK, seen[1])


def _is_of_runner(frame: FrameType) -> bool:
    """Whether a thread was started by what runs the tests, for its own purposes."""
    started_by = ""
    while frame.f_back:
        started_by, frame = started_by if top_level(frame) == "threading" else top_level(frame), frame.f_back
    return top_level(frame) == "threading" and started_by in RUNNERS


def _is_of_trio(frame: FrameType) -> bool:
    """Whether it is a thread of trio's without a job, or one that waits for events in guest mode, which each look wakes."""
    if _place(frame) == TRIO_POOL and waits_for_others(frame):
        return True
    outer: FrameType | None = frame
    while outer and _place(outer) not in TRIO_EVENTS:
        outer = outer.f_back
    return outer is not None


def _place(frame: FrameType) -> tuple[str, str]:
    return str(frame.f_globals.get("__name__")), frame.f_code.co_name


HANDS_WORK_OVER: bool = sys.version_info >= (3, 13)
"""Whether a `SimpleQueue` gives what is put into it directly to a thread that waits for it."""
POOL = "concurrent.futures.thread", "_worker"
TRIO_POOL = "trio._core._thread_cache", "_work"
TRIO_EVENTS = frozenset({("trio._core._run", "get_events"), ("trio._core._run", "deliver")})
WAITS: dict[tuple[str, str], Callable[[Locals], bool]] = {
    # Also an event, a queue, a semaphore or a future: `notify` takes the waiter off the list.
    ("threading", "wait"): lambda names: "waiter" in names and names["waiter"] in names["self"]._waiters,  # noqa: SLF001  # there is no public way
    ("threading", "_wait_for_tstate_lock"): lambda names: bool(names["self"].is_alive()),
    ("threading", "join"): lambda names: bool(names["self"].is_alive()),
    POOL: lambda names: _lacks_work(names),  # noqa: PLW0108 - which is defined below
    TRIO_POOL: lambda names: names["self"]._job is None,  # noqa: SLF001  # there is no public way
    ("selectors", "select"): lambda _: True,
    ("asyncio.windows_events", "_poll"): lambda _: True,
    ("socket", "accept"): lambda _: True,
    ("asyncio.runners", "run"): lambda _: True,
    ("asyncio.base_events", "run_forever"): lambda _: True,
    ("trio._core._io_epoll", "get_events"): lambda _: True,
    ("trio._core._io_kqueue", "get_events"): lambda _: True,
    ("trio._core._io_windows", "get_events"): lambda _: True,
}
"""By module and function of the innermost frame: whether it waits, judged by its local variables. A thread that was just woken
looks the same until it gets to run, so the frame alone does not show it.
"""


def waits_for_others(frame: FrameType) -> bool:
    """Whether the thread with this innermost frame continues only when another thread or a socket wakes it."""
    check = WAITS.get(_place(frame))
    return check is not None and check(frame.f_locals)


def _lacks_work(names: Locals) -> bool:
    """Whether a thread of a pool waits for work.

    Where work leaves the queue before the thread that gets it runs, fewer threads are idle than seem to wait.
    """
    if "work_item" in names or not names["work_queue"].empty():
        return False
    pool: Any = names["executor_reference"]()
    if pool is None or not HANDS_WORK_OVER:
        return True
    frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # documented for this use
    found = [frames[each.ident] for each in [*pool._threads] if each.ident in frames]  # noqa: SLF001  # there is no public way
    waiting = sum(_place(each) == POOL and "work_item" not in each.f_locals for each in found)
    return bool(waiting <= pool._idle_semaphore._value)  # noqa: SLF001
