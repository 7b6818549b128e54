"""The images that probes send are what they claim to be."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pixazo_contracts.probes.images import AVIF, bmp, data_url, gif, jpeg, png, svg, tiff, webp

if TYPE_CHECKING:
    from collections.abc import Callable

sides = st.integers(1, 400)


CLEAR, PROGRESSIVE = partial(png, alpha=True), partial(jpeg, progressive=True)
ENCODERS = (
    (png, "PNG"),
    (CLEAR, "PNG"),
    (jpeg, "JPEG"),
    (PROGRESSIVE, "JPEG"),
    (webp, "WEBP"),
    (gif, "GIF"),
    (bmp, "BMP"),
    (tiff, "TIFF"),
)


@pytest.mark.parametrize(("encode", "name"), ENCODERS)
@pytest.mark.parametrize("size", [(301, 600), (755, 302), (640, 480), (1, 1), (9, 17)])
def test_an_image_decodes_to_its_size(encode: Callable[[int, int], bytes], name: str, size: tuple[int, int]) -> None:
    """An independent decoder reads format, size and every pixel."""
    with Image.open(io.BytesIO(encode(*size))) as image:
        image.load()
        assert (image.format, image.size) == (name, size)
        assert len({image.getpixel((0, 0)), image.getpixel((size[0] - 1, size[1] - 1))}) == 1


def test_transparency_and_progression_are_what_a_decoder_sees() -> None:
    """The one has an alpha channel, the other comes in scans."""
    with Image.open(io.BytesIO(CLEAR(9, 17))) as clear, Image.open(io.BytesIO(PROGRESSIVE(9, 17))) as progressive:
        assert (clear.mode, progressive.info["progressive"]) == ("RGBA", 1)


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


def test_the_avif_is_one() -> None:
    """Its items are named, it has 640 x 480 pixels, and its data fill the rest (Pillow need not read AVIF)."""
    boxes, at = dict[bytes, bytes](), 0
    while at < len(AVIF):
        size = int.from_bytes(AVIF[at : at + 4], "big")
        boxes[AVIF[at + 4 : at + 8]], at = AVIF[at + 8 : at + size], at + size
    assert (list(boxes), at) == ([b"ftyp", b"meta", b"mdat"], len(AVIF))
    assert b"ispe" + bytes(4) + (640).to_bytes(4, "big") + (480).to_bytes(4, "big") in boxes[b"meta"]


def test_an_svg_is_text() -> None:
    """An SVG names its size."""
    assert svg(3, 4).startswith(b'<svg xmlns="http://www.w3.org/2000/svg" width="3" height="4">')
