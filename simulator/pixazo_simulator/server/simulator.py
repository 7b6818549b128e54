"""A simulator that listens on a real port, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from pixazo_simulator.script import plain_rules
from pixazo_simulator.spec import LOOPBACK_OF, SECOND, is_loopback_ip
from pixazo_simulator.world import DEFAULT_KEY, Begun, ChangeSettings, Settings, World, Worlds, real_date, starting

from .asgi import Application
from .files import read_models, read_videos
from .threaded import Configuration, SimulatorError, ThreadedServer, listen

if TYPE_CHECKING:
    from ssl import SSLContext

    from pixazo_simulator.control import ControlClient, TlsListener
    from pixazo_simulator.mutants import Mutant, Variant
    from pixazo_simulator.script import Rule
    from pixazo_simulator.spec import Policy
    from pixazo_simulator.state import Kept, Replayed, WorldLog
    from pixazo_simulator.webhooks import AdvanceEvent

    from .transport import App, Transport

log = logging.getLogger("pixazo_simulator")


class Simulator:
    """A running gateway: `with Simulator() as simulator: ... simulator.url`.

    `settings` are those of its worlds; it listens on `host` and `port`, where port 0 picks a free one, or on the socket `listener`.
    `change` is a mutant, which makes it wrong in one respect, or a variant, which the page allows. `state` says where its worlds are kept:
    `memory`, `memory-log`, `sqlite:FILE` or `redis://HOST:PORT/DB` (see the page on state). `models` are served besides the page's two
    operations: `all`, names, or paths of model files; ValueError for one that is neither. With `tls`, the context of a server, the port
    speaks https only. Raises SimulatorError when it cannot listen there, or cannot use the `webhook_ca` of its settings.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        change: Mutant | Variant | None = None,
        state: str = "memory",
        listener: socket.socket | None = None,
        models: Iterable[str] = (),
        tls: SSLContext | None = None,
    ) -> None:
        given = settings or Settings()
        served = (*given.models, *read_models(models))
        self.settings = replace(given, models=served, scheme="https" if tls else given.scheme)
        self._tls = tls
        self.state = state
        self._listener = listener
        self._kept: Kept | None = None
        self.change = change
        self.host = host
        self.port = port
        self._address = host
        self._application: Application | None = None
        self._server: ThreadedServer | None = None

    @classmethod
    def replaying(
        cls,
        log: WorldLog,
        *,
        key: str = DEFAULT_KEY,
        host: str = "127.0.0.1",
        port: int = 0,
        models: Iterable[str] = (),
    ) -> tuple[Self, Replayed]:
        """A simulator whose one world is that of a log (see `ControlClient.export_world`), and the result of replaying it.

        Its clock stands at the log's end; the state after each command can be looked at. Raises ValueError for an unreadable log.
        """
        from pixazo_simulator.state import Replayed, described, kept_log

        loaded = read_models(models)
        scratch = Application(Worlds(Settings(keys=(), models=loaded), read_videos())).scratch
        replayed = Replayed(log, scratch)
        policy = Settings().policy.changed({"webhook_allow": [*replayed.world.policy.webhook_allow]})
        simulator = cls(Settings(keys=(key,), policy=policy, models=loaded), host=host, port=port, state="memory-log")
        simulator._kept = kept_log(log, key, described(simulator.settings, ""), scratch)
        return simulator, replayed

    @property
    def url(self) -> str:
        """The origin to use instead of the vendor's, such as `http://127.0.0.1:8900`, https with `tls`; on loopback if it listens on all addresses."""
        host = LOOPBACK_OF.get(self._address, self.host)
        return f"{self.settings.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def is_shareable(self) -> bool:
        """Whether several processes can serve its worlds."""
        return self.state.partition("://")[0] in ("redis", "rediss", "valkey")

    @property
    def is_local(self) -> bool:
        """Whether it listens on loopback only; known once it has started."""
        return is_loopback_ip(self._address)

    @property
    def api_key(self) -> str:
        """The first key of the settings, which opens a world."""
        return self.settings.keys[0]

    @property
    def unmatched(self) -> int:
        """How many requests have reached no world so far."""
        return self._application.worlds.unmatched.total if self._application else 0

    def start(self) -> Self:
        """Start to listen; returns when connections are accepted.

        Raises SimulatorError when that takes longer than 10 s, or where threads are monkey-patched, as by gevent.
        """
        if self._server is not None:
            raise SimulatorError(
                f"the simulator is already running on port {self.port}: stop it first or create another"
            )
        settings = self.change.edits.settings(self.settings) if self.change else self.settings
        try:
            application = self._made(settings)
        except ValueError as error:  # such as a CA file or a store that cannot be used
            raise SimulatorError(str(error)) from None
        try:
            listener = self.listen()
        except SimulatorError:
            if application.log:
                _complete(application.log.close())
            raise
        self._application = application
        application.address = self._address, self.port
        config = Configuration(application, "on", application.protocol, application.direct, self._tls)
        self._server = ThreadedServer(listener, str(self.port), config)
        try:
            self._server.start()
        except SimulatorError:
            self._server = self._application = None
            raise
        return self

    def listen(self) -> socket.socket:
        """The socket on which it serves, and from now on its `port`. Raises SimulatorError."""
        listener = self._listener or listen(self.host, self.port)
        self._address, self.port = listener.getsockname()[:2]
        if self._address == "::" and not listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
            self._address = "0.0.0.0"  # noqa: S104 - IPv4, too: 127.0.0.1 can be called even where ::1 is switched off
        return listener

    def _made(self, settings: Settings) -> Application:
        """The application, with what its store contains. Raises ValueError."""
        if self.state == "memory":
            return Application(Worlds(settings, read_videos()), self.change)
        from pixazo_simulator.state import Head, MemoryStore, check_same, described, store_of

        store = MemoryStore(self._kept) if self._kept else store_of(self.state)
        begun = Begun(int(real_date() * SECOND), starting(settings.clock, settings.start)().start)
        first = ChangeSettings(policy=settings.policy, rules=plain_rules(settings.script))
        given = Head(begun, described(settings, self.change.name if self.change else ""), first=first)
        kept = store.open(given)
        # Policy and script may be those of a later change, which only the entries show.
        may_be_later = kept.head.first is not None and given.settings != kept.head.settings
        try:
            check_same(store.name, kept.head, given, but_changeable=may_be_later)
            if kept.head.first and may_be_later:
                settings = replace(settings, policy=kept.head.first.policy, script=kept.head.first.rules)
            application = Application(Worlds(settings, read_videos(), kept.head.begun), self.change)
            application.keep(store, kept)
            latest = application.worlds.settings
            if may_be_later and first != ChangeSettings(policy=latest.policy, rules=latest.script):
                check_same(store.name, kept.head, given)
        except BaseException:
            _complete(store.close())
            raise
        return application

    def stop(self) -> None:
        """Stop listening; returns when the thread has ended, or after 2 s: a warning names what continues in its daemon thread.

        Raises SimulatorError in the thread of the server, which cannot wait for itself.
        """
        server = self._server
        if server and server.thread is threading.current_thread():
            raise SimulatorError("the simulator cannot be stopped in its own thread: stop it in another")
        self._server = self._application = None
        if server and (unended := server.stop()):
            log.warning("the simulator on port %d was stopped while this still ran: %s", self.port, ", ".join(unended))

    def advance(
        self, seconds: float | None = None, *, until: datetime | str | None = None, api_key: str | None = None
    ) -> list[AdvanceEvent]:
        """Advance the clock of a world and return the events; webhook deliveries that fell due have been attempted.

        Give seconds, or `until`: `next` (when the next of these falls due) or an instant, a `datetime` with a time zone or a
        string of RFC 3339. It can serve as the `sleep` of a client under test. Raises SimulatorError when the server is not
        running, ValueError for anything but a time from now to the end of the year 9999, AdvanceError when more deliveries are
        due than one advance attempts (10,000), or when they take longer than 300 real seconds: the clock has stopped early.
        """
        server, application, world = self._running(api_key)
        if seconds is not None and until is None:
            milliseconds = world.clock.milliseconds(seconds)
        elif seconds is None and until is not None:
            milliseconds = world.milliseconds_until(until if isinstance(until, str) else until.isoformat())
        else:
            raise ValueError("give one of seconds and until")
        # On the server's loop when no time passes: it has then processed what it has received.
        events = application.dispatcher.advance_at_once(world, milliseconds) if milliseconds else None
        if events is None:
            events = server.call(application.worlds.in_steps(application.dispatcher.advance, world, milliseconds))
        return events

    def change_settings(self, *, policy: Policy | None = None, script: Iterable[Rule] | None = None) -> int:
        """Start worlds with this policy and script from now on, as `serve` does when it reads its files again.

        Worlds that still have the original policy or rules get the new ones; what was accepted keeps its plan. Returns how many
        worlds have changed. Raises SimulatorError when the server is not running, ValueError for rules that are refused.
        """
        server, application = self._serving()
        given = {"policy": policy, "script": None if script is None else tuple(script)}
        settings = replace(self.settings, **{n: each for n, each in given.items() if each is not None})
        edited = self.change.edits.settings(settings) if self.change else settings
        worlds = application.worlds
        changed = server.call(worlds.in_steps(worlds.follow, edited.policy, edited.script))
        self.settings = settings
        return changed

    def advance_quietly(self, seconds: float, *, api_key: str | None = None) -> bool:
        """Advance the clock of a world unless something falls due; returns whether it did. `/_sim` takes ten times as long."""
        with suppress(SimulatorError, TypeError, ValueError):
            _, application, world = self._running(api_key)
            milliseconds = world.clock.milliseconds(seconds)
            with application.worlds.lock:  # so that nothing is accepted between the look and the advance
                if 0 < milliseconds < world.until_next():
                    return application.dispatcher.advance_at_once(world, milliseconds) is not None
        return False

    def is_advancing(self, *, api_key: str | None = None) -> bool:
        """Whether the clock of a world is just being advanced, which may wait for the receiver of a webhook."""
        with suppress(SimulatorError):
            _, application, world = self._running(api_key)
            return application.dispatcher.is_advancing(world)
        return False

    def is_delaying(self, *, api_key: str | None = None) -> bool:
        """Whether a response of a world is still to come, after real seconds for which a fault or the policy delays it."""
        with suppress(SimulatorError):
            _, application, world = self._running(api_key)
            return application.responder.is_delaying(world)
        return False

    def monotonic(self, *, api_key: str | None = None) -> float:
        """What the clock of a world reads, in seconds; it can serve as the `monotonic` of a client under test."""
        return self._running(api_key)[2].clock.now() / SECOND

    def control(self, api_key: str | None = None) -> ControlClient:
        """A client of `/_sim` that uses no socket, for the world of `api_key`, by default the first one.

        Its methods raise SimulatorError when the server is not running.
        """
        from pixazo_simulator.control import ControlClient

        return ControlClient(self.url, api_key or self.api_key, channel=self.ask)

    def ask(self, method: str, target: str, key: str | None, body: bytes) -> tuple[int, bytes]:
        """Handle one control request, mostly on the server's loop, from any other thread; returns status code and body."""
        server, application = self._serving()
        path, _, query = target.partition("?")
        control, host, key = application.control, self.url.partition("://")[2], key or ""
        answer = None
        if server.thread is not threading.current_thread():
            answer = control.answer_at_once(method, path, query, body, host=host, key=key)
        return answer or server.call(control.answer(method, path, query, body, host=host, key=key))

    def transport(self) -> Transport:
        """A transport for clients of httpx2 and httpx, blocking or not, that uses no socket: `httpx2.Client(transport=...)`.

        It answers requests to any host as over the socket; clients and threads may share it, also while the simulator is stopped
        and started again. When it is not running, requests raise the ConnectError of the library.
        """
        from .transport import Transport

        return Transport(self._serving)

    @property
    def app(self) -> App:
        """The running simulator as an ASGI application, such as for `starlette.testclient.TestClient`; it does not start or stop the simulator."""
        from .transport import App

        return App(self._serving)

    def open_tls_listener(self, hosts: Sequence[str], *, api_key: str | None = None) -> TlsListener:
        """Open a TLS listener for a world, for code that calls one of these hosts; it closes with the server.

        Raises SimulatorError when the server is not running or the world is deleted meanwhile, ValueError for a wrong host name or too many.
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

    def _serving(self) -> tuple[ThreadedServer, Application]:
        server, application = self._server, self._application
        if application is None or server is None:
            raise SimulatorError("the simulator is not running: use it in a `with` block, or call start()")
        server.check_process()
        return server, application

    def _running(self, api_key: str | None) -> tuple[ThreadedServer, Application, World]:
        server, application = self._serving()
        worlds, key = application.worlds, api_key or self.api_key
        if worlds.log:
            world = server.call(worlds.in_steps(worlds.opened, key))
        else:
            with worlds.lock:
                world = worlds.find(key)
        if world is None:
            raise SimulatorError(worlds.missing(key, "the api_key that was given"))
        return server, application, world

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _complete(closing: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, in a thread: in that of the caller an event loop may be running."""
    thread = threading.Thread(target=asyncio.run, args=(closing,))
    thread.start()
    thread.join()
