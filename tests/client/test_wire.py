"""The client on real sockets: what it sends, what broken responses become, what it never sends."""

from __future__ import annotations

import gzip
import json
import traceback
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import httpx2
import pytest
from tests.client.callers import KEY, Caller
from tests.client.scripted_socket import RESET, SILENCE, ScriptedSocket, response, unused_url

import pixazo_client
from pixazo_client import (
    APIConnectionError,
    APITimeoutError,
    AsyncPixazoClient,
    DownloadError,
    InsufficientBalanceError,
    PixazoClient,
    _transport,
)

ACCEPTED = response(
    "202 Accepted",
    b'{"request_id":"minimax-hailuo-ai_1","status":"QUEUED","polling_url":"ORIGIN/v2/requests/status/minimax-hailuo-ai_1"}',
    "Content-Type: application/json",
    length=len(
        '{"request_id":"minimax-hailuo-ai_1","status":"QUEUED","polling_url":"/v2/requests/status/minimax-hailuo-ai_1"}'
    )
    + len("http://127.0.0.1:00000"),
)
WHOLE = b'{"request_id":"minimax-hailuo-ai_1","status":"QUEUED"}'
QUEUED = response("200 OK", WHOLE)


def test_a_submission_on_the_wire(caller: Caller) -> None:
    """The request line, the documented headers in their letter case, the body."""
    with ScriptedSocket(ACCEPTED).serving() as gateway:
        handle = caller.call(gateway.url, lambda client: client.generate("A bear", webhook_url="https://me.test/hook"))
    head, _, body = gateway.requests[0].partition(b"\r\n\r\n")
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


def test_a_refused_connection_is_known_to_be_unsent(caller: Caller) -> None:
    """Nothing can have been charged."""
    with pytest.raises(APIConnectionError, match="got no response: ConnectError") as caught:
        caller.call(unused_url(), lambda client: client.generate("A bear"))
    assert caught.value.sent is False


@pytest.mark.parametrize(
    "scripted", [RESET, b"", b"HTTP/1.1 202 Acc", response("202 Accepted", b"{", length=100), b"nonsense\r\n\r\n"]
)
def test_a_submission_without_a_whole_response_is_sent_once(caller: Caller, scripted: bytes) -> None:
    """CLIENT-05: reset, empty, cut in the head, cut in the body, garbled: one POST each time."""
    gateway = ScriptedSocket(scripted, ACCEPTED)
    with pytest.raises(APIConnectionError, match="the work may exist and be charged"):
        caller.ask(gateway, lambda client: client.generate("A bear"))
    assert len(gateway.requests) == 1


def test_a_silent_gateway_times_out(caller: Caller) -> None:
    """With the read time-out that was passed; the POST is not repeated."""
    gateway = ScriptedSocket(SILENCE, ACCEPTED)
    with pytest.raises(APITimeoutError, match=r"ReadTimeout.*the work may exist and be charged"):
        caller.ask(gateway, lambda client: client.generate("A bear"), timeout=(5, 0.05, 5, 5))
    assert len(gateway.requests) == 1


def test_a_read_without_a_whole_response_is_repeated(caller: Caller) -> None:
    """Reset, then cut short, then complete."""
    with ScriptedSocket(RESET, response("200 OK", b"{", length=100), QUEUED).serving() as gateway:
        generation = caller.call(gateway.url, lambda client: client.retrieve("minimax-hailuo-ai_1"))
    assert generation.status == "QUEUED"
    assert [one.split(b" HTTP")[0] for one in gateway.requests] == [b"GET /v2/requests/status/minimax-hailuo-ai_1"] * 3


