"""The receiver: a small HTTP server that receives the gateway's callbacks and behaves as a probe asks."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, cast
from urllib.parse import unquote, urlsplit

from pixazo_contracts.probes import Headers, ReceiverUrl
from pixazo_contracts.trace import Callback, members_of, split_url, whole_number

from .recorder import Recorder
from .redactor import RECEIVER
from .run_clock import RunClock

#: The longest callback that is read, in bytes, and how long a peer may take to send one, in seconds.
MOST_BODY: Final = 1024 * 1024
PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverAddress:
    """Where the receiver listens, and how the gateway reaches it if that is not the same."""

    host: str = "127.0.0.1"
    port: int = 0
    public_url: str | None = None

    @property
    def path(self) -> str:
        """The path of the public URL, which precedes our own paths."""
        return urlsplit(self.public_url or "").path.rstrip("/")

    @property
    def query(self) -> str:
        """The query of the public URL, which precedes our own query."""
        return urlsplit(self.public_url or "").query

    @property
    def secrets(self) -> tuple[str, ...]:
        """The parts of the public URL that may be tokens: user name, password, segments of the path, values of the query."""
        user = urlsplit(self.public_url or "").netloc.rpartition("@")[0]
        values = (value for _, _, value in (pair.partition("=") for pair in self.query.split("&")))
        parts = [user, *user.split(":"), *self.path.split("/"), self.query, *values]
        return tuple(dict.fromkeys(form for part in parts for form in (part, unquote(part)) if form))

    @property
    def contexts(self) -> tuple[tuple[str, str], ...]:
        """Each secret part in the context of our URLs, even a short one, and its replacement."""
        user = urlsplit(self.public_url or "").netloc.rpartition("@")[0]
        found = [(f"//{user}@", f"//{RECEIVER}@")] if user else []
        found += [(f"{self.path}/{name}/", f"/{RECEIVER}/{name}/") for name in ("hook", "image") if self.path]
        return (*found, *([(f"?{self.query}&run=", f"?{RECEIVER}&run=")] if self.query else []))


class Receiver(ThreadingHTTPServer):
    """Listens on one port, gives each use its own URL, and responds at each as its `ReceiverUrl` says."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, run: str, clock: RunClock, address: ReceiverAddress) -> None:
        super().__init__((address.host, address.port), _Handler)
        self._run = run
        self.clock = clock
        self._lock = threading.Lock()
        self._urls: dict[str, ReceiverUrl] = {}
        self._seen: dict[str, int] = {}
        self._recorder: Recorder | None = None
        self._on_callback: Callable[[Callback], None] | None = None
        public, here = urlsplit(address.public_url or ""), f"http://{address.host}:{self.server_port}"
        self._path, self._query = address.path, address.query
        self.url = f"{public.scheme}://{public.netloc}{self._path}" if address.public_url else here
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="receiver", daemon=True)

    def start(self, recorder: Recorder, on_callback: Callable[[Callback], None]) -> None:
        """Begin to listen. `on_callback` is called in the thread of a request, after it is recorded and before the response."""
        self._recorder, self._on_callback = recorder, on_callback
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()

    def open(self, step: ReceiverUrl) -> str:
        """A new URL that behaves as the step says: path and query contain a token of this run, the query also what must stay encoded."""
        with self._lock:
            token = f"{self._run}-{len(self._urls) + 1}-{step.name}"
            path = f"/image/{token}.png" if step.image else f"/hook/{token}"
            self._urls[path] = step
        query = "&".join(filter(None, [self._query, f"run={self._run}", f"use={step.name}%26%2B"]))
        return f"{self.url}{path}?{query}" if self._query or not step.image else f"{self.url}{path}"

    def respond(self, method: str, target: str, headers: Headers, body: bytes) -> tuple[int, dict[str, str], float]:
        """Record a request, even if a tunnel has cut its path; returns status, headers and delay (seconds) of the response."""
        at = self.clock.now()
        path = split_url(target).path.removeprefix(self._path)
        public = target if target.startswith(self._path) else f"{self._path}{target}"
        with self._lock:
            seen = self._seen[path] = self._seen.get(path, 0) + 1
            url = self._urls.get(path)
        status, location, delay = HTTPStatus.OK, {}, 0.0
        if url is None or url.image:
            status = HTTPStatus.OK if path.startswith("/redirected/") else HTTPStatus.NOT_FOUND
        elif url.redirects:
            status = HTTPStatus.TEMPORARY_REDIRECT
            location = {"Location": f"{self.url}/redirected/{path.rpartition('/')[2]}"}
        else:
            status = HTTPStatus.INTERNAL_SERVER_ERROR if seen <= url.fails else HTTPStatus.OK
            delay = url.delay
        if self._recorder is not None and self._on_callback is not None:
            shown = target[target.index(path) :] if path.startswith("/redirected/") else public
            self._on_callback(self._recorder.receive(method, shown, headers, body, status, at))
        return status, location, delay

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing when a caller hangs up: a gateway may give up on a slow receiver, which a probe provokes."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed wants a socket, but any value is passed on


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def _body(self) -> bytes | None:
        """The request's body; None if it is too long or malformed."""
        if "chunked" not in (self.headers.get("Transfer-Encoding") or "").lower():
            length = whole_number(self.headers.get("Content-Length") or "0")
            return self.rfile.read(length) if length is not None and length <= MOST_BODY else None
        body, size = b"", 1
        while size and len(body) <= MOST_BODY:
            try:
                size = int(self.rfile.readline(64).partition(b";")[0], 16)
            except ValueError:
                return None
            if size < 0:
                return None
            body += self.rfile.read(min(size, MOST_BODY))
            self.rfile.readline(64)
        return None if size else body

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        receiver = cast("Receiver", self.server)
        status, headers, delay = receiver.respond(self.command, self.path, tuple(self.headers.items()), body)
        if delay:
            receiver.clock.delay(delay)
        # A challenge is echoed, as the upstream provider asks of a `callback_url`.
        challenge = members_of(body).get("challenge")
        content = json.dumps({"ok": True} if challenge is None else {"challenge": challenge}).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - names of http.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of http.server
        """Print nothing: the trace has every request."""
