"""The protocol's own way to the gateway: the same bytes, journal and money as by ASGI."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, cast

import msgspec
import pytest
from tests.caller import GENERATE, IMAGE_TO_VIDEO, STATUS
from tests.simulator.server.raw_socket import request

from pixazo_simulator import spec
from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant
from pixazo_simulator.script.builder import EXAMPLES
from pixazo_simulator.script.rule import Reply, Rule
from pixazo_simulator.server.asgi import Application
from pixazo_simulator.server.threaded import Configuration, Connections
from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.world import AdvanceClock, Settings, Worlds

BEAR = b'{"prompt":"A bear"}'
Talk = Callable[["Conversation"], Coroutine[Any, Any, None]]
VIDEOS = {f"{side}-{seconds}.mp4": b"tkhd pasp" * 300 for side in ("768P", "1080P") for seconds in (6, 10)}
LONG = 4_000.0
"""Seconds; more than any fault waits."""


class Line:
    """A transport that keeps what is written, and how the connection ended."""

    def __init__(self) -> None:
        self.sent, self.end = b"", ""

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = self.end or "reset"

    def is_closing(self) -> bool:
        return bool(self.end)

    def get_extra_info(self, name: str, _: object = None) -> Any:
        return self if name == "socket" else None

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", 8900)

    getpeername = getsockname

    def setsockopt(self, *_: object) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class HurriedLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes at once when nothing else is to be done."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Seconds."""
        return self.now


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: HurriedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.now += timeout or 0
        return super().select(0)


class Conversation:
    """What is sent to one gateway over one connection after another, and what comes back."""

    def __init__(self, settings: Settings, change: Mutant | Variant | None, *, direct: bool) -> None:
        if change:
            settings = change.edits.settings(settings)
        self.worlds = Worlds(settings, VIDEOS)
        application = Application(self.worlds, change)
        way = application.direct if direct else None
        assert bool(way) is direct or settings.policy.cors != "off"
        self._config = Configuration(application, protocol=application.protocol, direct=way)
        self._protocol, self.line, self.replies = application.protocol, Line(), list[tuple[bytes, str]]()
        self._connect()

    def _connect(self) -> None:
        self.line = Line()
        self.connection = self._protocol(self._config, Connections(), {})
        self.connection.connection_made(cast("asyncio.Transport", self.line))

    async def send(self, *pieces: bytes) -> None:
        """Send the pieces of one request or more, and wait for what comes back; a connection that has ended is replaced."""
        for piece in pieces:
            self.connection.data_received(piece)
        end = asyncio.get_running_loop().time() + LONG
        while not self.line.end and (self.connection.is_responding() or self.connection.flow.read_paused):
            if asyncio.get_running_loop().time() > end:
                self.line.end = "silence"
            await asyncio.sleep(1)
        self.replies.append((self.line.sent, self.line.end))
        self.line.sent = b""
        if self.line.end:
            self.connection.connection_lost(None)
            self._connect()

    def seen(self) -> list[Any]:
        """Every response, the journals, the ledgers."""
        journals = [self.worlds.unmatched, *(world.journal for world in self.worlds)]
        exchanges = [msgspec.structs.replace(each, elapsed=0) for journal in journals for each in journal]
        return [self.replies, exchanges, [world.account.ledger.entries(spec.LAST_INSTANT) for world in self.worlds]]


async def calls(to: Conversation) -> None:
    """Calls of every kind, each twice: the second time its head is known."""
    await to.send(request("POST", GENERATE, BEAR))
    world = to.worlds.get("sim-key")
    assert world
    identity = next((each.request_id for each in world.generations()), "none")
    read = request("GET", STATUS + identity, content_type="", content_length="")
    for _ in range(2):
        await to.send(request("POST", GENERATE, BEAR))
        await to.send(request("POST", GENERATE, b'{"prompt":"","duration":7,"style":1}'))
        await to.send(request("POST", GENERATE, BEAR, x_webhook_url="http://127.0.0.1:9/hook"))
        await to.send(request("POST", GENERATE, BEAR, key="nobody"))
        await to.send(
            request("POST", IMAGE_TO_VIDEO, b'{"prompt":"A bear","first_frame_image":"https://a.test/bear.jpg"}')
        )
        await to.send(read)
        await to.send(request("GET", f"{STATUS}x%79z?a=b&subscription-key=sim-key", key=""))
        await to.send(request("HEAD", STATUS + identity), read)
        world.apply(AdvanceClock(world.clock.now() + 40_000))
        await to.send(request("GET", f"/v1/{identity}/output.mp4", range="bytes=3-7"))


