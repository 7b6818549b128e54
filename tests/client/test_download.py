"""Downloads: complete or not at all, without the key, only of COMPLETED generations."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.client.scripted_gateway import KEY, MEDIA_URL, Failure, Reply, ScriptedGateway

from pixazo_client import DownloadError, Generation

VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(600_000)


def completed(*urls: str) -> Generation:
    """A COMPLETED generation with these results."""
    return Generation("minimax-hailuo-ai_1", "COMPLETED", media_urls=urls)


def test_a_result_is_written_whole(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """The file has the bytes of the media host, its path is returned, and no other file is left."""
    gateway.reply(Reply(200, VIDEO))
    dest = tmp_path / "bear.mp4"
    assert gateway.run(gateway.client().download(completed(MEDIA_URL), dest)) == dest
    assert dest.read_bytes() == VIDEO
    assert [one.name for one in tmp_path.iterdir()] == ["bear.mp4"]
    assert [(one.method, one.url) for one in gateway.requests] == [("GET", "https://media.test/v1/bear.mp4")]


def test_every_result_can_be_downloaded(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """CLIENT-04: each entry of media_url by its index."""
    generation = completed("https://media.test/1.mp4", "https://media.test/2.mp4")
    gateway.reply(Reply(200, b"one"), Reply(200, b"two"))
    client = gateway.client()
    for index in range(len(generation.media_urls)):
        gateway.run(client.download(generation, tmp_path, index=index))
    assert (tmp_path / "minimax-hailuo-ai_1.mp4").read_bytes() == b"one"
    assert (tmp_path / "minimax-hailuo-ai_1-1.mp4").read_bytes() == b"two"


def test_generations_in_one_folder_do_not_overwrite_each_other(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """Each URL that the page prints ends in `/output.ext`; an id names no other folder."""
    gateway.reply(Reply(200, b"video"))
    for identity in ("a", "x/../b"):
        generation = Generation(identity, "COMPLETED", media_urls=("https://media.test/v1/output.mp4",))
        gateway.run(gateway.client().download(generation, tmp_path))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.mp4", "x%2F..%2Fb.mp4"]


@pytest.mark.parametrize("url", [MEDIA_URL, "https://gateway.test/v1/bear.mp4"])
def test_the_key_is_not_sent_to_a_media_host(gateway: ScriptedGateway, tmp_path: Path, url: str) -> None:
    """CLIENT-04: not even to the gateway's own host, after a redirect, or from the user's own client."""
    gateway.reply(Reply(302, b"", {"Location": "https://gateway.test/v2/bear.mp4"}), Reply(200, b"video"))
    http = gateway.http(headers={"ocp-apim-subscription-key": KEY}, auth=("user", "secret"))
    gateway.run(gateway.client(http_client=http).download(completed(url), tmp_path))
    assert [one.url for one in gateway.requests] == [url, "https://gateway.test/v2/bear.mp4"]
    assert all(KEY not in str(one) and "authorization" not in one.headers for one in gateway.requests)


@pytest.mark.parametrize("status", ["QUEUED", "PROCESSING", "FAILED", "ERROR", "succeeded"])
def test_only_a_completed_generation_is_downloaded(gateway: ScriptedGateway, tmp_path: Path, status: str) -> None:
    """CLIENT-04: nothing is sent before, even if there is a URL."""
    generation = Generation("minimax-hailuo-ai_1", status, media_urls=(MEDIA_URL,))
    with pytest.raises(DownloadError, match=f"ai_1' is {status}: {'look' if generation.is_terminal else 'wait'} "):
        gateway.run(gateway.client().download(generation, tmp_path))
    assert gateway.requests == []


@pytest.mark.parametrize(("urls", "index"), [((), 0), ((MEDIA_URL,), 1), ((MEDIA_URL,), -1)])
def test_an_index_without_a_result_is_refused(
    gateway: ScriptedGateway, tmp_path: Path, urls: tuple[str, ...], index: int
) -> None:
    """A COMPLETED generation may have no media."""
    with pytest.raises(DownloadError, match=f"has {len(urls)} media, none at index {index}"):
        gateway.run(gateway.client().download(completed(*urls), tmp_path, index=index))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "v1/bear.mp4", "", "ftp://media.test/a", "me:s3cret@media.test/a", None]
)
def test_only_http_is_fetched(gateway: ScriptedGateway, tmp_path: Path, url: Any) -> None:
    """An object key or a local file is not a URL."""
    with pytest.raises(DownloadError, match=r"is not an http\(s\) URL|NoneType cannot be downloaded") as caught:
        gateway.run(gateway.client().download(url, tmp_path))
    assert "s3cret" not in str(caught.value)
    assert gateway.requests == []


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_of_the_media_host_is_an_error(gateway: ScriptedGateway, tmp_path: Path, status: int) -> None:
    """Its body is not saved as a video; the message has the status code and the URL, without its signature and password."""
    gateway.reply(Reply(status, b"<Error>expired</Error>"))
    url = f"https://me:s3cret@media.test/a.mp4{'#' if status == 410 else '?'}signature=s3cret"
    with pytest.raises(DownloadError, match=f"^https://media.test/a.mp4 answered {status}: the link may have exp") as e:
        gateway.run(gateway.client().download(url, tmp_path / "a.mp4"))
    assert (e.value.url, e.value.status_code) == (url, status)
    assert list(tmp_path.iterdir()) == []
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("status", [204, 206, 304, 503])
def test_a_link_that_works_is_not_called_expired(gateway: ScriptedGateway, tmp_path: Path, status: int) -> None:
    """There was no file, but a fresh link would not help."""
    gateway.reply(Reply(status, b""))
    with pytest.raises(DownloadError) as caught:
        gateway.run(gateway.client(max_retries=0).download(MEDIA_URL, tmp_path))
    assert str(caught.value) == f"{MEDIA_URL} answered {status}, not with the whole file: download it again"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trouble", [Failure("ConnectError"), Failure("ReadTimeout"), Reply(503, b""), Reply(429, b"")])
def test_a_download_is_repeated_after_a_transient_failure(
    gateway: ScriptedGateway, tmp_path: Path, trouble: Reply | Failure
) -> None:
    """A download is a GET."""
    gateway.reply(trouble, trouble, Reply(200, b"video"))
    dest = gateway.run(gateway.client().download(MEDIA_URL, tmp_path))
    assert dest.read_bytes() == b"video"
    assert gateway.pauses == [0.375, 0.75]


def test_a_download_without_a_response_is_an_error(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """It has the library's reason, and its exception as the cause."""
    gateway.reply(Failure("ReadError"))
    with pytest.raises(
        DownloadError, match=r"https://media.test/v1/bear.mp4 did not arrive: ReadError: broken on purp"
    ) as e:
        gateway.run(gateway.client().download(MEDIA_URL, tmp_path))
    assert len(gateway.requests) == 3
    assert isinstance(e.value.__cause__, gateway.library.ReadError)


