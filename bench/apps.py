"""What the peers serve: programs of their own, which answer with the bytes that the simulator has answered with.

The folder that BENCH_ANSWERS names holds them: `read` and `submit`. `uvicorn --factory bench.apps:NAME` and
`python -m bench.apps NAME PORT` run one.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SUBMIT_PATH = "/minimax-hailuo-ai/v1/generate"
STATUS_PATH = "/v2/requests/status/"
PEER_STATUS = f"{STATUS_PATH}minimax-hailuo-ai_019d4355-f500-7eb3-9ee6-a9a84c50a6cd"
"""What is read of the peers: as long as any of ours."""
JSON = b"application/json"


def answer(name: str) -> bytes:
    """The bytes of the answer to a `read` or `submit`."""
    return Path(os.environ["BENCH_ANSWERS"], name).read_bytes()


def raw() -> ASGIApp:
    """The reference: the least that an ASGI application can do."""

    def messages(status: int, body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        headers = [(b"content-type", JSON), (b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "status": status, "headers": headers}
        return start, {"type": "http.response.body", "body": body}

    read, submit = messages(200, answer("read")), messages(202, answer("submit"))

    async def constant(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - the body is not read
        start, body = submit if scope["method"] == "POST" else read
        await send(start)
        await send(body)

    return constant


def starlette() -> ASGIApp:
    """Two routes that return constant bytes."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    read, submit = answer("read"), answer("submit")

    async def status(_: Request) -> Response:
        return Response(read, media_type="application/json")

    async def generate(request: Request) -> Response:
        await request.body()
        return Response(submit, 202, media_type="application/json")

    return Starlette(
        routes=[Route(STATUS_PATH + "{request_id}", status), Route(SUBMIT_PATH, generate, methods=["POST"])]
    )


def fastapi() -> ASGIApp:
    """Two path operations that return an object, as its tutorial has them."""
    import json

    from fastapi import FastAPI

    read, submit = json.loads(answer("read")), json.loads(answer("submit"))
    app = FastAPI()

    async def status(request_id: str) -> Any:  # noqa: ARG001 - one parameter, as the route has
        return read

    async def generate(body: dict[str, Any]) -> Any:  # noqa: ARG001 - parsed, as by any fake
        return submit

    app.get(STATUS_PATH + "{request_id}")(status)
    app.post(SUBMIT_PATH, status_code=202)(generate)
    return app


class _RawProtocol(asyncio.Protocol):
    """httptools and one write for a request: what a protocol that answers itself could reach."""

    replies: tuple[bytes, bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        import httptools

        self._write: Callable[[bytes], None] = transport.write  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._write(self.replies[self._parser.get_method() == b"POST"])


def protocol(port: int) -> None:
    """Serve the protocol until the process ends."""
    import uvloop

    def reply(status: bytes, body: bytes) -> bytes:
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        return head % (status, len(body)) + body

    _RawProtocol.replies = reply(b"200 OK", answer("read")), reply(b"202 Accepted", answer("submit"))

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_RawProtocol, "127.0.0.1", port, backlog=2048)
        await server.serve_forever()

    uvloop.run(serve())


def httpserver(port: int) -> None:
    """pytest-httpserver with two handlers, until the process ends."""
    # By name: only the dependencies of `tox -e bench` include it.
    server: Any = import_module("pytest_httpserver").HTTPServer("127.0.0.1", port, threaded=True)
    server.expect_request(SUBMIT_PATH, method="POST").respond_with_data(
        answer("submit"), 202, None, None, JSON.decode()
    )
    server.expect_request(re.compile(STATUS_PATH)).respond_with_data(answer("read"), 200, None, None, JSON.decode())
    server.start()
    threading.Event().wait()


def simulator(port: int) -> None:
    """`pixazo-sim serve`, which also notes in the file BENCH_COLLECTED how long a full collection takes on SIGUSR1."""
    from pixazo_simulator.cli import main

    def collect(*_: object) -> None:
        began = time.perf_counter()
        gc.collect()
        took = time.perf_counter() - began
        place = Path(os.environ["BENCH_COLLECTED"])
        place.with_suffix(".part").write_text(str(took), encoding="ascii")
        place.with_suffix(".part").replace(place)

    signal.signal(signal.SIGUSR1, collect)
    sys.argv = ["pixazo-sim", "serve", "--port", str(port), "--balance", "100000000"]
    main()


if __name__ == "__main__":
    programs: dict[str, Callable[[int], None]] = {
        "protocol": protocol, "httpserver": httpserver, "simulator": simulator,
    }  # fmt: skip
    programs[sys.argv[1]](int(sys.argv[2]))
