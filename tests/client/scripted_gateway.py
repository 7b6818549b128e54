"""A scripted gateway in memory with a manual clock, for every kind of client: blocking or not, httpx2 or httpx."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import anyio
import httpx
import httpx2

from pixazo_client import AsyncPixazoClient, Generation, PixazoClient, Polling, RequestHandle

T = TypeVar("T")

KEY = "canary-5f1d"
BASE = "https://gateway.test"
ID = "minimax-hailuo-ai_019d4355-f500-7000-8000-000000000001"
STATUS_URL = "https://gateway.test/v2/requests/status/minimax-hailuo-ai_019d4355-f500-7000-8000-000000000001"
MEDIA_URL = "https://media.test/v1/bear.mp4"

MOST_REQUESTS = 2000
"""More requests than any test needs: a client that sends so many would never stop."""

ACCEPTED = {"request_id": ID, "status": "QUEUED", "polling_url": STATUS_URL}


def envelope(status: str, **members: object) -> dict[str, object]:
    """A status envelope as the page prints it, with this status."""
    return {
        "request_id": ID,
        "status": status,
        "model_id": "minimax-hailuo-ai",
        "error": None,
        "output": None,
        "created_at": "2026-03-31T10:00:00.000Z",
        "updated_at": "2026-03-31T10:00:00.000Z",
        "completed_at": None,
        **members,
    }


QUEUED = envelope("QUEUED")
PROCESSING = envelope("PROCESSING")
COMPLETED = envelope(
    "COMPLETED",
    output={"media_url": [MEDIA_URL], "media_type": "video/mp4"},
    updated_at="2026-03-31T10:00:15.000Z",
    completed_at="2026-03-31T10:00:15.000Z",
)
FAILED = envelope("FAILED", error="content policy")
ERROR = envelope("ERROR", error="upstream gone")


@dataclass(frozen=True)
class Reply:
    """A response of the gateway: a status code, and a JSON value or bytes; it takes so many seconds on the clock."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    takes: float = 0

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Failure:
    """The exchange fails with the library's exception of this name."""

    error: str


TRANSIENT: list[Reply | Failure] = [
    *map(Failure, ["ConnectError", "ConnectTimeout", "PoolTimeout", "ReadError", "ReadTimeout", "RemoteProtocolError"]),
    *(Reply(status, {}) for status in (408, 429, 500, 502, 503)),
]
"""After each of them the same read may succeed."""


@dataclass(frozen=True)
class SeenRequest:
    """A request as the gateway received it, with header names in lower case."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    at: float


class ScriptedGateway:
    """Sends the replies in order, and then the last one for ever. A pause only moves the clock, `early` seconds short."""

    def __init__(self, kind: str) -> None:
        library, _, self.backend = kind.partition("-")
        self.library: Any = {"httpx": httpx, "httpx2": httpx2}[library]
        self.script: list[Reply | Failure] = []
        self.requests: list[SeenRequest] = []
        self.pauses: list[float] = []
        self.now = 1000.0
        self.early = 0.0

    def reply(self, *responses: object) -> None:
        """Set the replies; a bare dict is the body of a 200."""
        self.script = [one if isinstance(one, Reply | Failure) else Reply(body=one) for one in responses]

    def client(self, **settings: Any) -> PixazoClient:
        """A client of this gateway. It is typed as the blocking one: the other has the same names, and `run` awaits them."""
        if self.backend:
            client: object = AsyncPixazoClient(**{**self._settings(self.http(), self._async_sleep), **settings})
            return cast("PixazoClient", client)
        return PixazoClient(**{**self._settings(self.http(), self._sleep), **settings})

    def http(self, handle: Callable[[Any], object] | None = None, **settings: Any) -> Any:
        """An HTTP client of this gateway's kind, whose requests this gateway or another handler answers."""
        kind = self.library.AsyncClient if self.backend else self.library.Client
        return kind(transport=self.library.MockTransport(handle or self.handle), **settings)

    def run(self, result: T) -> T:
        """The result of a call, awaited on an event loop of this gateway's backend if it is a coroutine."""
        if not inspect.iscoroutine(result):
            return result
        coroutine: Coroutine[Any, Any, T] = result
        return anyio.run(lambda: coroutine, backend=self.backend)

    def submit(self, **settings: Any) -> RequestHandle:
        """A handle of an accepted submission, which is not in `requests`."""
        self.reply(Reply(202, ACCEPTED))
        handle: RequestHandle = self.run(self.client(**settings).generate("A bear"))
        self.requests.clear()
        return handle

    def updates(self, handle: RequestHandle, timeout: float) -> list[Generation]:
        """Everything that iter_updates returns."""
        updates: Any = handle.iter_updates(timeout)
        return anyio.run(_gathered, updates, backend=self.backend) if self.backend else list(updates)

    @property
    def reads(self) -> list[float]:
        """The times of the status reads, in seconds on the clock."""
        return [one.at for one in self.requests if one.method == "GET"]

    def _settings(self, http: object, sleep: Callable[[float], object]) -> dict[str, Any]:
        return {
            "api_key": KEY,
            "base_url": BASE,
            "http_client": http,
            "sleep": sleep,
            "monotonic": lambda: self.now,
            "polling": Polling(random=lambda: 0.5),
        }

    def handle(self, request: Any) -> Any:
        """The transport: one request, one response."""
        assert len(self.requests) < MOST_REQUESTS, "the client does not stop asking"
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(SeenRequest(request.method, str(request.url), headers, request.content, self.now))
        response = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(response, Failure):
            raise getattr(self.library, response.error)("broken on purpose", request=request)
        self.now += response.takes
        return self.library.Response(response.status, content=response.content, headers=response.headers)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds - self.early

    async def _async_sleep(self, seconds: float) -> None:
        self._sleep(seconds)


async def _gathered(updates: AsyncIterator[Generation]) -> list[Generation]:
    return [one async for one in updates]
