"""Serving media as RFC 9110 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.gateway.media import serve
from pixazo_simulator.spec.responses import Answer

CONTENT = b"0123456789"


def ask(method: str = "GET", content: bytes = CONTENT, **headers: str) -> Answer:
    """The response to one request for some content with the tag `t`."""
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return serve(content, '"t"', "video/mp4", method, raw)


def test_all_of_it() -> None:
    response = ask()
    assert (response.status, response.body) == (200, CONTENT)
    assert dict(response.headers) == {
        b"content-type": b"video/mp4",
        b"etag": b'"t"',
        b"accept-ranges": b"bytes",
        b"cache-control": b"public, max-age=3600",
    }


@pytest.mark.parametrize(
    ("asked", "sent", "span"),
    [
        ("bytes=0-0", b"0", "0-0"),
        ("bytes=2-5", b"2345", "2-5"),
        ("bytes=2-", b"23456789", "2-9"),
        ("bytes=0-", CONTENT, "0-9"),
        ("bytes=8-999", b"89", "8-9"),
        ("bytes=-3", b"789", "7-9"),
        ("bytes=-10", CONTENT, "0-9"),
        ("bytes=-999", CONTENT, "0-9"),
        (" bytes=9-9 ", b"9", "9-9"),
    ],
)
def test_a_range(asked: str, sent: bytes, span: str) -> None:
    response = ask(range=asked)
    assert (response.status, response.body) == (206, sent)
    assert dict(response.headers)[b"content-range"] == f"bytes {span}/10".encode()
    assert dict(response.headers)[b"etag"] == b'"t"'


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=5-4"])
def test_a_range_beyond_the_content(asked: str) -> None:
    response = ask(range=asked)
    assert (response.status, response.body) == (416, b"")
    assert dict(response.headers)[b"content-range"] == b"bytes */10"


@pytest.mark.parametrize(
    "asked",
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,4-5", "items=0-1", "bytes=1-2-3", f"bytes={'9' * 19}-"],
)
def test_what_is_no_single_range_is_ignored(asked: str) -> None:
    """As the RFC allows. It defines ranges for GET only, and If-Range only with a range."""
    for response in (ask(range=asked), ask("HEAD", range="bytes=2-5"), ask(if_range='"other"')):
        assert (response.status, response.body) == (200, CONTENT)


@pytest.mark.parametrize(
    ("condition", "tag", "status"),
    [("if_range", '"t"', 206), ("if_range", '"other"', 200), ("if_range", 'W/"t"', 200), ("if_range", "t", 200),
     ("if_match", '"a", "t"', 206), ("if_match", "*", 206), ("if_match", '"other"', 412), ("if_match", 'W/"t"', 412)],
)  # fmt: skip
def test_a_range_of_what_it_was(condition: str, tag: str, status: int) -> None:
    """A part only of the very content that the caller has begun to read, by a strong tag: else the whole, or with If-Match nothing."""
    assert ask("GET", CONTENT, range="bytes=2-5", **{condition: tag}).status == status


@pytest.mark.parametrize("tags", ['"t"', 'W/"t"', '"a", "t"', "*", '"a",W/"t","b"'])
def test_what_the_caller_has_is_not_sent_again(tags: str) -> None:
    """If-None-Match compares weakly; it comes before any range."""
    for method in ("GET", "HEAD"):
        response = ask(method, if_none_match=tags, range="bytes=2-5")
        assert (response.status, response.body, dict(response.headers)[b"etag"]) == (304, b"", b'"t"')


@pytest.mark.parametrize("tags", ['"other"', "t", '"T"', ""])
def test_what_the_caller_does_not_have_is_sent(tags: str) -> None:
    assert ask(if_none_match=tags).status == 200


@given(content=st.binary(max_size=40), begin=st.integers(0, 50), end=st.none() | st.integers(0, 50))
def test_a_range_is_the_slice(content: bytes, begin: int, end: int | None) -> None:
    """Whatever its bounds, where there is anything in between."""
    response = ask(content=content, range=f"bytes={begin}-{'' if end is None else end}")
    expected = content[begin:] if end is None else content[begin : end + 1]
    assert response.status == (206 if expected else 416)
    assert response.body == expected


@given(content=st.binary(max_size=40), count=st.integers(0, 50))
def test_a_suffix_is_the_end(content: bytes, count: int) -> None:
    response = ask(content=content, range=f"bytes=-{count}")
    expected = content[-count:] if count else b""
    assert response.status == (206 if expected else 416)
    assert response.body == expected


@given(content=st.binary(min_size=1, max_size=40), size=st.integers(1, 10))
def test_parts_make_the_whole(content: bytes, size: int) -> None:
    """Read one after the other until 416, as a resumed download does."""
    read = b""
    while (response := ask(content=content, range=f"bytes={len(read)}-{len(read) + size - 1}")).status == 206:
        assert dict(response.headers)[b"content-range"].startswith(f"bytes {len(read)}-".encode())
        read += response.body
    assert read == content


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_does_worse_than_be_ignored(text: str) -> None:
    response = ask(range=text, if_range=text, if_none_match=text)
    assert response.status in (200, 206, 304, 416)
    assert dict(response.headers)[b"etag"] == b'"t"'
