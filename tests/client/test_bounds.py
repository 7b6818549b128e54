"""A hostile or broken response costs bounded memory and bounded time, and always becomes a PixazoError."""

from __future__ import annotations

import json
import tracemalloc
import zlib
from pathlib import Path

import httpx2
import pytest
from tests.client.callers import Caller
from tests.client.scripted_gateway import ACCEPTED, ID, QUEUED, Reply, ScriptedGateway
from tests.client.scripted_socket import EndlessResponse, ScriptedSocket, response, unused_url

import pixazo_client
from pixazo_client import APIResponseValidationError, DownloadError, PixazoClient, WaitTimeoutError
from pixazo_client._body import Decoder

MIB = 1024 * 1024
ENDLESS_BODY = b"HTTP/1.1 %b\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>Blocked by the front door</h1>"
DRIPPING_HEAD = EndlessResponse(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", 0.02)
DRIPPING_BODY = EndlessResponse(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ", 0.02)


# Both libraries leave generators of their own open when a body is not read to its end, and trio warns of that.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")


def bomb(size: int) -> bytes:
    """So many zeros as gzip, which takes about a thousandth of their size."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(size // MIB)), packer.flush()])


def gzipped(body: bytes) -> bytes:
    """The body as gzip."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()


def test_compression_is_not_requested(caller: Caller, tmp_path: Path) -> None:
    """Neither from the gateway nor from a media host, whatever header the caller passes."""
    read = response("200 OK", json.dumps(QUEUED).encode())
    accepted = response("202 Accepted", json.dumps(ACCEPTED).encode())
    with ScriptedSocket(read, accepted, response("200 OK", b"video")).serving() as host:
        caller.call(host.url, lambda client: client.retrieve(ID))
        extra = {"accept-encoding": "br"}
        caller.call(host.url, lambda client: client.submit("/m/v1/generate", {}, extra_headers=extra))
        caller.call(unused_url(), lambda client: client.download(host.url + "/a.mp4", tmp_path))
    for request in host.requests:
        lines = request.lower().split(b"\r\n")
        assert [one for one in lines if one.startswith(b"accept-encoding")] == [b"accept-encoding: identity"]


@pytest.mark.slow
def test_a_compressed_bomb_is_given_up(caller: Caller) -> None:
    """64 MiB of zeros in 64 KiB of gzip are an error that says so, and take a few MiB of memory."""
    scripted = response("200 OK", bomb(64 * MIB), "Content-Encoding: gzip")
    with ScriptedSocket(scripted).serving() as gateway:
        tracemalloc.start()
        try:
            with pytest.raises(APIResponseValidationError, match="has more than 4194304 bytes") as caught:
                caller.call(gateway.url, lambda client: client.retrieve(ID))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.request_id == ID
    assert peak < 32 * MIB


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "GZIP"])
def test_decoding_goes_in_bounded_steps(coding: str) -> None:
    """However much one network read expands, a piece has at most 256 KiB."""
    data = bomb(16 * MIB)
    sizes = [len(piece) for piece in Decoder({"Content-Encoding": coding}).decode(data)]
    assert max(sizes) == 256 * 1024
    assert sum(sizes) == 16 * MIB


def test_an_endless_response_is_not_read_to_its_end(caller: Caller) -> None:
    """The connection is closed after the limit; the message shows the beginning of the body."""
    gateway = ScriptedSocket(EndlessResponse(ENDLESS_BODY % b"200 OK", b" " * 65536))
    with pytest.raises(APIResponseValidationError, match="has more than 4194304 bytes: Blocked by the front door"):
        caller.ask(gateway, lambda client: client.retrieve(ID))
    assert gateway.hung_up == 1


def test_an_endless_403_is_still_a_403(caller: Caller) -> None:
    """The status code decides the exception, and the body is cut."""
    gateway = ScriptedSocket(EndlessResponse(ENDLESS_BODY % b"403 Forbidden", b" " * 65536))
    with pytest.raises(pixazo_client.PermissionDeniedError, match="403 Forbidden: Blocked by the front door") as e:
        caller.ask(gateway, lambda client: client.generate("A bear"))
    assert "(a body that has more than 4194304 bytes)" in str(e.value)
    assert gateway.hung_up == 1


def test_a_202_with_an_endless_body_may_be_charged(caller: Caller) -> None:
    """The status code says that the submission was accepted."""
    gateway = ScriptedSocket(EndlessResponse(ENDLESS_BODY % b"202 Accepted", b" " * 65536))
    with pytest.raises(APIResponseValidationError, match=r"more than 4194304 bytes.*may exist and be charged"):
        caller.ask(gateway, lambda client: client.generate("A bear"))
    assert len(gateway.requests) == 1


def test_a_response_of_exactly_4_mib_is_read(caller: Caller) -> None:
    """The limit is inclusive."""
    body = json.dumps(QUEUED).encode()
    with ScriptedSocket(response("200 OK", body + b" " * (4194304 - len(body)))).serving() as gateway:
        assert caller.call(gateway.url, lambda client: client.retrieve(ID)).status == "QUEUED"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity", "identity, X-GZip", "utf-8", "aws-chunked"])
