"""An event loop as another thread sees it."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trio


TURNS = 3
"""Iterations of a loop after which a task has continued whose bytes have arrived: they are read, its future is set, it runs."""

ANSWER = 0.005
"""Real seconds to wait for the answer of a loop: its thread may have begun to sleep meanwhile, and must be looked at again."""

AWAITED: dict[type, str] = {CoroutineType: "cr_await", GeneratorType: "gi_yieldfrom"}
"""The attribute that holds what a suspended one awaits."""


class Loop(ABC):
    """Schedules functions on a loop from any thread, and finds out whether its tasks have settled."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.sleepers = 0
        self._tasks = 0
        self._standing: dict[object, object] = {}

    def enter(self) -> None:
        """Count a task that begins to sleep; called in the loop's thread."""
        self.sleepers += 1
        self._tasks = sum(1 for _ in self.tasks())

    def mark_active(self) -> None:
        """Note that a timer of the app was called: even if all its tasks sleep, one may be about to continue."""
        self._tasks = 0

    @property
    def asleep(self) -> bool:
        """Whether all of its tasks sleep."""
        return self.sleepers == self._tasks > 0

    def settled(self) -> bool:
        """Whether every task awaits what it awaited at the last call; False when the loop does not answer soon."""
        answer: Future[bool] = Future()
        if not self.running() or not self.call(lambda: self.look(answer)):
            return True
        try:
            return answer.result(ANSWER)
        except TimeoutError:
            return False

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
        """Answer with `compare()` once the loop has nothing left to do; called in the loop's thread."""

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

    def look(self, answer: Future[bool]) -> None:
        """After some iterations: asyncio has no hook for an idle loop."""
        self._iterate(TURNS, answer)

    def _iterate(self, left: int, answer: Future[bool]) -> None:
        if left:
            self._loop.call_soon(self._iterate, left - 1, answer)
        else:
            answer.set_result(self.compare())

    def tasks(self) -> Iterator[tuple[object, object]]:
        """All tasks of the loop."""
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
        """Through the token."""
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
        """All but trio's own and ours."""
        from trio.lowlevel import current_root_task

        tasks = [root] if (root := current_root_task()) else []
        while tasks:
            task = tasks.pop()
            tasks += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
            if not _is_internal(task):
                yield task, task.coro


def _is_internal(task: trio.lowlevel.Task) -> bool:
    frame = getattr(task.coro, "cr_frame", None)
    module = str(frame.f_globals.get("__name__", "")) if frame else ""
    return module.startswith(("trio._core.", "pytest_pixazo."))


def _innermost(awaited: object) -> object:
    """What a coroutine awaits in the end: a different object after each step."""
    name = AWAITED.get(type(awaited))
    inner: object = getattr(awaited, name) if name else None
    return awaited if inner is None else _innermost(inner)