@pytest.mark.parametrize("location", [MEDIA_URL, "//:80", "http:b"])
def test_endless_and_broken_redirects_are_an_error(gateway: ScriptedGateway, tmp_path: Path, location: str) -> None:
    """The library's limit applies. It cannot follow all of them."""
    gateway.reply(Reply(302, b"", {"Location": location}))
    with pytest.raises(DownloadError, match=r"did not arrive: (TooMany|Invalid|Unsupp|ValueE)|answered 302"):
        gateway.run(gateway.client(max_retries=0).download(MEDIA_URL, tmp_path))


@pytest.mark.parametrize("promised", ["599999", "700000", "0"])
def test_a_body_of_another_length_is_an_error(gateway: ScriptedGateway, tmp_path: Path, promised: str) -> None:
    """An earlier file stays, and no part is left."""
    gateway.reply(Reply(200, VIDEO, {"Content-Length": promised}))
    dest = tmp_path / "bear.mp4"
    dest.write_bytes(b"earlier")
    with pytest.raises(DownloadError, match=f"ended after 600012 of {promised} bytes: download it again"):
        gateway.run(gateway.client().download(MEDIA_URL, dest))
    assert dest.read_bytes() == b"earlier"
    assert [one.name for one in tmp_path.iterdir()] == ["bear.mp4"]


