"""What a hostile or broken answer can cost: bounded memory, bounded time, and always a PixazoError."""

from __future__ import annotations

import json
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.client.scripted_gateway import ACCEPTED, ID, QUEUED, Answer, ScriptedGateway
from tests.client.scripted_socket import Endless, ScriptedSocket, nowhere, says
from tests.client.test_wire import HTTP_CLIENTS, Asynchronous, Blocking

import pixazo_client
from pixazo_client import APIResponseValidationError, DownloadError, PixazoClient, WaitTimeoutError
from pixazo_client._body import Coding

MIB = 1024 * 1024
ENDLESS_BODY = b"HTTP/1.1 %b\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>Blocked by the front door</h1>"
DRIPPING_HEAD = Endless(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", 0.02)
DRIPPING_BODY = Endless(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ", 0.02)


# Both libraries leave generators of theirs in the middle when a body is not read to its end, and trio says so.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")


@pytest.fixture(params=HTTP_CLIENTS, ids=["httpx2", "httpx", "asyncio", "trio"])
def talker(request: pytest.FixtureRequest) -> Any:
    """Each kind of client."""
    return request.param


def bomb(size: int) -> bytes:
    """So many zeros, as gzip: about a thousandth of that."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(size // MIB)), packer.flush()])


def gzipped(body: bytes) -> bytes:
    """The body as gzip."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()


def test_compression_is_not_asked_for(talker: Blocking, tmp_path: Path) -> None:
    """Neither of the gateway nor of a media host, nor by a caller's header."""
    read = says("200 OK", json.dumps(QUEUED).encode())
    accepted = says("202 Accepted", json.dumps(ACCEPTED).encode())
    with ScriptedSocket(read, accepted, says("200 OK", b"video")).serving() as host:
        talker.talk(host.url, lambda client: client.retrieve(ID))
        extra = {"accept-encoding": "br"}
        talker.talk(host.url, lambda client: client.submit("/m/v1/generate", {}, extra_headers=extra))
        talker.talk(nowhere(), lambda client: client.download(host.url + "/a.mp4", tmp_path))
    for heard in host.heard:
        lines = heard.lower().split(b"\r\n")
        assert [one for one in lines if one.startswith(b"accept-encoding")] == [b"accept-encoding: identity"]


def test_a_compressed_bomb_is_given_up(talker: Blocking) -> None:
    """64 MiB of zeros in 64 KiB of gzip: an error that says so, from memory for a few MiB."""
    said = says("200 OK", bomb(64 * MIB), "Content-Encoding: gzip")
    with ScriptedSocket(said).serving() as gateway:
        tracemalloc.start()
        try:
            with pytest.raises(APIResponseValidationError, match="has more than 4194304 bytes") as caught:
                talker.talk(gateway.url, lambda client: client.retrieve(ID))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.request_id == ID
    assert peak < 32 * MIB


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "GZIP"])
def test_decoding_goes_in_bounded_steps(coding: str) -> None:
    """However much one network read expands."""
    data = bomb(16 * MIB)
    sizes = [len(piece) for piece in Coding(coding).decode(data)]
    assert max(sizes) == 256 * 1024
    assert sum(sizes) == 16 * MIB


def test_an_endless_answer_is_not_read_to_its_end(talker: Blocking) -> None:
    """The connection is closed once there is too much of it; the message shows how it begins."""
    with (
        ScriptedSocket(Endless(ENDLESS_BODY % b"200 OK", b" " * 65536)).serving() as gateway,
        pytest.raises(APIResponseValidationError, match="has more than 4194304 bytes: Blocked by the front door"),
    ):
        talker.talk(gateway.url, lambda client: client.retrieve(ID))
    assert gateway.hung_up == 1


def test_an_endless_page_of_a_refusal_is_still_that_refusal(talker: Blocking) -> None:
    """403 with a page that never ends: the code counts, the page is cut."""
    with (
        ScriptedSocket(Endless(ENDLESS_BODY % b"403 Forbidden", b" " * 65536)).serving() as gateway,
        pytest.raises(pixazo_client.PermissionDeniedError, match="403 Forbidden: Blocked by the front door") as e,
    ):
        talker.talk(gateway.url, lambda client: client.generate("A bear"))
    assert "(a body that has more than 4194304 bytes)" in str(e.value)
    assert gateway.hung_up == 1


def test_a_submission_answered_with_too_much_may_be_charged(talker: Blocking) -> None:
    """A 202 is a 202."""
    with (
        ScriptedSocket(Endless(ENDLESS_BODY % b"202 Accepted", b" " * 65536)).serving() as gateway,
        pytest.raises(APIResponseValidationError, match=r"more than 4194304 bytes.*may exist and be charged"),
    ):
        talker.talk(gateway.url, lambda client: client.generate("A bear"))
    assert len(gateway.heard) == 1


