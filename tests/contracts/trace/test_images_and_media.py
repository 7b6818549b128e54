"""The images that probes send are what they claim to be, and downloads are read right."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.contracts.gateways.fake_gateway import box

from pixazo_contracts.probes.images import bmp, data_url, gif, jpeg, png, svg, webp
from pixazo_contracts.trace.exchange import MediaFacts
from pixazo_contracts.trace.media import inspect_media

if TYPE_CHECKING:
    from collections.abc import Callable

sides = st.integers(1, 400)


@pytest.mark.parametrize(("encode", "name"), [(png, "PNG"), (jpeg, "JPEG"), (webp, "WEBP"), (gif, "GIF"), (bmp, "BMP")])
@pytest.mark.parametrize("size", [(301, 600), (755, 302), (640, 480), (1, 1), (9, 17)])
def test_an_image_decodes_to_its_size(encode: Callable[[int, int], bytes], name: str, size: tuple[int, int]) -> None:
    """An independent decoder reads format, size and every pixel."""
    with Image.open(io.BytesIO(encode(*size))) as image:
        image.load()
        assert (image.format, image.size) == (name, size)
        assert len({image.getpixel((0, 0)), image.getpixel((size[0] - 1, size[1] - 1))}) == 1


@given(sides, sides)
def test_any_jpeg_decodes(width: int, height: int) -> None:
    """Whatever the number of blocks, the last byte of a JPEG is filled up right."""
    with Image.open(io.BytesIO(jpeg(width, height))) as image:
        image.load()
        assert image.size == (width, height)


def test_padding_makes_a_png_large_and_keeps_it_valid() -> None:
    """A PNG with a megabyte of padding is that much larger and decodes still."""
    padded = png(640, 480, padding=1_000_000)
    assert len(padded) == len(png(640, 480)) + 1_000_000 + 12
    with Image.open(io.BytesIO(padded)) as image:
        image.load()
        assert image.size == (640, 480)


def test_a_data_url_is_base64() -> None:
    """The bytes `abc` as a data URL, spelled out."""
    assert data_url("image/png", b"abc") == "data:image/png;base64,YWJj"


def test_an_svg_is_text() -> None:
    """An SVG names its size."""
    assert svg(3, 4).startswith(b'<svg xmlns="http://www.w3.org/2000/svg" width="3" height="4">')


FTYP = box(b"ftyp", b"isom\x00\x00\x02\x00")
MVHD_0 = box(b"mvhd", bytes(12) + struct.pack(">II", 600, 3600) + bytes(80))
MVHD_1 = box(b"mvhd", b"\x01" + bytes(19) + struct.pack(">IQ", 1000, 10_040) + bytes(80))
TKHD = box(b"tkhd", bytes(76) + struct.pack(">II", 1366 << 16, 768 << 16))
SOUND = box(b"trak", box(b"tkhd", bytes(84)))


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (FTYP + box(b"moov", MVHD_0 + SOUND + box(b"trak", TKHD)), MediaFacts("mp4", 6.0, 1366, 768)),
        (FTYP + box(b"mdat", bytes(99)) + box(b"moov", MVHD_1), MediaFacts("mp4", 10.04)),
        (FTYP, MediaFacts("mp4")),
        (b"\x1a\x45\xdf\xa3" + bytes(9), MediaFacts("matroska")),
        (b"RIFF\x00\x00\x00\x00AVI LIST", MediaFacts("avi")),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", MediaFacts(None)),
        (b'{"media": true}', MediaFacts(None)),
        (b"", MediaFacts(None)),
    ],
    ids=["version 0", "version 1, header last", "no header", "Matroska", "AVI", "WAVE", "JSON", "nothing"],
)
def test_downloads_are_recognised(data: bytes, facts: MediaFacts) -> None:
    """Container, playing time and frame are read from the bytes; where they are silent, so is the answer."""
    assert inspect_media(data) == facts


@given(st.binary(max_size=200), st.integers(0, 200))
def test_broken_movies_raise_nothing(noise: bytes, cut: int) -> None:
    """Noise inside a movie, and a movie cut anywhere, are read as far as they go."""
    movie = FTYP + box(b"moov", MVHD_0 + noise + box(b"trak", TKHD))
    assert inspect_media(movie).container == "mp4"
    assert inspect_media(movie[:cut] if cut > 12 else movie).container == "mp4"
