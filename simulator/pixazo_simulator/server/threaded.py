"""How uvicorn is configured, and its server in a thread of its own, which any other thread can call and stop."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
from collections import Counter
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import uvicorn
from uvicorn.server import ServerState

from pixazo_simulator.spec import LAST_PORT
from pixazo_simulator.world import real_clock

from .http import DirectWay, GatewayProtocol, Heads

if TYPE_CHECKING:
    from ssl import SSLContext

    from starlette.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")

BACKLOG = 2048
"""Connections that may wait to be accepted."""
KEEP_ALIVE = 75
"""Seconds after which an idle connection is closed: far more than the 5 to 10 s between two polls that the page recommends."""
START_TIMEOUT = 10.0
"""Seconds within which a server must start."""
STOP_TIMEOUT = 0.5
"""Seconds within which requests in progress must end once the server stops; the lifespan has the same, and so do the tasks left then."""
STOP_DEADLINE = 2.0
"""Seconds after which a stop returns, whatever is still running."""
LOOK_AGAIN = 1.0
"""Seconds after which a thread that waits for a result checks whether the server is still running."""
_STOPPED = "the simulator was stopped before it could answer"


class SimulatorError(Exception):
    """The server cannot start, or is not running; the message names the remedy."""


class Connections(ServerState):
    """The connections of one port; once `is_closed`, a connection that was still being accepted is reset."""

    is_closed = False


class Configuration(uvicorn.Config):
    """How uvicorn serves the application, without header or log of its own; `direct` answers without ASGI, `tls` is for https."""

    def __init__(
        self,
        app: ASGIApp,
        lifespan: Literal["on", "off"] = "off",
        protocol: type[GatewayProtocol] = GatewayProtocol,
        direct: DirectWay | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self.direct = direct
        self.heads: dict[tuple[str | None, tuple[str, int | None] | None], Heads] = {}
        super().__init__(
            _cancellable(app), http=protocol, ws="none", lifespan=lifespan, log_config=None, access_log=False,
            server_header=False, date_header=False, proxy_headers=False, backlog=BACKLOG, timeout_keep_alive=KEEP_ALIVE,
            ssl_context_factory=(lambda _config, _default: tls) if tls else None,
        )  # fmt: skip


def _cancellable(app: ASGIApp) -> ASGIApp:
    """The application, without the traceback that uvicorn logs for a request that is cancelled because the server stops."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return serve


