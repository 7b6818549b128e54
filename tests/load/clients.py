"""Clients and a receiver of webhooks on asyncio: hundreds of connections in one thread, each of which knows every byte it got."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.caller import GENERATE, KEY_HEADER

__all__ = ["Connection", "CutError", "Tally", "UnansweredError", "percentile", "receiver"]

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class UnansweredError(Exception):
    """No byte of a response came: the connection was refused, closed or reset before."""


class CutError(Exception):
    """A response began, and did not go on to its end."""


@dataclass
class Tally:
    """What the clients of one load did: the ids they were given by key, what else was answered, and how long it took."""

    accepted: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: defaultdict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))

    @property
    def ids(self) -> list[str]:
        """All ids that were given."""
        return [each for ids in self.accepted.values() for each in ids]


class Connection:
    """A client with one connection, which it keeps and opens anew when it was closed."""

    def __init__(self, url: str, key: str, tally: Tally) -> None:
        self.key = key
        self._address = urlsplit(url).netloc
        self._tally = tally
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, target: str, body: object = None, headers: str = "") -> tuple[int, Any]:
        """The status code and the JSON of a whole response. Raises UnansweredError or CutError."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {target} HTTP/1.1\r\nHost: {self._address}\r\n{KEY_HEADER}: {self.key}\r\n{headers}"
        if content:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        began, received = time.perf_counter(), b""
        try:
            reader, writer = self._streams = self._streams or await asyncio.open_connection(*self._address.split(":"))
            writer.write(head.encode() + b"\r\n" + content)
            while not _is_whole(received):
                piece = await reader.read(65536)
                if not piece:
                    raise ConnectionResetError
                received += piece
        except ConnectionError:
            self.close()
            raise (CutError(received) if received else UnansweredError) from None
        operation = method if target == GENERATE or method == "GET" else target
        self._tally.seconds[operation].append(time.perf_counter() - began)
        lines, _, answer = received.partition(b"\r\n\r\n")
        code = int(lines[9:12])
        self._tally.codes[operation, code] += 1
        if b"\r\nconnection: close" in lines.lower():
            self.close()
        return code, json.loads(answer)

    async def submit(self, hook: str) -> str:
        """Submit a generation that must be accepted, and return its id."""
        code, answer = await self.call("POST", GENERATE, {"prompt": "A bear"}, f"X-Webhook-URL: {hook}\r\n")
        assert code == 202, answer
        identity: str = answer["request_id"]
        self._tally.accepted[self.key].append(identity)
        return identity

    async def follow(self, identity: str) -> None:
        """Read its status until it is completed."""
        while True:
            code, answer = await self.call("GET", f"/v2/requests/status/{identity}")
            assert code == 200, answer
            if answer["status"] == "COMPLETED":
                return

    def close(self) -> None:
        """Close the connection."""
        if self._streams:
            self._streams[1].close()
            self._streams = None


def _is_whole(received: bytes) -> bool:
    """Whether a response has all bytes that its head announces."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    length = _LENGTH.search(head + b"\r\n")
    assert length, head
    return len(body) >= int(length[1])


@asynccontextmanager
async def receiver() -> AsyncGenerator[tuple[str, Counter[str]]]:
    """A receiver of webhooks: its URL, and how often the webhook of each request id has arrived so far."""
    arrived: Counter[str] = Counter()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                assert length, head
                arrived[json.loads(await reader.readexactly(int(length[1])))["request_id"]] += 1
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", arrived
    finally:
        server.close()


def percentile(values: array[float], share: float) -> float:
    """The smallest value that is not exceeded by this share of them."""
    return sorted(values)[math.ceil(len(values) * share) - 1]
