"""The client on real sockets: what leaves, what comes back broken, what is never sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

import anyio
import anyio.lowlevel
import httpx
import httpx2
import pytest
from tests.client.scripted_socket import RESET, SILENCE, ScriptedSocket, nowhere, says
from tests.patience import PATIENCE

from pixazo_client import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncPixazoClient,
    DownloadError,
    PixazoClient,
)

T = TypeVar("T")

KEY = "canary-5f1d"
ACCEPTED = says(
    "202 Accepted",
    b'{"request_id":"minimax-hailuo-ai_1","status":"QUEUED","polling_url":"ORIGIN/v2/requests/status/minimax-hailuo-ai_1"}',
    "Content-Type: application/json",
    length=len(
        '{"request_id":"minimax-hailuo-ai_1","status":"QUEUED","polling_url":"/v2/requests/status/minimax-hailuo-ai_1"}'
    )
    + len("http://127.0.0.1:00000"),
)
QUEUED = says("200 OK", b'{"request_id":"minimax-hailuo-ai_1","status":"QUEUED"}')


class Blocking:
    """Talks with a PixazoClient."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def talk(self, base_url: str, talk: Callable[[PixazoClient], T], **settings: Any) -> T:
        """What a talk with the gateway at base_url comes to."""
        with self._library.Client(timeout=PATIENCE) as http:
            return talk(_client(PixazoClient, base_url, http, settings, _no_pause))


class Asynchronous:
    """Talks with an AsyncPixazoClient; the talk is written for the blocking one, which has the same names."""

    def __init__(self, library: Any, backend: str) -> None:
        self._library = library
        self._backend = backend

    def talk(self, base_url: str, talk: Callable[[PixazoClient], T], **settings: Any) -> T:
        """What a talk with the gateway at base_url comes to."""

        async def main() -> T:
            async with self._library.AsyncClient(timeout=PATIENCE) as http:
                client = _client(AsyncPixazoClient, base_url, http, settings, _no_sleep)
                return await cast("Coroutine[Any, Any, T]", talk(cast("PixazoClient", client)))

        return anyio.run(main, backend=self._backend)


def _no_pause(_: float) -> None:
    pass


async def _no_sleep(_: float) -> None:
    pass


def _client(kind: Any, base_url: str, http: object, settings: dict[str, Any], sleep: Any) -> Any:
    return kind(**{"api_key": KEY, "base_url": base_url, "http_client": http, "sleep": sleep, **settings})


HTTP_CLIENTS = [Blocking(httpx2), Blocking(httpx), Asynchronous(httpx2, "asyncio"), Asynchronous(httpx2, "trio")]


@pytest.fixture(params=HTTP_CLIENTS, ids=["httpx2", "httpx", "asyncio", "trio"])
def talker(request: pytest.FixtureRequest) -> Any:
    """Each kind of client."""
    return request.param