def test_progress_is_reported(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """The bytes so far and the total, up to the end, which may be at max_bytes."""
    gateway.reply(Reply(200, VIDEO, {"Content-Length": "600012"}))
    seen: list[tuple[int, int | None]] = []
    client = gateway.client()
    gateway.run(client.download(MEDIA_URL, tmp_path, max_bytes=600_012, on_progress=lambda n, of: seen.append((n, of))))
    assert seen == [(262_144, 600_012), (524_288, 600_012), (600_012, 600_012)]


def test_progress_of_a_compressed_body_has_no_total(tmp_path: Path) -> None:
    """Its Content-Length is not the length of the file."""
    gateway = ScriptedGateway("httpx2")
    seen: list[tuple[int, int | None]] = []

    def on_progress(done: int, total: int | None) -> None:
        seen.append((done, total))

    zipped = bytes.fromhex("1f8b0800000000000003330400b7efdc8301000000")  # gzip of "1"
    gateway.reply(Reply(200, zipped, {"Content-Encoding": "gzip", "Content-Length": "21"}))
    dest = gateway.client().download(MEDIA_URL, tmp_path, on_progress=on_progress)
    assert dest.read_bytes() == b"1"
    assert seen == [(1, None)]


@pytest.mark.parametrize("length", ["600012", "-1", "many"])
def test_a_file_beyond_max_bytes_is_given_up(gateway: ScriptedGateway, tmp_path: Path, length: str) -> None:
    """Before anything is written if Content-Length says so, else as soon as the limit is passed."""
    gateway.reply(Reply(200, VIDEO, {"Content-Length": length}))
    written: list[int] = []
    with pytest.raises(DownloadError, match="has more than max_bytes=600011: raise the limit") as caught:
        gateway.run(
            gateway.client().download(
                MEDIA_URL, tmp_path, max_bytes=600_011, on_progress=lambda done, _: written.append(done)
            )
        )
    assert caught.value.url == MEDIA_URL
    assert list(tmp_path.iterdir()) == []
    assert written == ([] if length == "600012" else [262_144, 524_288])


def test_a_part_is_never_at_the_destination(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """The incomplete file is *.part, and an exception of the caller's removes it."""
    gateway.reply(Reply(200, VIDEO))
    seen: list[list[str]] = []

    def stop(*_: object) -> None:
        seen.append([one.name for one in tmp_path.iterdir()])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gateway.run(gateway.client().download(MEDIA_URL, tmp_path, on_progress=stop))
    assert seen == [["bear.mp4.part"]]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://media.test/v1/x/output.mp4?sig=a/b", "output.mp4"),
        ("https://media.test/a%20bear.mp4", "a bear.mp4"),
        ("https://media.test/..%2F..%2Fetc%2Fpasswd", "passwd"),
    ],
)
def test_a_folder_gets_the_name_of_the_url(gateway: ScriptedGateway, tmp_path: Path, url: str, name: str) -> None:
    """The last segment of the path names the file, which is never outside the folder."""
    gateway.reply(Reply(200, b"video"))
    assert gateway.run(gateway.client().download(url, str(tmp_path))) == tmp_path / name
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("path", ["", "/", "/..", "/%2e%2e", "/a%00b", "/a%5C..%5Cb", "/.bashrc"])
def test_a_url_without_a_file_name_needs_a_file(gateway: ScriptedGateway, tmp_path: Path, path: str) -> None:
    """The message has the remedy."""
    gateway.reply(Reply(200, b"video"))
    with pytest.raises(DownloadError, match=r"has no file name for the folder .*: give a file as dest"):
        gateway.run(gateway.client().download(f"https://media.test{path}", tmp_path))
    assert list(tmp_path.iterdir()) == []


WITH_FIFOS = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this platform")


@WITH_FIFOS
@pytest.mark.parametrize("dest", ["bear.mp4", ""])
def test_what_is_no_regular_file_is_not_replaced(gateway: ScriptedGateway, tmp_path: Path, dest: str) -> None:
    """A FIFO, given or found in the folder, stays; nothing is fetched."""
    os.mkfifo(tmp_path / "bear.mp4")
    gateway.reply(Reply(200, b"video"))
    with pytest.raises(DownloadError) as caught:
        gateway.run(gateway.client().download(MEDIA_URL, tmp_path / dest))
    assert str(caught.value) == (
        f"{MEDIA_URL} cannot be written to {tmp_path}/bear.mp4: it is not a regular file: give another dest"
    )
    assert (tmp_path / "bear.mp4").is_fifo()
    assert [one.name for one in tmp_path.iterdir()] == ["bear.mp4"]
    assert gateway.requests == []


