"""The event loop on which an ASGI app runs: that of the test, or one in a thread of its own."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from typing import Any, TypeAlias, TypeVar

from pixazo_simulator.server import HttpResponse

T = TypeVar("T")
Coroutines: TypeAlias = Callable[[], Coroutine[Any, Any, T]]
"""A coroutine function; each call is awaited on a loop."""

PATIENCE = 2.0
"""Real seconds within which a loop that is not blocked runs what is scheduled on it."""
STOP_DEADLINE = 2.0
"""Real seconds within which an app must end its lifespan."""
LONGEST = 60.0
"""Real seconds that an app may take for one callback; the gateway gives up much earlier."""

_CLIENT_BLOCKED = (
    "the event loop of the app behind the test client is blocked, so the app cannot respond: one of its `async def` endpoints"
    " blocks, perhaps on this callback; declare it with `def`, or wait in a thread, as with `await anyio.to_thread.run_sync(...)`"
)
_CLIENT_WAITS = (
    "the test client was closed while its app was still handling a callback and would have hung: respond immediately, and finish what the"
    " endpoint waits for before closing the client"
)
_CLOSED = "the inbox was closed before the app responded"
_ENDED = "the test's event loop ended before the app responded"
_BLOCKED = (
    "the test's event loop is blocked, so the app on it cannot respond: advance the clock in a thread, as with"
    " `await anyio.to_thread.run_sync(pixazo.clock.advance, 15)`, or give the app a loop of its own with"
    " `deliver_to(app, own_loop=True)`"
)


class InboxError(Exception):
    """The inbox cannot do what it was asked to do; the message names the remedy."""


class EventLoopError(InboxError):
    """A loop cannot run the app; the message names the remedy."""


class OwnLoop:
    """An asyncio loop in a thread of its own, where all runs within a context such as a lifespan; for callers in other threads."""

    def __init__(self, context: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        from anyio.from_thread import start_blocking_portal

        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal("asyncio", name="pytest-pixazo app"))
            stack.enter_context(self._portal.wrap_async_context_manager(context()))
            self._stack = stack.pop_all()
        self._under_way: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, function: Coroutines[T]) -> T:
        """Call a coroutine function on the loop and wait for its result. Raises what it raises, or EventLoopError."""
        with self._lock:  # `close` cannot cancel what is started after it
            if self._closed:
                raise EventLoopError(_CLOSED)
            future: Future[T] = self._portal.start_task_soon(function)
            self._under_way.add(future)
        try:
            return _result(future, _CLOSED)
        finally:
            with self._lock:
                self._under_way.discard(future)

    def close(self) -> None:
        """Cancel what is still running, leave the context, end the loop. Raises what leaving the context raises.

        Raises EventLoopError when that takes longer than two seconds: the loop's daemon thread is then abandoned.
        """
        with self._lock:
            self._closed = True
            for future in tuple(self._under_way):
                future.cancel()
        left: Future[None] = Future()

        def leave() -> None:
            try:
                self._stack.close()
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                left.set_exception(error)
            else:
                left.set_result(None)

        threading.Thread(target=leave, name="pytest-pixazo end", daemon=True).start()
        if wait([left], STOP_DEADLINE).not_done:
            raise EventLoopError(
                f"the app did not stop within {STOP_DEADLINE:g} s: its lifespan has not ended its shutdown"
            )
        left.result()


class ClientLoop:
    """The loop on which a test client of Starlette or Litestar runs its app in its `with` block; elsewhere each call has its own.

    A client that is closed waits for everything that runs on its loop. `call` keeps that from lasting forever.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._portal: object = None
        self._changed = threading.Condition()
        self._under_way = 0

    def call(self, function: Callable[[], T]) -> T:
        """Call a function of the client. Raises EventLoopError when the loop is blocked."""
        portal: Any = getattr(self._client, "blocking_portal", None) or getattr(self._client, "portal", None)
        stack: Any = getattr(self._client, "exit_stack", None)
        if stack is None or not hasattr(portal, "start_task_soon"):  # outside a `with` Litestar's `portal` is a method
            return function()
        runs = threading.Event()

        def schedule() -> None:
            with suppress(RuntimeError):  # the loop has ended, and the next call says so
                portal.start_task_soon(lambda: None)  # blocks as long as the loop does
            runs.set()

        threading.Thread(target=schedule, name="pytest-pixazo probe", daemon=True).start()
        if not runs.wait(PATIENCE):
            raise EventLoopError(_CLIENT_BLOCKED)
        with self._changed:
            self._under_way += 1
            if portal is not self._portal:
                self._portal = portal
                stack.callback(self._leave, stack)
        try:
            return function()
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _leave(self, stack: Any) -> None:
        """Called first when the client is closed.

        Raises InboxError if the app is still responding after two seconds; a daemon thread then waits for it.
        """
        with self._changed:
            is_idle = self._changed.wait_for(lambda: not self._under_way, STOP_DEADLINE)
        if not is_idle:
            threading.Thread(target=stack.pop_all().close, name="pytest-pixazo end", daemon=True).start()
            raise InboxError(_CLIENT_WAITS)


def running_loop() -> Callable[[Coroutines[HttpResponse]], HttpResponse] | None:
    """Runs a coroutine function from another thread on the asyncio or trio loop that runs in this thread; None without one."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return lambda function: _on_loop(
            loop.call_soon_threadsafe, lambda: _result(asyncio.run_coroutine_threadsafe(function(), loop), _ENDED)
        )
    trio = sys.modules.get("trio")
    if trio is None or not trio.lowlevel.in_trio_run():
        return None
    token = trio.lowlevel.current_trio_token()

    def on_trio(function: Coroutines[HttpResponse]) -> HttpResponse:
        try:
            response: HttpResponse = _on_loop(
                token.run_sync_soon, lambda: trio.from_thread.run(function, trio_token=token)
            )
        except (trio.RunFinishedError, trio.Cancelled):
            raise EventLoopError(_ENDED) from None
        return response

    return on_trio


def _on_loop(schedule: Callable[[Callable[[], object]], object], run: Callable[[], T]) -> T:
    """Run something on the loop of a test, once the loop has shown that it is not blocked."""
    runs = threading.Event()
    try:
        schedule(runs.set)
    except RuntimeError:  # the loop is closed; trio.RunFinishedError is a RuntimeError, too
        raise EventLoopError(_ENDED) from None
    if not runs.wait(PATIENCE):
        raise EventLoopError(_BLOCKED)
    return run()


def _result(future: Future[T], cancelled: str) -> T:
    try:
        return future.result(LONGEST)
    except CancelledError:
        raise EventLoopError(cancelled) from None
    except TimeoutError:
        if not future.cancel():
            raise  # the app raised it
        raise EventLoopError(f"the app did not respond within {LONGEST:g} s") from None
