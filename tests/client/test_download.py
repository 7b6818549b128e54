"""Downloading: whole or not at all, without the key, only what is COMPLETED."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.client.scripted_gateway import KEY, MEDIA_URL, Answer, Break, ScriptedGateway

from pixazo_client import DownloadError, Generation

VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(600_000)


def completed(*urls: str) -> Generation:
    """A COMPLETED Generation with these results."""
    return Generation("minimax-hailuo-ai_1", "COMPLETED", media_urls=urls)


def test_a_result_is_written_whole(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """The bytes are those of the media host; the path is returned; nothing else is left."""
    scripted.will(Answer(200, VIDEO))
    dest = tmp_path / "bear.mp4"
    assert scripted.do(scripted.client().download(completed(MEDIA_URL), dest)) == dest
    assert dest.read_bytes() == VIDEO
    assert [one.name for one in tmp_path.iterdir()] == ["bear.mp4"]
    assert [(one.method, one.url) for one in scripted.seen] == [("GET", "https://media.test/v1/bear.mp4")]


def test_every_result_can_be_had(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """CLIENT-04: each entry of media_url by its index."""
    generation = completed("https://media.test/1.mp4", "https://media.test/2.mp4")
    scripted.will(Answer(200, b"one"), Answer(200, b"two"))
    client = scripted.client()
    for index in range(len(generation.media_urls)):
        scripted.do(client.download(generation, tmp_path, index=index))
    assert (tmp_path / "1.mp4").read_bytes() == b"one"
    assert (tmp_path / "2.mp4").read_bytes() == b"two"


@pytest.mark.parametrize("url", [MEDIA_URL, "https://gateway.test/v1/bear.mp4"])
def test_the_key_is_not_shown_to_a_media_host(scripted: ScriptedGateway, tmp_path: Path, url: str) -> None:
    """CLIENT-04: not even if it is the gateway's own host, nor after a redirect to it, nor from the user's own client."""
    scripted.will(Answer(302, b"", {"Location": "https://gateway.test/v2/bear.mp4"}), Answer(200, b"video"))
    library = scripted.library
    transport = library.MockTransport(scripted.handle)
    kind = library.AsyncClient if scripted.backend else library.Client
    http = kind(transport=transport, headers={"ocp-apim-subscription-key": KEY}, auth=("user", "secret"))
    scripted.do(scripted.client(http_client=http).download(completed(url), tmp_path))
    assert [one.url for one in scripted.seen] == [url, "https://gateway.test/v2/bear.mp4"]
    assert all(KEY not in str(one) and "authorization" not in one.headers for one in scripted.seen)


@pytest.mark.parametrize("status", ["QUEUED", "PROCESSING", "FAILED", "ERROR", "succeeded"])
def test_only_a_completed_generation_is_downloaded(scripted: ScriptedGateway, tmp_path: Path, status: str) -> None:
    """CLIENT-04: nothing is sent before, even if an address is there."""
    generation = Generation("minimax-hailuo-ai_1", status, media_urls=(MEDIA_URL,))
    with pytest.raises(DownloadError, match=f"'minimax-hailuo-ai_1' is {status}: wait until it is COMPLETED"):
        scripted.do(scripted.client().download(generation, tmp_path))
    assert scripted.seen == []


@pytest.mark.parametrize(("urls", "index"), [((), 0), ((MEDIA_URL,), 1), ((MEDIA_URL,), -1)])
def test_an_index_without_a_result_is_refused(
    scripted: ScriptedGateway, tmp_path: Path, urls: tuple[str, ...], index: int
) -> None:
    """COMPLETED without media happens."""
    with pytest.raises(DownloadError, match=f"has {len(urls)} media, none at index {index}"):
        scripted.do(scripted.client().download(completed(*urls), tmp_path, index=index))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "v1/bear.mp4", "", "ftp://media.test/a"])
def test_only_http_is_fetched(scripted: ScriptedGateway, tmp_path: Path, url: str) -> None:
    """An object key or a local file is no address."""
    with pytest.raises(DownloadError, match=r"is not an http\(s\) address"):
        scripted.do(scripted.client().download(url, tmp_path))
    assert scripted.seen == []


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_of_the_media_host_is_an_error(scripted: ScriptedGateway, tmp_path: Path, status: int) -> None:
    """Its page is not mistaken for a video; the error names URL, without its signature, and code."""
    scripted.will(Answer(status, b"<Error>expired</Error>"))
    with pytest.raises(DownloadError, match=f"^https://media.test/a.mp4 answered {status}: the link may have exp") as e:
        scripted.do(scripted.client().download("https://media.test/a.mp4?signature=s3cret", tmp_path / "a.mp4"))
    assert (e.value.url, e.value.status_code) == ("https://media.test/a.mp4?signature=s3cret", status)
    assert list(tmp_path.iterdir()) == []
    assert len(scripted.seen) == 1


@pytest.mark.parametrize("status", [204, 206, 304, 503])
def test_a_link_that_works_is_not_called_expired(scripted: ScriptedGateway, tmp_path: Path, status: int) -> None:
    """No file came, but a fresh link would not help."""
    scripted.will(Answer(status, b""))
    with pytest.raises(DownloadError) as caught:
        scripted.do(scripted.client(max_retries=0).download(MEDIA_URL, tmp_path))
    assert str(caught.value) == f"{MEDIA_URL} answered {status}, not with the whole file: download it again"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trouble", [Break("ConnectError"), Break("ReadTimeout"), Answer(503, b""), Answer(429, b"")])
def test_a_download_is_repeated_after_a_transient_failure(
    scripted: ScriptedGateway, tmp_path: Path, trouble: Answer | Break
) -> None:
    """It is a GET."""
    scripted.will(trouble, trouble, Answer(200, b"video"))
    dest = scripted.do(scripted.client().download(MEDIA_URL, tmp_path))
    assert dest.read_bytes() == b"video"
    assert scripted.pauses == [0.375, 0.75]


def test_a_download_that_never_comes_is_an_error(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """With the library's reason, and its exception as the cause."""
    scripted.will(Break("ReadError"))
    with pytest.raises(
        DownloadError, match=r"https://media.test/v1/bear.mp4 did not arrive: ReadError: broken on purp"
    ) as e:
        scripted.do(scripted.client().download(MEDIA_URL, tmp_path))
    assert len(scripted.seen) == 3
    assert isinstance(e.value.__cause__, scripted.library.ReadError)