@pytest.mark.parametrize("long", ["dest", "url"])
def test_a_name_that_is_too_long_is_named(gateway: ScriptedGateway, tmp_path: Path, long: str) -> None:
    """The message names the file, whether dest or the URL gives its name."""
    name = "x" * 300
    url, dest = (MEDIA_URL, tmp_path / name) if long == "dest" else (f"https://media.test/{name}", tmp_path)
    gateway.reply(Reply(200, b"video"))
    with pytest.raises(DownloadError, match=f"cannot be written to {tmp_path}/{name}: File name too long: give"):
        gateway.run(gateway.client().download(url, dest))


def test_a_file_that_cannot_be_written_is_an_error(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """The message names a missing folder and the reason."""
    gateway.reply(Reply(200, b"video"))
    with pytest.raises(
        DownloadError,
        match=r"cannot be written to .*bear.mp4.part: No such file or directory: create the folder or give",
    ) as e:
        gateway.run(gateway.client().download(MEDIA_URL, tmp_path / "missing" / "bear.mp4"))
    assert isinstance(e.value.__cause__, FileNotFoundError)


def test_a_destination_that_cannot_be_replaced_is_an_error(
    gateway: ScriptedGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part is removed all the same."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    gateway.reply(Reply(200, b"video"))
    with pytest.raises(
        DownloadError, match=r"cannot be written to .*bear.mp4: No space left on device: make room or give"
    ):
        gateway.run(gateway.client().download(MEDIA_URL, tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_in_place_of_the_part_is_not_followed(gateway: ScriptedGateway, tmp_path: Path, dangling: bool) -> None:
    """Another user of the folder must not choose what is overwritten or created. The link stays."""
    victim, link = tmp_path / "victim", tmp_path / "bear.mp4.part"
    if not dangling:
        victim.write_bytes(b"precious")
    link.symlink_to(victim)
    gateway.reply(Reply(200, b"video"))
    assert gateway.run(gateway.client().download(MEDIA_URL, tmp_path)).read_bytes() == b"video"
    assert victim.exists() is not dangling
    assert dangling or victim.read_bytes() == b"precious"
    assert sorted(one.name for one in tmp_path.iterdir() if one != victim) == ["bear.mp4", "bear.mp4.part"]
    assert link.readlink() == victim


@pytest.mark.parametrize("fifo", [False, pytest.param(True, marks=WITH_FIFOS)])
def test_a_link_as_destination_is_replaced(gateway: ScriptedGateway, tmp_path: Path, fifo: bool) -> None:
    """Its target is not written, whether it is a file or a FIFO."""
    victim, dest = tmp_path / "victim", tmp_path / "bear.mp4"
    if fifo:
        os.mkfifo(victim)
    else:
        victim.write_bytes(b"precious")
    dest.symlink_to(victim)
    gateway.reply(Reply(200, b"video"))
    gateway.run(gateway.client().download(MEDIA_URL, dest))
    assert (dest.is_symlink(), dest.read_bytes()) == (False, b"video")
    assert victim.is_fifo() if fifo else victim.read_bytes() == b"precious"


def test_a_part_of_another_download_is_left_alone(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """That download may be under way, or its process killed."""
    (tmp_path / "bear.mp4.part").write_bytes(b"half a vid")
    gateway.reply(Reply(200, VIDEO), Reply(200, b"cut", {"Content-Length": "9"}))
    gateway.run(gateway.client().download(MEDIA_URL, tmp_path))
    with pytest.raises(DownloadError, match="ended after 3 of 9 bytes"):
        gateway.run(gateway.client().download(MEDIA_URL, tmp_path))
    assert (tmp_path / "bear.mp4.part").read_bytes() == b"half a vid"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bear.mp4", "bear.mp4.part"]


def test_two_downloads_to_one_destination_do_not_mix(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """The second begins and ends in the middle of the first. Each file is complete when it is renamed; the last one stays."""
    dest = tmp_path / "bear.mp4"
    between: list[bytes] = []
    other = ScriptedGateway("httpx2")
    other.reply(Reply(200, b"other video"))

    def begin_another(done: int, _total: int | None) -> None:
        if done == 262_144:
            other.client().download(MEDIA_URL, dest)
            between.append(dest.read_bytes())

    gateway.reply(Reply(200, VIDEO))
    gateway.run(gateway.client().download(MEDIA_URL, dest, on_progress=begin_another))
    assert between == [b"other video"]
    assert dest.read_bytes() == VIDEO
    assert [one.name for one in tmp_path.iterdir()] == ["bear.mp4"]


@pytest.mark.skipif(os.name != "posix", reason="no umask")
def test_a_file_has_the_usual_permissions(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """Those of the umask."""
    gateway.reply(Reply(200, b"video"))
    before = os.umask(0o027)
    try:
        dest = gateway.run(gateway.client().download(MEDIA_URL, tmp_path))
    finally:
        os.umask(before)
    assert stat.S_IMODE(dest.stat().st_mode) == 0o640


def test_an_error_of_on_progress_is_raised_unchanged(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """It is not taken for a broken connection, and the download is not repeated."""

    def fail(*_: object) -> None:
        raise LookupError("mine")

    gateway.reply(Reply(200, b"video"))
    with pytest.raises(LookupError, match="mine"):
        gateway.run(gateway.client().download(MEDIA_URL, tmp_path, on_progress=fail))
    assert len(gateway.requests) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_download_leaves_no_part(backend: str, tmp_path: Path) -> None:
    """Cancelled in the middle of the body, on both event loops."""
    gateway = ScriptedGateway(f"httpx2-{backend}")
    gateway.reply(Reply(200, VIDEO))
    client: Any = gateway.client()

    async def main() -> bool:
        with anyio.CancelScope() as scope:

            def stop(_done: int, _total: int | None) -> None:
                scope.cancel()

            await client.download(MEDIA_URL, tmp_path, on_progress=stop)
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_no_file(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """A dest that ends like a folder's name must be one."""
    with pytest.raises(DownloadError, match=r"cannot be written to .*/videos, which is not a folder: create it"):
        gateway.run(gateway.client().download(MEDIA_URL, f"{tmp_path}/videos/"))
    assert gateway.requests == []


def test_a_file_is_not_written_over_a_folder(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """That is found before anything is fetched."""
    (tmp_path / "bear.mp4").mkdir()
    with pytest.raises(DownloadError, match="it is not a regular file: give another dest"):
        gateway.run(gateway.client().download(MEDIA_URL, tmp_path))
    assert gateway.requests == []


@pytest.mark.parametrize("url", ["http://[bad/bear.mp4", "https://\u2100.com/bear.mp4"])
def test_a_url_that_cannot_be_parsed_is_an_error_of_the_download(
    gateway: ScriptedGateway, tmp_path: Path, url: str
) -> None:
    """Whether dest is a file or a folder."""
    gateway.reply(Failure("ConnectError"))
    for dest in (tmp_path, tmp_path / "bear.mp4"):
        with pytest.raises(DownloadError):
            gateway.run(gateway.client().download(url, dest))


def test_a_chunked_file_has_no_announced_length(gateway: ScriptedGateway, tmp_path: Path) -> None:
    """Transfer-Encoding overrides a Content-Length beside it (RFC 9112, 6.3)."""
    gateway.reply(Reply(200, b"video", {"Transfer-Encoding": "chunked", "Content-Length": "7"}))
    assert gateway.run(gateway.client().download(MEDIA_URL, tmp_path)).read_bytes() == b"video"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_asynchronous_on_progress_is_awaited(backend: str, tmp_path: Path) -> None:
    """A coroutine function may be passed as well as a plain one, which may return what it likes."""
    gateway = ScriptedGateway(f"httpx2-{backend}")
    seen: list[int] = []

    async def on_progress(done: int, _: int | None) -> None:
        seen.append(done)

    def plain(done: int, _: int | None) -> bool:
        seen.append(done)
        return True

    gateway.reply(Reply(200, b"video"))
    for function in (on_progress, plain):
        gateway.run(gateway.client().download(MEDIA_URL, tmp_path, on_progress=function))
    assert seen == [5, 5]