async def forms(to: Conversation) -> None:
    """What HTTP allows, and some of what it does not."""
    read, whole = request("GET", STATUS + "x", content_type="", content_length=""), request("POST", GENERATE, BEAR)
    chunked = request("POST", GENERATE, content_length="", transfer_encoding="chunked")
    for _ in range(2):
        await to.send(request("POST", GENERATE, b"{"))
        await to.send(request("POST", IMAGE_TO_VIDEO, b'{"prompt":"A bear"}', content_type="text/plain"))
        await to.send(request("GET", "/nowhere") + read + request("GET", "/_sim/health") + read)
        await to.send(whole[:30], whole[30:-5], whole[-5:])
        await to.send(whole)
        for end in range(len(whole)):
            await to.send(whole[:end], whole[end:])
        await to.send(b"\r\n", b"\r\n" + whole + b"\r\n", whole)
        await to.send(request("POST", GENERATE, b'{"prompt":"%s"}' % (b"a" * 70_000)))
        await to.send(request("POST", GENERATE, b'{"prompt":"%s"}' % (b"a" * 3_000)))
        await to.send(request("POST", "/another-model/v1/generate", BEAR))
        await to.send(chunked + b"13\r\n" + BEAR + b"\r\n0\r\n\r\n" + read)
        await to.send(request("POST", GENERATE, BEAR, expect="100-continue"))
        await to.send(request("GET", STATUS + "x", b"body"))
        await to.send(request("POST", GENERATE, content_length="99999999"))
        await to.send(read.replace(b"HTTP/1.1", b"HTTP/1.0"))
        await to.send(request("POST", GENERATE, BEAR, connection="close") + whole)
        await to.send(request("GET", STATUS + "x", connection="upgrade", upgrade="h2c") + read)
        await to.send(read * 200)
        await to.send(read + b"nonsense\r\n\r\n" + read)
        await to.send(read[:-2] + b"host: b\r\n\r\n")
        await to.send(read[:-2] + b"x: " + b"a" * 70_000)


def both_ways(settings: Settings, change: Mutant | Variant | None = None, talk: Talk = calls) -> None:
    """Hold the same conversation on both ways."""

    async def run(*, direct: bool) -> list[Any]:
        conversation = Conversation(settings, change, direct=direct)
        await talk(conversation)
        return conversation.seen()

    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        directly, by_asgi = (runner.run(run(direct=direct)) for direct in (True, False))
    assert directly == by_asgi


REPLIES = {
    "json": Reply(status=200, json={"a": 1}),
    "text": Reply(status=503, text="later", retry_after=3),
    "no content": Reply(status=204),
    "not modified": Reply(status=304),
    "an error": Reply(status=402),
    "headers": Reply(status=429, headers={"X-Odd": "1", "Connection": "close"}),
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_fault(kind: str) -> None:
    """Faults that wait, cut or garble are left to ASGI, whichever request they strike; all others are not."""
    both_ways(Settings(script=(EXAMPLES[kind],)))


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("when", ["submit", "status", "media"])
def test_every_reply(reply: str, when: Any) -> None:
    both_ways(Settings(script=(Rule(when=when, reply=REPLIES[reply], times=3),)))


@pytest.mark.parametrize(
    "values", [{}, {"cors": "on"}, {"cache_control": "no_store"}, {"rate_limit": "9/60"}, {"body_limit": 40}]
)
def test_policies(values: dict[str, Any]) -> None:
    """Those about requests and headers."""
    both_ways(Settings(policy=PROFILES["documented"].changed(values)))


def test_every_form_of_a_request() -> None:
    """Pipelined, in pieces, chunked, of HTTP/1.0, refused."""
    both_ways(Settings(), talk=forms)


def test_a_slow_reader_is_not_written_to() -> None:
    """While the transport holds as much as it should, nothing is answered directly, and no more is read; then all is, in order."""

    async def run() -> tuple[bytes, bool, bytes]:
        to = Conversation(Settings(), None, direct=True)
        reads = [request("GET", f"{STATUS}{number}") for number in range(100)]
        to.connection.pause_writing()
        to.connection.data_received(b"".join(reads))
        await asyncio.sleep(1)
        before, is_paused = to.line.sent, to.connection.flow.read_paused
        to.connection.resume_writing()
        await to.send()
        return before, is_paused, to.replies[0][0]

    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        before, is_paused, after = runner.run(run())
    assert (before, is_paused, after.count(b"HTTP/1.1 404 ")) == (b"", True, 100)


def test_a_server_that_stops_waits_for_the_rest_of_a_body() -> None:
    """As for that of any other request; then the connection is closed."""

    async def run() -> list[tuple[bytes, str]]:
        to = Conversation(Settings(), None, direct=True)
        whole = request("POST", GENERATE, BEAR)
        await to.send(whole)
        to.connection.data_received(whole[:-5])
        to.connection.shutdown()
        await to.send(whole[-5:])
        return to.replies

    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        (first, _), (last, end) = runner.run(run())
    assert [first[:13], last[:13], end] == [b"HTTP/1.1 202 ", b"HTTP/1.1 202 ", "closed"]
    assert b"connection: close" in last


@pytest.mark.parametrize("change", [*MUTANTS, *VARIANTS], ids=lambda change: change.name)
def test_every_mutant(change: Mutant | Variant) -> None:
    both_ways(Settings(), change)
