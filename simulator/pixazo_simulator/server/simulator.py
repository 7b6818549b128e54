"""A simulator that listens on a real port, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import CancelledError, Future, wait
from contextlib import contextmanager, suppress
from contextvars import Context
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast

import uvicorn
from starlette.types import ASGIApp

from pixazo_simulator.control import LOOPBACK_OF, ControlClient, TlsListener
from pixazo_simulator.spec import SECOND
from pixazo_simulator.webhooks import AdvanceEvent
from pixazo_simulator.world import Settings, World, Worlds

from .asgi import Application
from .files import read_videos
from .http import (
    BACKLOG,
    Connections,
    GatewayProtocol,
    HeaderCaseProtocol,
    TitleCaseProtocol,
    configuration,
)

if TYPE_CHECKING:
    from pixazo_simulator.mutants import Mutant, Variant


T = TypeVar("T")

START_TIMEOUT = 10.0
"""Seconds that a server has to start."""
STOP_TIMEOUT = 0.5
"""Seconds that requests under way have to end once the server stops; the lifespan has as many, and so have the tasks left then."""
STOP_DEADLINE = 2.0
"""Seconds after which a stop returns, whatever still runs."""
LOOK_AGAIN = 1.0
"""Seconds after which a thread that waits for a result checks whether the server still runs."""
LAST_PORT = 65535
PROTOCOLS = {"any case": GatewayProtocol, "case-sensitive": HeaderCaseProtocol, "title case": TitleCaseProtocol}
"""By the letter case of header names that a mutant or variant minds."""
LIFESPAN = "LifespanOn.main"
"""The task of uvicorn in which the lifespan runs."""
_STOPPED = "the simulator was stopped before it could answer"

log = logging.getLogger("pixazo_simulator")


class SimulatorError(Exception):
    """The server cannot start, or does not run; the message names the remedy."""


class Simulator:
    """A running gateway: `with Simulator() as simulator: ... simulator.url`.

    `settings` are those of its worlds; it listens on `host` and `port`, where port 0 picks a free one. `change` is a mutant, which
    makes it wrong in one respect, or a variant, which the page allows.
    Raises SimulatorError when it cannot listen there.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        change: Mutant | Variant | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.change = change
        self.host = host
        self.port = port
        self._address = host
        self._application: Application | None = None
        self._server: ThreadedServer | None = None

    @property
    def url(self) -> str:
        """The origin to use instead of the vendor's, such as `http://127.0.0.1:8900`; on loopback if it listens on all addresses."""
        host = LOOPBACK_OF.get(self._address, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether it listens on loopback only; known once it has started."""
        return ip_address(self._address.partition("%")[0]).is_loopback

    @property
    def api_key(self) -> str:
        """The first key of the settings, which opens a world."""
        return self.settings.keys[0]

    def start(self) -> Self:
        """Start to listen; returns when connections are accepted."""
        if self._server is not None:
            raise SimulatorError(f"the simulator runs already, on port {self.port}: stop it first, or make another")
        settings = self.change.edits.settings(self.settings) if self.change else self.settings
        protocol = PROTOCOLS[self.change.edits.names if self.change else "any case"]
        application = Application(Worlds(settings, read_videos()), self.change, protocol)
        listener = listen(self.host, self.port)
        self._address, self.port = listener.getsockname()[:2]
        self._application = application
        self._server = ThreadedServer(listener, str(self.port), application, protocol)
        if not self._server.start():
            self.stop()
            raise SimulatorError(
                f"the server on port {self.port} did not start within {START_TIMEOUT:g} s: see its log"
            )
        return self

    def stop(self) -> None:
        """Stop listening; returns when the thread has ended, or after 2 s.

        A warning names what did not end; it goes on in its daemon thread. Raises SimulatorError in the thread of the server, which
        cannot wait for itself.
        """
        server = self._server
        if server and server.thread is threading.current_thread():
            raise SimulatorError("the simulator cannot be stopped in its own thread: stop it in another one")
        self._server = self._application = None
        if server and (unended := server.stop()):
            log.warning("the simulator on port %d was stopped while this still ran: %s", self.port, ", ".join(unended))

    def advance(self, seconds: float, *, api_key: str | None = None) -> list[AdvanceEvent]:
        """Advance the clock of a world and return the events; webhook deliveries that fell due have been attempted.

        It can serve as the `sleep` of a client under test. Raises SimulatorError when the server does not run, ValueError for
        anything but a number of seconds from 0 to the end of the year 9999, AdvanceError when more deliveries are due than one
        advance attempts (10,000), or when they take longer than 300 real seconds: the clock has stopped before the end.
        """
        server, application, world = self._running(api_key)
        milliseconds = world.clock.milliseconds(seconds)
        events = server.ask(lambda: application.dispatcher.advance_at_once(world, milliseconds))
        return server.call(application.dispatcher.advance(world, milliseconds)) if events is None else events

    def monotonic(self, *, api_key: str | None = None) -> float:
        """What the clock of a world reads, in seconds; it can serve as the `monotonic` of a client under test."""
        return self._running(api_key)[2].clock.now() / SECOND

    def control(self, api_key: str | None = None) -> ControlClient:
        """A client of `/_sim` that uses no socket, for the world of `api_key`, by default the first one.

        Its methods raise SimulatorError when the server does not run.
        """
        return ControlClient(self.url, api_key or self.api_key, channel=self.ask)

    def ask(self, method: str, target: str, key: str | None, body: bytes) -> tuple[int, bytes]:
        """Handle one control request on the server's loop, from any other thread; returns status code and body."""
        if self._application is None or self._server is None:
            raise SimulatorError("the simulator does not run: use it in a `with` block, or call start()")
        path, _, query = target.partition("?")
        host = self.url.removeprefix("http://")
        return self._server.call(self._application.control.answer(method, path, query, body, host=host, key=key or ""))

    def open_tls_listener(self, hosts: Sequence[str], *, api_key: str | None = None) -> TlsListener:
        """Open a TLS listener for a world, for code that calls one of these hosts; it closes with the server.

        Raises SimulatorError when the server does not run or the world is deleted meanwhile, ValueError when a host is not a host
        name or there are too many.
        """
        server, application, world = self._running(api_key)
        try:
            return server.call(application.tls_listeners.open(world, hosts))
        except LookupError as error:
            raise SimulatorError(str(error)) from None

    def close_tls_listener(self, listener: TlsListener, *, api_key: str | None = None) -> None:
        """Close a TLS listener of a world and reset its connections; nothing happens if it is closed already."""
        server, application, world = self._running(api_key)
        server.call(application.tls_listeners.close(world, listener.number))

    def _running(self, api_key: str | None) -> tuple[ThreadedServer, Application, World]:
        if self._application is None or self._server is None:
            raise SimulatorError("the simulator does not run: use it in a `with` block, or call start()")
        world = self._application.worlds.find(api_key or self.api_key)
        if world is None:
            raise SimulatorError("no world has the api_key that was given: create one with POST /_sim/worlds")
        return self._server, self._application, world

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class ThreadedServer(uvicorn.Server):
    """uvicorn's server in a thread of its own, which waits for events where uvicorn checks every 100 ms."""

    def __init__(
        self,
        listener: socket.socket,
        name: str,
        app: ASGIApp,
        protocol: type[GatewayProtocol],
        lifespan: Literal["on", "off"] = "on",
    ) -> None:
        super().__init__(configuration(app, protocol, lifespan))
        self.server_state: Connections = Connections()
        # The prefix of the name keeps the thread out of the plugin's virtual time.
        self.thread = threading.Thread(target=self._run, args=(listener,), name=f"pixazo-sim:{name}", daemon=True)
        self._accepting = threading.Event()
        self._ended: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unended: list[str] = []
        self._is_left = False
        self._process = os.getpid()

    def start(self) -> bool:
        """Start the thread; False when it accepts no connections in time."""
        self.thread.start()
        return self._accepting.wait(START_TIMEOUT)

    def _run(self, listener: socket.socket) -> None:
        """Run to the end. Not by asyncio.Runner: it waits for tasks that ignore their cancellation."""
        loop = _new_loop()
        try:
            loop.run_until_complete(self.serve(sockets=[listener]))
        finally:
            loop.close()

    def stop(self) -> list[str]:
        """End the thread, from any other one; returns what did not end."""
        self.should_exit = True
        if self._loop and self._ended:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._ended.set)
        self.thread.join(STOP_DEADLINE)
        self._is_left = self.thread.is_alive()
        return [thread_position(self.thread)] if self._is_left else self._unended

    def ask(self, function: Callable[[], T]) -> T:
        """Call a function on the server's loop, from any other thread, and wait for its result; twice as fast as `call`."""
        loop, result = self._reachable(), Future[T]()

        def run() -> None:
            try:
                result.set_result(function())
            except Exception as error:  # noqa: BLE001  # whatever it is, it is raised in the thread that waits
                result.set_exception(error)

        with _stopped_if_closed():
            loop.call_soon_threadsafe(run)
        return self._wait(result, loop)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop, from any other thread, and wait for its result."""
        try:
            loop = self._reachable()
            with _stopped_if_closed():
                # In a context of its own: by the context of a thread on trio, the HTTP library would take this loop for trio's.
                result = Context().run(asyncio.run_coroutine_threadsafe, coroutine, loop)
        except SimulatorError:
            coroutine.close()
            raise
        return self._wait(result, loop)

    def _wait(self, result: Future[T], loop: asyncio.AbstractEventLoop) -> T:
        while not wait([result], timeout=LOOK_AGAIN).done:
            # A loop that is closed, or whose thread did not end in time, may never call what was scheduled.
            if (loop.is_closed() or self._is_left) and not result.done():
                raise SimulatorError(_STOPPED)
        try:
            return result.result()
        except CancelledError:
            raise SimulatorError(_STOPPED) from None

    def _reachable(self) -> asyncio.AbstractEventLoop:
        """The loop, if this thread may wait for it."""
        if self._loop is None:
            raise SimulatorError("the server has not started")
        if self._process != os.getpid():
            raise SimulatorError(
                "the simulator runs in the process that this one was forked from: call its URL instead"
            )
        if self.thread is threading.current_thread():
            raise SimulatorError("its own thread cannot wait for the server")
        return self._loop

    async def main_loop(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self._accepting.set()
        if not self.should_exit:
            await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, let the requests under way end, end the lifespan, cancel the tasks that are left: each within a time-out."""
        self.server_state.is_closed = True
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = set(self.server_state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)  # connection_lost is called in the next iteration of the loop
            for task in late:
                task.cancel()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self.lifespan.shutdown()
        except TimeoutError:
            self._unended = _names(_others())
            # One line names it; the tracebacks of the tasks that are cancelled now are not logged.
            self.lifespan.logger = logging.Logger("uvicorn.error", logging.CRITICAL)  # noqa: LOG001 - used only here
        left = _others()
        for task in left:
            task.cancel()
        late = await _unended(left)
        for task in late:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - the warning names it
        self._unended = _names(late) or self._unended
        await _unended({asyncio.ensure_future(asyncio.get_running_loop().shutdown_asyncgens())})


