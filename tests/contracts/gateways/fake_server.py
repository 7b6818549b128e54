"""The fake gateway behind a real socket: real time, some times as fast, callbacks posted by a thread."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.contracts.gateways.fake_gateway import Answered, Ask, FakeGateway, Reply, Work
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


def call(gateway: FakeGateway, request_id: str, url: str, body: bytes, *, retry: float = 5.0) -> None:
    """Post one callback; one that is not taken is tried once more."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    # Without proxies: to look for them reads the environment, which pytest changes meanwhile.
    opener = urllib.request.build_opener(_NoRedirect(), urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=PATIENCE).close()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500:
            gateway.again(request_id, url, retry)
    except OSError:
        gateway.again(request_id, url, retry)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


@contextmanager
def listening(answer: Callable[[Ask], Answered]) -> Generator[str]:
    """A server on a free port that answers so: gives its origin."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answered = answer(Ask(self.command, self.path, headers, body, headers["host"]))
            if answered is None:
                self.close_connection = True
                return
            code, more, content = answered
            self.send_response(code)
            for name, value in {**more, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of http.server

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of http.server
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _send_callbacks(gateway: FakeGateway, stop: threading.Event) -> None:
    while not stop.wait(0.01):
        for request_id, url, body in gateway.due():
            threading.Thread(target=call, args=(gateway, request_id, url, body), daemon=True).start()


@contextmanager
def serve(
    *,
    speed: float = 20.0,
    edit: Callable[[Ask, Reply], Reply] = lambda _, reply: reply,
    tell: Callable[[dict[str, object]], dict[str, object]] = lambda body: body,
    plan: Callable[[Work], Work] = lambda work: work,
    hold: Callable[[Reply], float] = lambda _: 0.0,
) -> Generator[tuple[str, FakeGateway]]:
    """A gateway on a free port, its clock `speed` times as fast as ours: gives its origin and itself.

    `hold` says for how many of our seconds an answer is held back.
    """
    zero, begun = time.time(), time.monotonic()
    gateway = FakeGateway(now=lambda: zero + (time.monotonic() - begun) * speed, edit=edit, tell=tell, plan=plan)
    stop = threading.Event()
    calling = threading.Thread(target=_send_callbacks, args=(gateway, stop), daemon=True)
    calling.start()

    def answer(ask: Ask) -> Answered:
        reply = gateway.answer(ask)
        time.sleep(hold(reply))
        return reply.answered()

    try:
        with listening(answer) as origin:
            yield origin, gateway
    finally:
        stop.set()
        calling.join()