def test_an_answer_of_the_limit_itself_is_taken(talker: Blocking) -> None:
    """4 MiB are allowed."""
    body = json.dumps(QUEUED).encode()
    with ScriptedSocket(says("200 OK", body + b" " * (4194304 - len(body)))).serving() as gateway:
        assert talker.talk(gateway.url, lambda client: client.retrieve(ID)).status == "QUEUED"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_a_gateway_that_compresses_all_the_same_is_understood(talker: Blocking, coding: str) -> None:
    """Front doors do."""
    body = json.dumps(QUEUED).encode()
    packed = {"gzip": gzipped(body), "deflate": zlib.compress(body), "identity": body}[coding]
    with ScriptedSocket(says("200 OK", packed, f"Content-Encoding: {coding}")).serving() as gateway:
        assert talker.talk(gateway.url, lambda client: client.retrieve(ID)).status == "QUEUED"


@pytest.mark.parametrize(
    ("coding", "body", "problem"),
    [
        ("br", b"\x0b\x02\x80hello\x03", "has the Content-Encoding 'br', which was not asked for"),
        ("gzip, gzip", b"{}", "has the Content-Encoding 'gzip, gzip', which was not asked for"),
        ("gzip", b'{"request_id": "x"}', "is not the gzip data that its Content-Encoding promises"),
        ("gzip", gzipped(b'{"request_id": "x"}')[:-9], "ends in the middle of its gzip data"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_an_error(talker: Blocking, coding: str, body: bytes, problem: str) -> None:
    """It names the encoding."""
    with (
        ScriptedSocket(says("200 OK", body, f"Content-Encoding: {coding}")).serving() as gateway,
        pytest.raises(APIResponseValidationError, match=problem),
    ):
        talker.talk(gateway.url, lambda client: client.retrieve(ID))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (says("200 OK", b"x", "Content-Encoding: br"), "which was not asked for: no readable text"),
        (says("403 Forbidden", b"x", "Content-Encoding: br"), "403 Forbidden: no readable text (a body that has the"),
        (says("200 OK", b" " * (4 * MIB + 1)), "has more than 4194304 bytes: no readable text"),
        (says("403 Forbidden", b"<script>1</script>"), "403 Forbidden: no readable text"),
        (says("403 Forbidden", b""), "403 Forbidden: an empty body"),
    ],
    ids=["undecoded", "undecoded-refusal", "long", "script", "empty"],
)
def test_only_an_empty_body_is_called_empty(talker: Blocking, said: bytes, told: str) -> None:
    """Where nothing of it can be shown, the message says so."""
    with ScriptedSocket(said).serving() as gateway, pytest.raises(pixazo_client.APIError) as caught:
        talker.talk(gateway.url, lambda client: client.retrieve(ID))
    assert told in str(caught.value)


@pytest.mark.parametrize("drip", [DRIPPING_HEAD, DRIPPING_BODY], ids=["head", "body"])
def test_a_dripping_answer_does_not_outlive_a_wait(drip: Endless, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte every 20 ms meets every time-out between two reads, but not the deadline."""
    monkeypatch.setattr("pixazo_client._watch.LAST_READ", 0.3)
    with ScriptedSocket(drip).serving() as gateway, pytest.raises(WaitTimeoutError):
        Asynchronous(httpx2, "asyncio").talk(gateway.url, lambda client: client.get_handle(ID).wait(timeout=0))
    assert gateway.hung_up == 1


def test_a_dripping_body_does_not_outlive_a_blocking_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Likewise."""
    monkeypatch.setattr("pixazo_client._watch.LAST_READ", 0.3)
    with ScriptedSocket(DRIPPING_BODY).serving() as gateway, pytest.raises(WaitTimeoutError):
        Blocking(httpx2).talk(gateway.url, lambda client: client.get_handle(ID).wait(timeout=0))
    assert gateway.hung_up == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "is n"),
        (b'{"request_id":"x","error":' + b"[" * 900 + b"]" * 900 + b"}", "is nested more than 100 deep"),
        (b'{"request_id":' + b"9" * 5000 + b"}", "is not JSON"),
        (b"\x00", "is not JSON"),
        (b'{"request_id":"' + b"x" * 1_000_000 + b'"}', "."),
        (b"{" + b",".join(b'"%d":0' % n for n in range(100_000)) + b"}", "."),
    ],
    ids=["brackets", "deep", "digits", "nul", "long-id", "members"],
)
def test_garbled_json_is_a_pixazo_error(scripted: ScriptedGateway, body: bytes, problem: str) -> None:
    """Whatever it is, with a message of bounded length."""
    scripted.will(Answer(200, body))
    with pytest.raises(APIResponseValidationError, match=problem) as caught:
        scripted.do(scripted.client().retrieve(ID))
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize("asked", ["9" * 400, "1e400", "1e308", "nan", "Wed, 99 Foo 99999 99:99:99 +9999", ",", "\x7f"])
def test_a_senseless_retry_after_is_no_reason_to_wait(scripted: ScriptedGateway, asked: str) -> None:
    """Neither for ever nor with another error."""
    scripted.will(Answer(429, {}, {"Retry-After": asked}))
    with pytest.raises(pixazo_client.RateLimitError):
        scripted.do(scripted.client().generate("A bear"))
    assert all(pause <= 60 for pause in scripted.pauses)