def test_compression_that_was_not_requested_is_decoded(caller: Caller, coding: str) -> None:
    """Proxies in front of a gateway may compress. A word that is no coding says nothing."""
    body = json.dumps(QUEUED).encode()
    packed = {"gzip": gzipped(body), "deflate": zlib.compress(body), "identity, X-GZip": gzipped(body)}.get(
        coding, body
    )
    with ScriptedSocket(response("200 OK", packed, f"Content-Encoding: {coding}")).serving() as gateway:
        assert caller.call(gateway.url, lambda client: client.retrieve(ID)).status == "QUEUED"


@pytest.mark.parametrize("end", [b"", b"\0" * 100], ids=["bare", "padded"])
def test_every_member_of_a_gzip_body_is_decoded(caller: Caller, tmp_path: Path, end: bytes) -> None:
    """RFC 1952, 2.2: a file may have several; RFC 9110, 8.4.1.3, does not exclude them."""
    packed = b"".join(map(gzipped, (b"A" * 600_000, b"", b"B"))) + end
    with ScriptedSocket(response("200 OK", packed, "Content-Encoding: gzip")).serving() as media:
        path = caller.call(media.url, lambda client: client.download(media.url + "/a.mp4", tmp_path))
    assert path.read_bytes() == b"A" * 600_000 + b"B"


@pytest.mark.parametrize(
    ("coding", "body", "problem"),
    [
        ("br", b"\x0b\x02\x80hello\x03", "has the Content-Encoding 'br', which was not asked for"),
        ("gzip, gzip", b"{}", "has the Content-Encoding 'gzip, gzip', which was not asked for"),
        ("gzip", b'{"request_id": "x"', "is not the gzip data that its Content-Encoding promises"),
        ("gzip", gzipped(b'{"request_id": "x"')[:-9], "ends in the middle of its gzip data"),
    ],
)
@pytest.mark.parametrize("media", [False, True])
def test_a_body_that_cannot_be_decoded_is_an_error(
    caller: Caller, tmp_path: Path, coding: str, body: bytes, problem: str, media: bool
) -> None:
    """The message names the encoding, and a file that no player could open is not saved."""

    def use(client: PixazoClient) -> object:
        return client.download(host.url + "/a.mp4", tmp_path) if media else client.retrieve(ID)

    host = ScriptedSocket(response("200 OK", body, f"Content-Encoding: {coding}"))
    with pytest.raises(DownloadError if media else APIResponseValidationError, match=problem):
        caller.ask(host, use)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("scripted", "shown"),
    [
        (response("200 OK", b"x", "Content-Encoding: br"), "which was not asked for: no readable text"),
        (response("403 Forbidden", b"x", "Content-Encoding: br"), "403 Forbidden: no readable text (a body that has the"),
        (response("200 OK", b" " * (4 * MIB + 1)), "has more than 4194304 bytes: no readable text"),
        (response("403 Forbidden", b"<script>1</script>"), "403 Forbidden: no readable text"),
        (response("403 Forbidden", b""), "403 Forbidden: an empty body"),
    ],
    ids=["undecoded", "undecoded-refusal", "long", "script", "empty"],
)  # fmt: skip
def test_only_an_empty_body_is_called_empty(caller: Caller, scripted: bytes, shown: str) -> None:
    """If a body has no text to show, the message says that instead."""
    with pytest.raises(pixazo_client.APIError) as caught:
        caller.ask(ScriptedSocket(scripted), lambda client: client.retrieve(ID))
    assert shown in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "drip"),
    [("httpx2-asyncio", DRIPPING_HEAD), ("httpx2-asyncio", DRIPPING_BODY), ("httpx2", DRIPPING_BODY)],
    ids=["head", "body", "blocking-body"],
)
def test_a_dripping_response_does_not_outlive_a_wait(
    kind: str, drip: EndlessResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte every 20 ms meets every read time-out, but not the deadline."""
    monkeypatch.setattr("pixazo_client._calls.LAST_READ", 0.3)
    with ScriptedSocket(drip).serving() as gateway, pytest.raises(WaitTimeoutError):
        Caller(kind).call(gateway.url, lambda client: client.get_handle(ID).wait(timeout=0))
    assert gateway.hung_up == 1


@pytest.mark.slow
def test_a_202_that_drips_on_is_accepted(caller: Caller) -> None:
    """Its id has arrived, and only spaces follow, for ever; of a part of it the error has the id."""
    body = json.dumps(ACCEPTED).encode()
    head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 100000\r\n\r\n"
    gateway = ScriptedSocket(EndlessResponse(head + body, b"\n", 0.02))
    assert caller.ask(gateway, lambda client: client.generate("A bear"), timeout=0.1).request_id == ID
    gateway = ScriptedSocket(EndlessResponse(head + body[:-1], b"\n", 0.02))
    with pytest.raises(pixazo_client.APITimeoutError, match=r"not complete after 0.4 s; it began \{") as caught:
        caller.ask(gateway, lambda client: client.generate("A bear"), timeout=0.1)
    assert caught.value.request_id == ID


class SlowTransport(httpx2.BaseTransport):
    """Takes 30 s for each piece of a request, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.limits: list[float] = []
        monkeypatch.setattr("pixazo_client._transport.real_clock", lambda: self.now)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.SyncByteStream)
        for phase in ("pool", "connect", "write", "read"):
            self.limits.append(request.extensions["timeout"].get(phase))
            self.now += 3
        for _ in request.stream:
            self.now += 30
        return httpx2.Response(202, json=ACCEPTED)


