"""What the header of an image says."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.simulator.specimens import data_url, jpeg, png, webp

from pixazo_simulator.image import ImageFacts, image_facts, read_data_url

STARTS = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x00\x00\x00\x00WEBP", b"RIFF\x00\x00\x00\x00WEBPVP8 ", b""]


def saved(kind: str, size: tuple[int, int], **options: object) -> bytes:
    """A picture as another program writes it."""
    file = io.BytesIO()
    Image.new("RGB", size, "navy").save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("png", {}), ("jpeg", {}), ("jpeg", {"progressive": True}), ("webp", {}), ("webp", {"lossless": True})],
)
def test_pictures_of_another_program_are_read(kind: str, options: dict[str, object]) -> None:
    """Format, frame, size and wholeness, of each coding."""
    data = saved(kind, (640, 360), **options)
    assert image_facts(data) == ImageFacts(kind, 640, 360, len(data), whole=True)


@pytest.mark.parametrize(("kind", "make"), [("png", png), ("jpeg", jpeg), ("webp", webp)])
def test_headers_built_by_hand_are_read(kind: str, make: Callable[[int, int], bytes]) -> None:
    """Every byte of these is in this folder."""
    data = make(301, 700)
    assert image_facts(data) == ImageFacts(kind, 301, 700, len(data), whole=True)


def test_the_frame_is_the_stored_one() -> None:
    """An EXIF rotation does not swap the sides."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved("jpeg", (640, 360), exif=exif)
    assert (image_facts(data).width, image_facts(data).height) == (640, 360)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_picture_cut_short_is_not_whole(kind: str) -> None:
    """Its header may still be read."""
    data = saved(kind, (640, 360))
    facts = image_facts(data[: len(data) * 3 // 4])
    assert (facts.format, facts.whole) == (kind, False)


@pytest.mark.parametrize("data", [b"", b"GIF89a" + b"\0" * 50, b"<svg/>", b"RIFF\x00\x00\x00\x00WAVE", b"\xff\xd8"])
def test_anything_else_is_other(data: bytes) -> None:
    """Without a frame."""
    assert image_facts(data) == ImageFacts("other", -1, -1, len(data), whole=False)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xc0\x00\x01", "jpeg"),
        (b"\xff\xd8\xff\xc0\x00\x05ab", "jpeg"),
        (b"\xff\xd8\xff", "jpeg"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "png"),
        (b"RIFF\x08\x00\x00\x00WEBPVP8X", "webp"),
    ],
)
def test_a_damaged_header_tells_no_frame(data: bytes, kind: str) -> None:
    """Its format is still known."""
    facts = image_facts(data)
    assert facts.format == kind
    assert min(facts.width, facts.height) <= 0


@pytest.mark.parametrize("kind", ["png", "jpeg", "jpg", "webp", "PNG", "jpeg;name=bear.jpg", "png;charset=utf-8"])
def test_a_data_url_gives_its_bytes(kind: str) -> None:
    """JPEG, PNG or WebP, with or without parameters."""
    assert read_data_url(data_url(b"\x00\xffbear", kind)) == b"\x00\xffbear"


@pytest.mark.parametrize(
    "text",
    [
        "data:image/gif;base64,AAAA",
        "data:image/svg+xml;base64,AAAA",
        "data:text/plain;base64,AAAA",
        "data:image/png,AAAA",
        "data:image/png;base64,AAA",
        "data:image/png;base64,A A A A",
        "data:image/png;base64,AAAé",
        "data:image/png;base64,====",
        "data:",
        "",
    ],
)
def test_what_is_no_data_url_of_an_image_is_none(text: str) -> None:
    """Another type, no Base64, broken Base64."""
    assert read_data_url(text) is None


@given(st.text() | st.text().map("data:image/png;base64,".__add__))
def test_reading_a_data_url_never_raises(text: str) -> None:
    """Whatever the text."""
    assert isinstance(read_data_url(text), bytes | None)


@given(st.binary())
def test_a_data_url_of_any_bytes_gives_those_bytes(data: bytes) -> None:
    """Reading and writing are inverse."""
    assert read_data_url(data_url(data)) == data


@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=300))
def test_reading_a_header_never_raises(start: bytes, rest: bytes) -> None:
    """Any bytes behind any signature."""
    facts = image_facts(start + rest)
    assert facts.size == len(start) + len(rest)


@given(kind=st.sampled_from([png(301, 301), jpeg(301, 301), webp(301, 301)]), data=st.data())
def test_a_damaged_header_never_raises(kind: bytes, data: st.DataObject) -> None:
    """A good picture, some bytes changed, cut somewhere."""
    damaged = bytearray(kind)
    for place, value in data.draw(st.dictionaries(st.integers(0, len(kind) - 1), st.integers(0, 255))).items():
        damaged[place] = value
    image_facts(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