def test_endless_redirects_are_an_error(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """The library's limit holds."""
    scripted.will(Answer(302, b"", {"Location": MEDIA_URL}))
    with pytest.raises(DownloadError, match="did not arrive: TooManyRedirects"):
        scripted.do(scripted.client(max_retries=0).download(MEDIA_URL, tmp_path))


@pytest.mark.parametrize("promised", ["599999", "700000", "0"])
def test_a_body_of_another_length_is_an_error(scripted: ScriptedGateway, tmp_path: Path, promised: str) -> None:
    """What was there before stays; no part is left."""
    scripted.will(Answer(200, VIDEO, {"Content-Length": promised}))
    dest = tmp_path / "bear.mp4"
    dest.write_bytes(b"earlier")
    with pytest.raises(DownloadError, match=f"ended after 600012 of {promised} bytes: download it again"):
        scripted.do(scripted.client().download(MEDIA_URL, dest))
    assert dest.read_bytes() == b"earlier"
    assert [one.name for one in tmp_path.iterdir()] == ["bear.mp4"]


def test_progress_is_reported(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """Bytes so far and in all, growing to the end."""
    scripted.will(Answer(200, VIDEO, {"Content-Length": "600012"}))
    seen: list[tuple[int, int | None]] = []
    scripted.do(
        scripted.client().download(MEDIA_URL, tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    )
    assert seen == [(262_144, 600_012), (524_288, 600_012), (600_012, 600_012)]


def test_progress_of_a_compressed_body_has_no_total(tmp_path: Path) -> None:
    """Its length is not that of the file."""
    scripted = ScriptedGateway("httpx2")
    seen: list[tuple[int, int | None]] = []

    def on_progress(done: int, total: int | None) -> None:
        seen.append((done, total))

    zipped = bytes.fromhex("1f8b0800000000000003330400b7efdc8301000000")  # gzip of "1"
    scripted.will(Answer(200, zipped, {"Content-Encoding": "gzip", "Content-Length": "21"}))
    dest = scripted.client().download(MEDIA_URL, tmp_path, on_progress=on_progress)
    assert dest.read_bytes() == b"1"
    assert seen == [(1, None)]


@pytest.mark.parametrize("length", ["600012", "-1", "many"])
def test_a_file_beyond_max_bytes_is_given_up(scripted: ScriptedGateway, tmp_path: Path, length: str) -> None:
    """Before anything is written if the length says so, else as soon as it shows."""
    scripted.will(Answer(200, VIDEO, {"Content-Length": length}))
    written: list[int] = []
    with pytest.raises(DownloadError, match="has more than max_bytes=600011: raise the limit") as caught:
        scripted.do(
            scripted.client().download(
                MEDIA_URL, tmp_path, max_bytes=600_011, on_progress=lambda done, _: written.append(done)
            )
        )
    assert caught.value.url == MEDIA_URL
    assert list(tmp_path.iterdir()) == []
    assert written == ([] if length == "600012" else [262_144, 524_288])


def test_max_bytes_itself_is_allowed(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """The limit is inclusive."""
    scripted.will(Answer(200, VIDEO, {"Content-Length": "600012"}))
    assert scripted.do(scripted.client().download(MEDIA_URL, tmp_path, max_bytes=600_012)).stat().st_size == 600_012


def test_a_part_is_never_at_the_destination(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """While it comes it is *.part; an exception of the caller's removes it."""
    scripted.will(Answer(200, VIDEO))
    seen: list[list[str]] = []

    def stop(*_: object) -> None:
        seen.append([one.name for one in tmp_path.iterdir()])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scripted.do(scripted.client().download(MEDIA_URL, tmp_path, on_progress=stop))
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
def test_a_folder_gets_the_name_of_the_url(scripted: ScriptedGateway, tmp_path: Path, url: str, name: str) -> None:
    """Its last segment, and never outside the folder."""
    scripted.will(Answer(200, b"video"))
    assert scripted.do(scripted.client().download(url, str(tmp_path))) == tmp_path / name
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("path", ["", "/", "/..", "/%2e%2e", "/a%00b", "/a%5C..%5Cb", "/.bashrc"])
def test_a_url_without_a_file_name_needs_a_file(scripted: ScriptedGateway, tmp_path: Path, path: str) -> None:
    """The remedy is in the message."""
    scripted.will(Answer(200, b"video"))
    with pytest.raises(DownloadError, match=r"has no file name for the folder .*: give a file as dest"):
        scripted.do(scripted.client().download(f"https://media.test{path}", tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this platform")
@pytest.mark.parametrize("dest", ["bear.mp4", ""])
def test_what_is_no_regular_file_is_not_replaced(scripted: ScriptedGateway, tmp_path: Path, dest: str) -> None:
    """A device or a FIFO, given or found in the folder, stays what it is; nothing is fetched."""
    os.mkfifo(tmp_path / "bear.mp4")
    scripted.will(Answer(200, b"video"))
    with pytest.raises(DownloadError) as caught:
        scripted.do(scripted.client().download(MEDIA_URL, tmp_path / dest))
    assert str(caught.value) == (
        f"{MEDIA_URL} cannot be written to {tmp_path}/bear.mp4: it is no regular file: give another dest"
    )
    assert (tmp_path / "bear.mp4").is_fifo()
    assert [one.name for one in tmp_path.iterdir()] == ["bear.mp4"]
    assert scripted.seen == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this platform")
def test_a_link_to_what_is_no_regular_file_is_replaced(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """As any link; the FIFO stays."""
    os.mkfifo(tmp_path / "fifo")
    dest = tmp_path / "bear.mp4"
    dest.symlink_to(tmp_path / "fifo")
    scripted.will(Answer(200, b"video"))
    scripted.do(scripted.client().download(MEDIA_URL, dest))
    assert (dest.is_symlink(), dest.read_bytes()) == (False, b"video")
    assert (tmp_path / "fifo").is_fifo()


@pytest.mark.parametrize("long", ["dest", "url"])
def test_a_name_that_is_too_long_is_named(scripted: ScriptedGateway, tmp_path: Path, long: str) -> None:
    """The file that cannot be written, whether dest or the URL gives its name."""
    name = "x" * 300
    url, dest = (MEDIA_URL, tmp_path / name) if long == "dest" else (f"https://media.test/{name}", tmp_path)
    scripted.will(Answer(200, b"video"))
    with pytest.raises(DownloadError, match=f"cannot be written to {tmp_path}/{name}: File name too long: give"):
        scripted.do(scripted.client().download(url, dest))


def test_a_file_that_cannot_be_written_is_an_error(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """A missing folder, named with the reason."""
    scripted.will(Answer(200, b"video"))
    with pytest.raises(
        DownloadError, match=r"cannot be written to .*bear.mp4.part: No such file or directory: give"
    ) as e:
        scripted.do(scripted.client().download(MEDIA_URL, tmp_path / "missing" / "bear.mp4"))
    assert isinstance(e.value.__cause__, FileNotFoundError)


def test_a_destination_that_cannot_be_replaced_is_an_error(
    scripted: ScriptedGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part is removed all the same."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    scripted.will(Answer(200, b"video"))
    with pytest.raises(DownloadError, match=r"cannot be written to .*bear.mp4: No space left on device"):
        scripted.do(scripted.client().download(MEDIA_URL, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_place_of_the_part_is_not_followed(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """Whoever may write to the folder does not choose what we overwrite; their link is left alone."""
    victim, link = tmp_path / "victim", tmp_path / "bear.mp4.part"
    victim.write_bytes(b"precious")
    link.symlink_to(victim)
    scripted.will(Answer(200, b"video"))
    assert scripted.do(scripted.client().download(MEDIA_URL, tmp_path)).read_bytes() == b"video"
    assert victim.read_bytes() == b"precious"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bear.mp4", "bear.mp4.part", "victim"]
    assert link.readlink() == victim


def test_a_dangling_link_in_place_of_the_part_is_not_followed(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """No file is made where it leads."""
    (tmp_path / "bear.mp4.part").symlink_to(tmp_path / "new")
    scripted.will(Answer(200, b"video"))
    scripted.do(scripted.client().download(MEDIA_URL, tmp_path))
    assert not (tmp_path / "new").exists()


def test_a_link_as_destination_is_replaced(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """Not the file it leads to."""
    (tmp_path / "victim").write_bytes(b"precious")
    dest = tmp_path / "bear.mp4"
    dest.symlink_to(tmp_path / "victim")
    scripted.will(Answer(200, b"video"))
    scripted.do(scripted.client().download(MEDIA_URL, dest))
    assert (dest.is_symlink(), dest.read_bytes()) == (False, b"video")
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_a_part_of_another_download_is_left_alone(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """Under way or killed: nobody can tell."""
    (tmp_path / "bear.mp4.part").write_bytes(b"half a vid")
    scripted.will(Answer(200, VIDEO), Answer(200, b"cut", {"Content-Length": "9"}))
    scripted.do(scripted.client().download(MEDIA_URL, tmp_path))
    with pytest.raises(DownloadError, match="ended after 3 of 9 bytes"):
        scripted.do(scripted.client().download(MEDIA_URL, tmp_path))
    assert (tmp_path / "bear.mp4.part").read_bytes() == b"half a vid"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bear.mp4", "bear.mp4.part"]


def test_two_downloads_to_one_destination_do_not_mix(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """A second one, begun and ended in the middle of the first: each is whole when it has its name, the last one stays."""
    dest = tmp_path / "bear.mp4"
    between: list[bytes] = []
    other = ScriptedGateway("httpx2")
    other.will(Answer(200, b"other video"))

    def begin_another(done: int, _total: int | None) -> None:
        if done == 262_144:
            other.client().download(MEDIA_URL, dest)
            between.append(dest.read_bytes())

    scripted.will(Answer(200, VIDEO))
    scripted.do(scripted.client().download(MEDIA_URL, dest, on_progress=begin_another))
    assert between == [b"other video"]
    assert dest.read_bytes() == VIDEO
    assert [one.name for one in tmp_path.iterdir()] == ["bear.mp4"]


@pytest.mark.skipif(os.name != "posix", reason="no umask")
def test_a_file_has_the_usual_permissions(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """Those of the umask, as any file that is written."""
    scripted.will(Answer(200, b"video"))
    before = os.umask(0o027)
    try:
        dest = scripted.do(scripted.client().download(MEDIA_URL, tmp_path))
    finally:
        os.umask(before)
    assert stat.S_IMODE(dest.stat().st_mode) == 0o640


def test_an_error_of_the_callback_is_the_callers(scripted: ScriptedGateway, tmp_path: Path) -> None:
    """It is not taken for a broken connection, and the download is not repeated."""

    def fail(*_: object) -> None:
        raise LookupError("mine")

    scripted.will(Answer(200, b"video"))
    with pytest.raises(LookupError, match="mine"):
        scripted.do(scripted.client().download(MEDIA_URL, tmp_path, on_progress=fail))
    assert len(scripted.seen) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_download_leaves_no_part(backend: str, tmp_path: Path) -> None:
    """Cancellation in mid-body, on both event loops."""
    scripted = ScriptedGateway(f"httpx2-{backend}")
    scripted.will(Answer(200, VIDEO))
    client: Any = scripted.client()

    async def main() -> bool:
        with anyio.CancelScope() as scope:

            def stop(_done: int, _total: int | None) -> None:
                scope.cancel()

            await client.download(MEDIA_URL, tmp_path, on_progress=stop)
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    assert list(tmp_path.iterdir()) == []