def test_a_submission_on_the_wire(talker: Blocking) -> None:
    """The request line, the documented headers in their spelling, the body."""
    with ScriptedSocket(ACCEPTED).serving() as gateway:
        handle = talker.talk(gateway.url, lambda client: client.generate("A bear", webhook_url="https://me.test/hook"))
    head, _, body = gateway.heard[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /minimax-hailuo-ai/v1/generate HTTP/1.1"
    for line in (
        b"Content-Type: application/json",
        b"Cache-Control: no-cache",
        b"Ocp-Apim-Subscription-Key: canary-5f1d",
        b"X-Webhook-URL: https://me.test/hook",
        b"Content-Length: 19",
    ):
        assert lines.count(line) == 1
    assert body == b'{"prompt":"A bear"}'
    assert handle.polling_url == gateway.url + "/v2/requests/status/minimax-hailuo-ai_1"


def test_an_unreachable_gateway_is_tried_again(talker: Blocking) -> None:
    """Refused connections are known not to have sent anything."""
    with pytest.raises(APIConnectionError, match="got no answer: ConnectError") as caught:
        talker.talk(nowhere(), lambda client: client.generate("A bear"))
    assert caught.value.sent is False


@pytest.mark.parametrize(
    "said", [RESET, b"", b"HTTP/1.1 202 Acc", says("202 Accepted", b"{", length=100), b"nonsense\r\n\r\n"]
)
def test_a_submission_heard_but_not_answered_is_sent_once(talker: Blocking, said: bytes) -> None:
    """CLIENT-05: reset, empty, cut in the head, cut in the body, garbled: one POST each time."""
    with (
        ScriptedSocket(said, ACCEPTED).serving() as gateway,
        pytest.raises(APIConnectionError, match="the work may exist and be charged"),
    ):
        talker.talk(gateway.url, lambda client: client.generate("A bear"))
    assert len(gateway.heard) == 1


def test_a_silent_gateway_times_out(talker: Blocking) -> None:
    """The read time-out is the one we gave; the POST is not repeated."""
    with (
        ScriptedSocket(SILENCE, ACCEPTED).serving() as gateway,
        pytest.raises(APITimeoutError, match=r"ReadTimeout.*the work may exist and be charged"),
    ):
        talker.talk(gateway.url, lambda client: client.generate("A bear"), timeout=(5, 0.05, 5, 5))
    assert len(gateway.heard) == 1


def test_a_read_heard_but_not_answered_is_sent_again(talker: Blocking) -> None:
    """Reset, then cut short, then whole."""
    with ScriptedSocket(RESET, says("200 OK", b"{", length=100), QUEUED).serving() as gateway:
        generation = talker.talk(gateway.url, lambda client: client.retrieve("minimax-hailuo-ai_1"))
    assert generation.status == "QUEUED"
    assert [one.split(b" HTTP")[0] for one in gateway.heard] == [b"GET /v2/requests/status/minimax-hailuo-ai_1"] * 3


@pytest.mark.parametrize(
    "status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]
)
def test_the_key_does_not_follow_a_redirect(talker: Blocking, status: str) -> None:
    """Neither a submission nor a read; the other host hears nothing, even from a client that follows redirects."""
    with ScriptedSocket(QUEUED).serving() as other:
        moved = says(status, b"", f"Location: {other.url}/")
        with ScriptedSocket(moved, moved).serving() as gateway:
            with pytest.raises(APIStatusError, match="redirects to"):
                talker.talk(gateway.url, lambda client: client.generate("A bear"))
            with pytest.raises(APIStatusError, match="redirects to"):
                talker.talk(gateway.url, lambda client: client.retrieve("minimax-hailuo-ai_1"))
    assert len(gateway.heard) == 2
    assert other.heard == []


def test_the_media_host_hears_no_key(talker: Blocking, tmp_path: Path) -> None:
    """CLIENT-04, on the wire, across a redirect."""
    with (
        ScriptedSocket(says("200 OK", b"video")).serving() as cdn,
        ScriptedSocket(says("302 Found", b"", f"Location: {cdn.url}/b.mp4")).serving() as media,
    ):
        path = talker.talk(nowhere(), lambda client: client.download(media.url + "/a.mp4", tmp_path))
    assert path == tmp_path / "a.mp4"
    assert path.read_bytes() == b"video"
    heard = media.heard + cdn.heard
    assert len(heard) == 2
    assert all(KEY.encode() not in one and b"ocp-apim" not in one.lower() for one in heard)


def test_a_download_of_unknown_length_has_no_total(talker: Blocking, tmp_path: Path) -> None:
    """None, not a guess; the end of the connection is the end of the file."""
    seen: list[tuple[int, int | None]] = []

    def on_progress(done: int, total: int | None) -> None:
        seen.append((done, total))

    with ScriptedSocket(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nvideo").serving() as media:
        url = media.url + "/a.mp4"
        path = talker.talk(nowhere(), lambda client: client.download(url, tmp_path, on_progress=on_progress))
    assert (path.read_bytes(), seen) == (b"video", [(5, None)])


def test_a_download_cut_short_starts_again(talker: Blocking, tmp_path: Path) -> None:
    """A body shorter than its Content-Length, a reset, then the whole."""
    with ScriptedSocket(says("200 OK", b"vid", length=5), RESET, says("200 OK", b"video")).serving() as media:
        path = talker.talk(nowhere(), lambda client: client.download(media.url + "/a.mp4", tmp_path))
    assert path.read_bytes() == b"video"
    assert [one.name for one in tmp_path.iterdir()] == ["a.mp4"]


def test_a_download_always_cut_short_leaves_nothing(talker: Blocking, tmp_path: Path) -> None:
    """No file, no part."""
    with (
        ScriptedSocket(says("200 OK", b"vid", length=5)).serving() as media,
        pytest.raises(DownloadError, match="did not arrive: RemoteProtocolError"),
    ):
        talker.talk(nowhere(), lambda client: client.download(media.url + "/a.mp4", tmp_path), max_retries=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_download_does_not_block_the_loop(backend: str, tmp_path: Path) -> None:
    """Another task runs between its first byte and its last, which only comes when that task has run."""
    body = bytes(1_000_000)

    async def main() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await anyio.lowlevel.checkpoint()

        async with httpx2.AsyncClient() as http, anyio.create_task_group() as tasks:
            tasks.start_soon(count)
            client = AsyncPixazoClient(api_key=KEY, base_url=nowhere(), http_client=http)
            await client.download(media.url + "/a.mp4", tmp_path)
            tasks.cancel_scope.cancel()
        return turns

    with ScriptedSocket(says("200 OK", body)).serving() as media:
        assert anyio.run(main, backend=backend) > 10
    assert (tmp_path / "a.mp4").read_bytes() == body


def test_our_own_clients_work_too(tmp_path: Path) -> None:
    """Without http_client: submit, read, download, close; on both sides."""

    async def main(base_url: str) -> str:
        async with AsyncPixazoClient(api_key=KEY, base_url=base_url) as client:
            handle = await client.generate("A bear")
            return (await handle.status()).status

    with (
        ScriptedSocket(ACCEPTED, QUEUED).serving() as gateway,
        PixazoClient(api_key=KEY, base_url=gateway.url) as client,
    ):
        assert client.generate("A bear").status().status == "QUEUED"
    with ScriptedSocket(ACCEPTED, QUEUED).serving() as gateway:
        assert anyio.run(main, gateway.url, backend="trio") == "QUEUED"
    assert json.loads(gateway.heard[0].partition(b"\r\n\r\n")[2]) == {"prompt": "A bear"}
