"""The receiver: a small HTTP server at which the gateway's callbacks arrive, as cooperative or not as a probe wishes."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

from pixazo_contracts.trace import is_object, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixazo_contracts.probes import Hook
    from pixazo_contracts.trace import Callback

    from .clock import RunClock


#: The longest callback that is read, in bytes, and how long a peer may take to send one, in seconds.
MOST_BODY: Final = 1024 * 1024
PATIENCE: Final = 30.0


class Record(Protocol):
    """How a request is recorded: method, target, headers, body, our answer's code, the instant of its arrival."""

    def __call__(
        self, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes, answered: int, at: float
    ) -> Callback:
        """Keep the request."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request is answered: status, where a redirect leads, after how many seconds, with which body."""

    status: int
    location: str | None
    delay: float
    body: bytes


class Receiver:
    """Listens on one port; hands out one URL a use; answers each as its hook says.

    `public_url` is how the gateway reaches us, where that is not how we listen. `on_callback` is called, in the thread of
    the request, after it was recorded and before it is answered.
    """

    def __init__(
        self,
        run: str,
        clock: RunClock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        public_url: str | None = None,
    ) -> None:
        self._run = run
        self.clock = clock
        self._lock = threading.Lock()
        self._hooks: dict[str, Hook] = {}
        self._seen: dict[str, int] = {}
        self._record: Record | None = None
        self._on_callback: Callable[[Callback], None] | None = None
        self._server = _Server((host, port), self)
        bound = self._server.server_address[1]
        self.url = (public_url or f"http://{host}:{bound}").rstrip("/")
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="receiver", daemon=True
        )

    def start(self, record: Record, on_callback: Callable[[Callback], None]) -> None:
        """Begin to listen."""
        self._record, self._on_callback = record, on_callback
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def open(self, hook: Hook) -> str:
        """A fresh URL that behaves as the hook says; its path and its query both hold a token of this run."""
        with self._lock:
            token = f"{self._run}-{len(self._hooks) + 1}-{hook.name}"
            path = f"/image/{token}.png" if hook.image else f"/hook/{token}"
            self._hooks[path] = hook
        return f"{self.url}{path}" if hook.image else f"{self.url}{path}?run={self._run}&use={hook.name}"

    def arrived(self, url: str, callbacks: list[Callback]) -> tuple[Callback, ...]:
        """Those of the callbacks that reached this URL, its query aside."""
        path = urlsplit(url).path
        return tuple(callback for callback in callbacks if urlsplit(callback.target).path == path)

    def answer(self, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Answer:
        """Record a request and say how it is answered."""
        at = self.clock.now()
        path = urlsplit(target).path
        with self._lock:
            seen = self._seen[path] = self._seen.get(path, 0) + 1
            hook = self._hooks.get(path)
        status, location, delay = _manners(hook, path, seen)
        if self._record is not None and self._on_callback is not None:
            self._on_callback(self._record(method, target, headers, body, status, at))
        return Answer(status, location, delay, _echo(body))


def _manners(hook: Hook | None, path: str, seen: int) -> tuple[int, str | None, float]:
    if hook is None:
        known = path.startswith("/redirected/")
        return (HTTPStatus.OK if known else HTTPStatus.NOT_FOUND), None, 0.0
    if hook.image:
        return HTTPStatus.NOT_FOUND, None, 0.0
    if hook.redirects:
        return HTTPStatus.TEMPORARY_REDIRECT, f"/redirected/{path.rpartition('/')[2]}", 0.0
    return (HTTPStatus.INTERNAL_SERVER_ERROR if seen <= hook.fails else HTTPStatus.OK), None, hook.delay


def _echo(body: bytes) -> bytes:
    """A challenge is echoed, as the upstream provider asks of a `callback_url`; anything else is thanked for."""
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    challenge = value.get("challenge") if is_object(value) else None
    return json.dumps({"ok": True} if challenge is None else {"challenge": challenge}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        super().__init__(address, _Handler)
        self.receiver = receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a caller hangs up: callers that lose patience are part of the experiment."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed wants a socket, any is passed on


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def _body(self) -> bytes | None:
        """The request's body; None if it is too long or malformed."""
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            return self._chunks()
        length = whole_number(self.headers.get("Content-Length") or "0")
        return self.rfile.read(length) if length is not None and length <= MOST_BODY else None

    def _chunks(self) -> bytes | None:
        body = b""
        while len(body) <= MOST_BODY:
            try:
                size = int(self.rfile.readline(64).partition(b";")[0], 16)
            except ValueError:
                return None
            if size < 0:
                return None
            body += self.rfile.read(min(size, MOST_BODY))
            self.rfile.readline(64)
            if size == 0:
                return body
        return None

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        receiver = cast("_Server", self.server).receiver
        answer = receiver.answer(self.command, self.path, tuple(self.headers.items()), body)
        if answer.delay:
            receiver.clock.dawdle(answer.delay)
        self.send_response(answer.status)
        if answer.location is not None:
            self.send_header("Location", f"{receiver.url}{answer.location}")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - names of http.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of http.server
        """Say nothing: the trace says it."""