@contextmanager
def _stopped_if_closed() -> Generator[None]:
    """Turn the RuntimeError of a closed loop into a SimulatorError."""
    try:
        yield
    except RuntimeError:
        raise SimulatorError(_STOPPED) from None


def _others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}


async def _unended(tasks: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    return (await asyncio.wait(tasks, timeout=STOP_TIMEOUT / 2))[1] if tasks else set()


def _names(tasks: set[asyncio.Task[Any]]) -> list[str]:
    """The names of the coroutines of tasks, with their number; not the lifespan, which only waits for others."""
    names = Counter(str(getattr(task.get_coro(), "__qualname__", task.get_name())) for task in tasks)
    return [f"{name} ({count})" if count > 1 else name for name, count in sorted(names.items()) if name != LIFESPAN]


def thread_position(thread: threading.Thread) -> str:
    """What a thread that does not end is executing: function, file and line."""
    frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 - documented, in spite of its name
    frame = frames.get(thread.ident or 0)
    return f"{frame.f_code.co_qualname}, {frame.f_code.co_filename}:{frame.f_lineno}" if frame else thread.name


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SimulatorError that names the reason and the remedy."""
    if not 0 <= port <= LAST_PORT:
        raise SimulatorError(f"port {port} is not a number from 0 to {LAST_PORT}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that IDNA cannot encode
        reason = str(error.strerror).partition(" (")[0] if isinstance(error, OSError) else "that is not a host name"
        raise SimulatorError(
            f"cannot listen on {host} port {port}: {reason}; choose another with --host or --port"
        ) from None


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