class ThreadedServer(uvicorn.Server):
    """uvicorn's server in a thread of its own; it waits for events where uvicorn polls every 100 ms."""

    def __init__(self, listener: socket.socket, name: str, config: Configuration) -> None:
        super().__init__(config)
        self.server_state: Connections = Connections()
        # The prefix of the name keeps the thread out of the plugin's virtual time.
        self.thread = threading.Thread(target=self._run, args=(listener,), name=f"pixazo-sim:{name}", daemon=True)
        self._accepting = threading.Event()
        self._ended: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unended: list[str] = []
        self._is_left = False
        self._process = os.getpid()

    def start(self) -> None:
        """Start the thread; returns when connections are accepted. Raises SimulatorError when that takes too long."""
        self.thread.start()
        in_time = self._accepting.wait(START_TIMEOUT)
        if self._loop is None:
            problem = "its thread has ended, see the log"
            if not in_time:
                problem = (
                    f"after {START_TIMEOUT:g} s its thread is in {thread_position(self.thread)}; start it when the machine is "
                    "less busy, or in a process of its own with `pixazo-sim serve`"
                )
            self.stop()
            raise SimulatorError(f"the server {self.thread.name} did not start: {problem}")

    def _run(self, listener: socket.socket) -> None:
        """Run to the end. Not by asyncio.Runner: it waits for tasks that ignore their cancellation."""
        with listener:
            try:
                loop = _new_loop()
                try:
                    loop.run_until_complete(self.serve(sockets=[listener]))
                finally:
                    loop.close()
            finally:
                self._accepting.set()  # for a start that waits for a thread that ends first

    def stop(self) -> list[str]:
        """End the thread, from any other one; returns what did not end."""
        self.should_exit = True
        if self._loop and self._ended:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._ended.set)
        self.thread.join(STOP_DEADLINE)
        self._is_left = self.thread.is_alive()
        return [thread_position(self.thread)] if self._is_left else self._unended

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop, from any other thread, and wait for its result."""
        result = self.schedule(coroutine)
        try:
            while not result.done():
                with suppress(TimeoutError):
                    result.exception(LOOK_AGAIN)
                # A closed loop, or one whose thread did not end in time, may never call what was scheduled.
                if (self._reachable().is_closed() or self._is_left) and not result.done():
                    raise SimulatorError(_STOPPED)
            return result.result()
        except CancelledError:
            raise SimulatorError(_STOPPED) from None

    def schedule(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the server's loop soon, from any other thread. Raises SimulatorError when it is not running."""
        try:
            # In a context of its own: by the context of a thread on trio, the HTTP library would take this loop for trio's.
            return Context().run(asyncio.run_coroutine_threadsafe, coroutine, self._reachable())
        except (SimulatorError, RuntimeError) as error:  # RuntimeError: the loop is closed
            coroutine.close()
            raise error if isinstance(error, SimulatorError) else SimulatorError(_STOPPED) from None

    def _reachable(self) -> asyncio.AbstractEventLoop:
        """The loop, if this thread may wait for it."""
        if self._loop is None:
            raise SimulatorError("the server has not started")
        self.check_process()
        if self.thread is threading.current_thread():
            raise SimulatorError("the server's own thread cannot wait for it")
        return self._loop

    def check_process(self) -> None:
        """Raise SimulatorError in a process that was forked from that of the server."""
        if self._process != os.getpid():
            raise SimulatorError(
                "the simulator runs in the process that this one was forked from: call its URL instead"
            )

    async def main_loop(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self._accepting.set()
        if not self.should_exit:
            await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, let the requests in progress end, end the lifespan, cancel the tasks that are left: each within a time-out."""
        await self._close_port(sockets or ())
        await self._end_requests()
        await self._end_lifespan()
        await self._end_tasks()

    async def _close_port(self, sockets: Sequence[socket.socket]) -> None:
        self.server_state.is_closed = True
        # asyncio's own loop fails to begin a connection that it has accepted when its server is closed, and leaves the socket open.
        with suppress(NotImplementedError):  # the loop of Windows has no readers
            for listener in sockets:
                asyncio.get_running_loop().remove_reader(listener)
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for listener in sockets:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()

    async def _end_requests(self) -> None:
        tasks = set(self.server_state.tasks)
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # connection_lost is called in the next iteration of the loop
        for task in late:
            task.cancel()

    async def _end_lifespan(self) -> None:
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self.lifespan.shutdown()
        except TimeoutError:
            self._unended = _names(_others())
            # One line names it; the tracebacks of the tasks that are cancelled now are not logged.
            self.lifespan.logger = logging.Logger("uvicorn.error", logging.CRITICAL)  # noqa: LOG001 - used only here

    async def _end_tasks(self) -> None:
        left = _others()
        for task in left:
            task.cancel()
        late = await _unended(left)
        for task in late:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - the warning names it
        self._unended = _names(late) or self._unended
        await _unended({asyncio.ensure_future(asyncio.get_running_loop().shutdown_asyncgens())})


def _others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}


async def _unended(tasks: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    return (await asyncio.wait(tasks, timeout=STOP_TIMEOUT / 2))[1] if tasks else set()


def _names(tasks: set[asyncio.Task[Any]]) -> list[str]:
    names = Counter(str(getattr(task.get_coro(), "__qualname__", task.get_name())) for task in tasks)
    del names["LifespanOn.main"]  # of uvicorn, which only waits for others
    return [f"{name} ({count})" if count > 1 else name for name, count in sorted(names.items())]


def thread_position(thread: threading.Thread) -> str:
    """The code that a hanging thread executes: function, file and line."""
    frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 - documented, in spite of its name
    frame = frames.get(thread.ident or 0)
    return f"{frame.f_code.co_qualname}, {frame.f_code.co_filename}:{frame.f_lineno}" if frame else thread.name


def _resolved(host: str, port: int) -> tuple[int, str]:
    """Family and address of a host. An IPv4 address is not looked up: that would import the IDNA codec."""
    with suppress(OSError, ValueError):
        socket.inet_pton(socket.AF_INET, host)
        return socket.AF_INET, host
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return family, str(address[0])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; on `::` it takes IPv4 connections, too, where the system allows that.

    Raises SimulatorError with the reason and the remedy, also where no server can run in a thread.
    """
    library = threading.get_ident.__module__.partition(".")[0]
    # So it is called in CPython and PyPy. Where a library has replaced threads by greenlets, our event loop would block all of them forever.
    if library not in ("_thread", "thread"):
        raise SimulatorError(
            f"{library} has monkey-patched threading, but the server needs a real thread: run it in a process of its own "
            "(`pixazo-sim serve`, in pytest with --pixazo-sim-url; or your app under `pixazo-sim exec`), or patch with thread=False"
        )
    if not 0 <= port <= LAST_PORT:
        raise SimulatorError(f"port {port} is not a number from 0 to {LAST_PORT}")
    try:
        family, address = _resolved(host, port)
        both = address == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that IDNA cannot encode
        reason = str(error.strerror).partition(" (")[0] if isinstance(error, OSError) else "that is not a host name"
        raise SimulatorError(
            f"cannot listen on {host} port {port}: {reason}; choose another with --host or --port"
        ) from None


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        loop: Any = asyncio.new_event_loop()
        loop.time = real_clock
        return cast("asyncio.AbstractEventLoop", loop)
    return uvloop.new_event_loop()