def test_a_download_of_unknown_length_has_no_total(caller: Caller, tmp_path: Path) -> None:
    """The end of the connection is the end of the file."""
    seen: list[tuple[int, int | None]] = []
    media = ScriptedSocket(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nvideo")
    path = caller.fetch(media, tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert (path.read_bytes(), seen) == (b"video", [(5, None)])


def test_a_download_cut_short_starts_again(caller: Caller, tmp_path: Path) -> None:
    """A body shorter than its Content-Length, a reset, then the whole file."""
    media = ScriptedSocket(response("200 OK", b"vid", length=5), RESET, response("200 OK", b"video"))
    path = caller.fetch(media, tmp_path)
    assert path.read_bytes() == b"video"
    assert [one.name for one in tmp_path.iterdir()] == ["a.mp4"]


def test_a_download_always_cut_short_leaves_nothing(caller: Caller, tmp_path: Path) -> None:
    """Neither a file nor a part."""
    with (
        ScriptedSocket(response("200 OK", b"vid", length=5)).serving() as media,
        pytest.raises(DownloadError, match="did not arrive: RemoteProtocolError"),
    ):
        caller.call(unused_url(), lambda client: client.download(media.url + "/a.mp4", tmp_path), max_retries=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_download_does_not_block_the_loop(backend: str, tmp_path: Path) -> None:
    """Another task runs between the first byte and the last."""
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
            client = AsyncPixazoClient(api_key=KEY, base_url=unused_url(), http_client=http)
            await client.download(media.url + "/a.mp4", tmp_path)
            tasks.cancel_scope.cancel()
        return turns

    with ScriptedSocket(response("200 OK", body)).serving() as media:
        assert anyio.run(main, backend=backend) > 10
    assert (tmp_path / "a.mp4").read_bytes() == body


def test_our_own_clients_work_too(tmp_path: Path) -> None:
    """Without http_client: submit, read, close, with both kinds of client."""

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
    assert json.loads(gateway.requests[0].partition(b"\r\n\r\n")[2]) == {"prompt": "A bear"}


@pytest.mark.parametrize(
    "scripted",
    [
        response("202 Accepted", WHOLE, length=len(WHOLE) + 1),
        response("202 Accepted", gzip.compress(WHOLE)[:-8], "Content-Encoding: gzip"),
    ],
    ids=["plain", "gzip"],
)
def test_a_202_that_holds_its_id_is_accepted_however_it_ends(caller: Caller, scripted: bytes) -> None:
    """That its last bytes are missing says nothing about the generation, which was charged."""
    handle = caller.ask(ScriptedSocket(scripted), lambda client: client.generate("A bear"))
    assert handle.request_id == "minimax-hailuo-ai_1"


def test_a_202_that_is_not_compressed_as_it_says_is_accepted() -> None:
    """Some proxies decompress a body, but leave its header."""
    with ScriptedSocket(response("202 Accepted", WHOLE, "Content-Encoding: gzip")).serving() as gateway:
        handle = Caller("httpx2").call(gateway.url, lambda client: client.generate("A bear"))
    assert handle.request_id == "minimax-hailuo-ai_1"


def test_a_202_that_breaks_off_is_shown(caller: Caller) -> None:
    """With the id, if that had arrived: it may have been charged."""
    part = b'{"request_id": "minimax-hailuo-ai_1", "status": "QUE'
    gateway = ScriptedSocket(response("202 Accepted", part, length=100))
    with pytest.raises(APIConnectionError, match=r"no whole response: RemoteProtocolError: .*; it began {") as caught:
        caller.ask(gateway, lambda client: client.generate("A bear"))
    assert (caught.value.request_id, caught.value.body) == ("minimax-hailuo-ai_1", part.decode())
    assert "; it may be request 'minimax-hailuo-ai_1'; the work may exist and be charged" in str(caught.value)


@pytest.mark.parametrize("status", ["401 Unauthorized", "402 Payment Required"])
def test_a_refusal_counts_however_it_ends(caller: Caller, status: str) -> None:
    """Its status code says that nothing was charged."""
    gateway = ScriptedSocket(response(status, b'{"error": ', length=100))
    with pytest.raises(pixazo_client.APIStatusError, match=rf"{status}: .*\(a body that broke off \(.*\)\)") as caught:
        caller.ask(gateway, lambda client: client.generate("A bear"))
    assert "may exist and be charged" not in str(caught.value)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_hook_that_raises_for_status_codes_does_not_hide_them(library: Any) -> None:
    """The code is that of the response, of which the hook may have read the body."""

    def check(found: Any) -> None:
        found.read()
        found.raise_for_status()

    with (
        ScriptedSocket(response("402 Payment Required", b'{"error": "Insufficient balance"}')).serving() as gateway,
        library.Client(event_hooks={"response": [check]}) as http,
        pytest.raises(InsufficientBalanceError, match="402 Payment Required: Insufficient balance"),
    ):
        PixazoClient(api_key=KEY, base_url=gateway.url, http_client=http).generate("A bear")


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_hook_that_reaches_nobody_does_not_repeat_a_submission(library: Any) -> None:
    """The connection that could not be made was not that of the submission, which was accepted."""

    def report(_: object) -> None:
        library.get(unused_url())

    with (
        ScriptedSocket(ACCEPTED, ACCEPTED).serving() as gateway,
        library.Client(event_hooks={"response": [report]}) as http,
        pytest.raises(APIConnectionError, match="the work may exist and be charged") as caught,
    ):
        PixazoClient(api_key=KEY, base_url=gateway.url, http_client=http).generate("A bear")
    assert (caught.value.sent, len(gateway.requests)) == (True, 1)


def test_a_transport_of_another_library_is_not_believed_that_nothing_was_sent() -> None:
    """As httpx-aiohttp, which calls every lost connection a ConnectTimeout."""

    class LostError(Exception):
        pass

    def handle(_: httpx2.Request) -> httpx2.Response:
        sent.append(True)
        raise httpx2.ConnectTimeout("Server disconnected") from LostError()

    sent: list[bool] = []
    with (
        httpx2.Client(transport=httpx2.MockTransport(handle)) as http,
        pytest.raises(APITimeoutError, match="the work may exist and be charged"),
    ):
        PixazoClient(api_key=KEY, base_url="http://gateway.test", http_client=http).generate("A bear")
    assert sent == [True]


def test_a_response_that_is_read_late_is_a_response() -> None:
    """A process that was stopped, or a hook that took its time: what has arrived by then counts."""

    def dawdle(_: httpx2.Response) -> None:
        now[0] += 1000

    now = [0.0]
    with (
        pytest.MonkeyPatch.context() as patch,
        ScriptedSocket(ACCEPTED).serving() as gateway,
        httpx2.Client(event_hooks={"response": [dawdle]}) as http,
    ):
        patch.setattr(_transport, "real_clock", lambda: now[0])
        client = PixazoClient(api_key=KEY, base_url=gateway.url, http_client=http, timeout=1)
        assert client.generate("A bear").request_id == "minimax-hailuo-ai_1"


@pytest.mark.parametrize(
    ("scripted", "path"),
    [
        (b"", "/m/v1/generate"),
        (b"echo " + KEY.encode() + b"\r\n\r\n", "/m/v1/generate"),
        (response("202 Accepted", b"<p>" + KEY.encode()), "/m/v1/generate"),
        (b"", "/m\x00"),
    ],
    ids=["empty", "head", "body", "unsent"],
)
def test_no_traceback_of_a_failed_submission_shows_the_key(caller: Caller, scripted: bytes, path: str) -> None:
    """Neither does an exception nor a local variable, which reporters of errors show, not even if the gateway repeats it."""
    with pytest.raises(pixazo_client.APIError) as caught:
        caller.ask(ScriptedSocket(scripted), lambda client: client.submit(path, {}))
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert _locals_with_the_key(caught.value) == _locals_with_the_key(caught.value.__cause__) == []


@pytest.mark.parametrize("client", [PixazoClient, AsyncPixazoClient])
def test_no_traceback_of_a_client_that_cannot_work_shows_the_key(client: type) -> None:
    """Its base_url or its timeout is wrong."""
    for settings in ({"base_url": "gateway"}, {"base_url": "http://gateway.test", "timeout": -1}):
        with pytest.raises((pixazo_client.PixazoError, ValueError)) as caught:
            client(api_key=KEY, **settings)
        assert _locals_with_the_key(caught.value) == []


def _locals_with_the_key(error: BaseException | None) -> list[tuple[str, str]]:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)] if error else []
    ours = [frame for frame in frames if Path(frame.f_code.co_filename).parent.name == "pixazo_client"]
    return [(f.f_code.co_name, name) for f in ours for name, value in f.f_locals.items() if KEY in repr(value)]