def test_a_slow_upload_of_a_blocking_client_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 MiB may take 4 time-outs and a second for each 16 KiB."""
    transport = SlowTransport(monkeypatch)
    client = PixazoClient(api_key="k", http_client=httpx2.Client(transport=transport), timeout=10)
    with pytest.raises(pixazo_client.APITimeoutError, match="may exist and be charged"):
        client.image_to_video("Walk", "x" * MIB)
    assert 104 < transport.now <= 104 + 30


def test_no_phase_of_a_wait_is_longer_than_what_is_left_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the time-outs are, a wait ends 10 s after its deadline."""
    transport = SlowTransport(monkeypatch)
    client = PixazoClient(api_key="k", http_client=httpx2.Client(transport=transport), timeout=(None, 300, 5, 300))
    with pytest.raises(WaitTimeoutError):
        client.get_handle(ID).wait(timeout=0)
    assert transport.limits == [10, 7, 4, 1]


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
def test_garbled_json_is_a_pixazo_error(gateway: ScriptedGateway, body: bytes, problem: str) -> None:
    """Whatever the body is, the message has a bounded length."""
    gateway.reply(Reply(200, body))
    with pytest.raises(APIResponseValidationError, match=problem) as caught:
        gateway.run(gateway.client().retrieve(ID))
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize("asked", ["9" * 400, "1e400", "1e308", "nan", "Wed, 99 Foo 99999 99:99:99 +9999", ",", "\x7f"])
def test_an_unusable_retry_after_is_ignored(gateway: ScriptedGateway, asked: str) -> None:
    """The client neither waits for ever nor raises another error."""
    gateway.reply(Reply(429, {}, {"Retry-After": asked}))
    with pytest.raises(pixazo_client.RateLimitError):
        gateway.run(gateway.client().generate("A bear"))
    assert all(pause <= 60 for pause in gateway.pauses)


def test_huge_headers_are_a_connection_error(caller: Caller) -> None:
    """The HTTP library stops reading at 100 KiB."""
    gateway = ScriptedSocket(EndlessResponse(b"HTTP/1.1 202 Accepted\r\n", b"X: " + b"a" * 65536 + b"\r\n"))
    with pytest.raises(pixazo_client.APIConnectionError, match="the work may exist and be charged"):
        caller.ask(gateway, lambda client: client.generate("A bear"))
    assert gateway.hung_up == 1


def test_the_body_of_a_redirect_is_not_read(caller: Caller, tmp_path: Path) -> None:
    """A media host redirects with a body that never ends."""
    with ScriptedSocket(response("200 OK", b"video")).serving() as cdn:
        head = f"HTTP/1.1 302 Found\r\nLocation: {cdn.url}/b.mp4\r\nConnection: close\r\n\r\n".encode()
        media = ScriptedSocket(EndlessResponse(head, b" " * 65536))
        path = caller.fetch(media, tmp_path)
    assert path.read_bytes() == b"video"
    assert media.hung_up == 1


def test_the_body_of_a_refused_download_is_not_read(caller: Caller, tmp_path: Path) -> None:
    """It is not saved as a video either."""
    media = ScriptedSocket(EndlessResponse(ENDLESS_BODY % b"403 Forbidden", b" " * 65536))
    with pytest.raises(DownloadError, match="answered 403"):
        caller.fetch(media, tmp_path)
    assert media.hung_up == 1


def test_max_bytes_counts_what_is_written(caller: Caller, tmp_path: Path) -> None:
    """The limit applies to decoded bytes, so that a bomb stops there, in bounded steps."""
    seen: list[int] = []
    media = ScriptedSocket(response("200 OK", bomb(16 * MIB), "Content-Encoding: gzip"))
    with pytest.raises(DownloadError, match="has more than max_bytes=1048576: raise the limit"):
        caller.fetch(media, tmp_path, max_bytes=MIB, on_progress=lambda done, _: seen.append(done))
    assert seen == [262_144, 524_288, 786_432, 1_048_576]
    assert list(tmp_path.iterdir()) == []


def test_a_response_that_a_hook_has_read_is_not_decoded_again() -> None:
    """A hook of the user's own client may load, and so decode, the body first."""

    def handle(_request: httpx2.Request) -> httpx2.Response:
        body = httpx2.ByteStream(gzipped(json.dumps(QUEUED).encode()))
        return httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=body)

    http = httpx2.Client(transport=httpx2.MockTransport(handle), event_hooks={"response": [httpx2.Response.read]})
    assert PixazoClient(api_key="k", http_client=http).retrieve(ID).status == "QUEUED"
