"""The event loop on which an app is driven."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from contextlib import AbstractAsyncContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import trio


T = TypeVar("T")

PATIENCE = 2.0
"""Real seconds within which a loop that is not blocked takes what it is given."""
STOP_DEADLINE = 2.0
"""Real seconds in which an app must end its lifespan."""
LONGEST = 60.0
"""Real seconds that an app may take for one callback; no gateway waits as long."""


class HomeError(Exception):
    """A loop cannot run the app; the message names the remedy."""


class Home(Protocol):
    """Where an app lives. `run` is called from any other thread and waits for the result."""

    def run(self, doing: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine there. Raises what it raises, or HomeError."""
        ...

    def is_here(self) -> bool:
        """Whether the caller's thread is the one that must not be blocked."""
        ...

    def close(self) -> None:
        """Leave it."""
        ...


class OwnLoop:
    """An asyncio loop in a thread of its own, and round all that runs there a context such as a lifespan."""

    def __init__(self, around: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        from anyio.from_thread import start_blocking_portal

        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal("asyncio", name="pytest-pixazo app"))
            stack.enter_context(self._portal.wrap_async_context_manager(around()))
            self._stack = stack.pop_all()
        self._under_way: set[Future[Any]] = set()
        self._starting = threading.Lock()
        self._closed = False

    def run(self, doing: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine there."""
        with self._starting:  # what is started after the closing, nobody would cancel
            if self._closed:
                raise HomeError(_CLOSED)
            future: Future[T] = self._portal.start_task_soon(doing)
            self._under_way.add(future)
        try:
            return _result(future, _CLOSED)
        finally:
            with self._starting:
                self._under_way.discard(future)

    def is_here(self) -> bool:
        """Never: nobody else uses its thread."""
        return False

    def close(self) -> None:
        """Cancel what still runs there, leave the context, end the loop.

        Raises what leaving raises, HomeError when it takes longer than two seconds: then the loop is left to itself.
        """
        with self._starting:
            self._closed = True
            for future in tuple(self._under_way):
                future.cancel()
        left: Future[None] = Future()
        threading.Thread(target=_settle, args=(left, self._stack.close), name="pytest-pixazo end", daemon=True).start()
        if wait([left], STOP_DEADLINE).not_done:
            raise HomeError(f"the app did not stop within {STOP_DEADLINE:g} s: its lifespan has not ended its shutdown")
        left.result()


class _AsyncioLoop:
    """The running asyncio loop of a test."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()

    def run(self, doing: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine there, once the loop has shown that it is not blocked."""
        _knock(self._loop.call_soon_threadsafe)
        return _result(asyncio.run_coroutine_threadsafe(doing(), self._loop), _ENDED)

    def is_here(self) -> bool:
        """Whether the caller runs on that loop."""
        return threading.get_ident() == self._thread

    def close(self) -> None:
        """Nothing: the loop is the test's."""


class _TrioLoop:
    """The running trio loop of a test."""

    def __init__(self, token: trio.lowlevel.TrioToken) -> None:
        self._token = token
        self._thread = threading.get_ident()

    def run(self, doing: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine there, once the loop has shown that it is not blocked."""
        import trio

        _knock(self._token.run_sync_soon)
        try:
            return trio.from_thread.run(doing, trio_token=self._token)
        except (trio.RunFinishedError, trio.Cancelled):
            raise HomeError(_ENDED) from None

    def is_here(self) -> bool:
        """Whether the caller runs on that loop."""
        return threading.get_ident() == self._thread

    def close(self) -> None:
        """Nothing: the loop is the test's."""


_CLOSED = "the inbox was closed before the app had answered"
_ENDED = "the test's event loop ended before the app had answered"
_BLOCKED = (
    "the test's event loop is blocked, so the app on it cannot answer: let time pass in a thread, as with"
    " `await anyio.to_thread.run_sync(pixazo.clock.advance, 15)`, or give the app a loop of its own with"
    " `deliver_to(app, apart=True)`"
)


def _settle(future: Future[None], doing: Callable[[], None]) -> None:
    """Do something and tell a future how it ended."""
    try:
        doing()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is for the thread that waits
        future.set_exception(error)
    else:
        future.set_result(None)


def _result(future: Future[T], cancelled: str) -> T:
    try:
        return future.result(LONGEST)
    except CancelledError:
        raise HomeError(cancelled) from None
    except TimeoutError:
        if not future.cancel():
            raise  # the app's own
        raise HomeError(f"the app did not answer within {LONGEST:g} s") from None


def _knock(schedule: Callable[[Callable[[], Any]], object]) -> None:
    """Raise HomeError unless the loop calls back soon."""
    opened = threading.Event()
    try:
        schedule(opened.set)
    except RuntimeError:  # closed; trio.RunFinishedError is one, too
        raise HomeError(_ENDED) from None
    if not opened.wait(PATIENCE):
        raise HomeError(_BLOCKED)


def running_home() -> Home | None:
    """The asyncio or trio loop that runs in this thread, if any."""
    try:
        return _AsyncioLoop(asyncio.get_running_loop())
    except RuntimeError:
        pass
    if trio_module := sys.modules.get("trio"):
        try:
            return _TrioLoop(trio_module.lowlevel.current_trio_token())
        except RuntimeError:
            pass
    return None