def test_huge_headers_are_a_lost_answer(talker: Blocking) -> None:
    """The HTTP library stops at 100 KiB."""
    with (
        ScriptedSocket(Endless(b"HTTP/1.1 202 Accepted\r\n", b"X: " + b"a" * 65536 + b"\r\n")).serving() as gateway,
        pytest.raises(pixazo_client.APIConnectionError, match="the work may exist and be charged"),
    ):
        talker.talk(gateway.url, lambda client: client.generate("A bear"))
    assert gateway.hung_up == 1


def test_the_body_of_a_redirect_is_not_read(talker: Blocking, tmp_path: Path) -> None:
    """A media host that sends elsewhere, with a page that never ends."""
    with ScriptedSocket(says("200 OK", b"video")).serving() as cdn:
        head = f"HTTP/1.1 302 Found\r\nLocation: {cdn.url}/b.mp4\r\nConnection: close\r\n\r\n".encode()
        with ScriptedSocket(Endless(head, b" " * 65536)).serving() as media:
            path = talker.talk(nowhere(), lambda client: client.download(media.url + "/a.mp4", tmp_path))
    assert path.read_bytes() == b"video"
    assert media.hung_up == 1


def test_the_page_of_a_refused_download_is_not_read(talker: Blocking, tmp_path: Path) -> None:
    """Nor is it mistaken for a video."""
    with (
        ScriptedSocket(Endless(ENDLESS_BODY % b"403 Forbidden", b" " * 65536)).serving() as media,
        pytest.raises(DownloadError, match="answered 403"),
    ):
        talker.talk(nowhere(), lambda client: client.download(media.url + "/a.mp4", tmp_path))
    assert media.hung_up == 1


def test_max_bytes_counts_what_is_written(talker: Blocking, tmp_path: Path) -> None:
    """Not what is sent: a bomb ends at the limit, in bounded steps."""
    seen: list[int] = []
    with (
        ScriptedSocket(says("200 OK", bomb(16 * MIB), "Content-Encoding: gzip")).serving() as media,
        pytest.raises(DownloadError, match="has more than max_bytes=1048576: raise the limit"),
    ):
        talker.talk(
            nowhere(),
            lambda client: client.download(
                media.url + "/a.mp4", tmp_path, max_bytes=MIB, on_progress=lambda done, _: seen.append(done)
            ),
        )
    assert seen == [262_144, 524_288, 786_432, 1_048_576]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("coding", "body", "problem"),
    [
        ("br", b"video", "has the Content-Encoding 'br', which was not asked for"),
        ("gzip", b"video", "is not the gzip data that its Content-Encoding promises"),
        ("gzip", gzipped(b"video")[:-9], "ends in the middle of its gzip data"),
    ],
)
def test_media_that_cannot_be_decoded_are_not_saved(
    talker: Blocking, tmp_path: Path, coding: str, body: bytes, problem: str
) -> None:
    """Rather than as a file that no player opens."""
    with (
        ScriptedSocket(says("200 OK", body, f"Content-Encoding: {coding}")).serving() as media,
        pytest.raises(DownloadError, match=problem),
    ):
        talker.talk(nowhere(), lambda client: client.download(media.url + "/a.mp4", tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_a_hook_has_read_is_taken_as_it_is() -> None:
    """A hook of the user's own client may load, and so decode, the body before us."""

    def handle(_request: httpx2.Request) -> httpx2.Response:
        body = httpx2.ByteStream(gzipped(json.dumps(QUEUED).encode()))
        return httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=body)

    http = httpx2.Client(transport=httpx2.MockTransport(handle), event_hooks={"response": [httpx2.Response.read]})
    assert PixazoClient(api_key="k", http_client=http).retrieve(ID).status == "QUEUED"
