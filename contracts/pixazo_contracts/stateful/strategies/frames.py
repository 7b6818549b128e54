"""First frames: small images of every format, at and inside the bounds of the page, and just outside each bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hypothesis import strategies as st

from pixazo_contracts.probes import bmp, data_url, gif, jpeg, members, png, svg, webp

#: Encoders by media type: each takes a width and a height in pixels.
Encoders = dict[str, Callable[[int, int], bytes]]

#: The page: JPG/JPEG/PNG/WebP.
FORMATS: Final[Encoders] = {"image/jpeg": jpeg, "image/png": png, "image/webp": webp}
OTHER_FORMATS: Final[Encoders] = {"image/gif": gif, "image/bmp": bmp, "image/svg+xml": svg}

#: Widths and heights that the page allows: short side above 300, 2:5 to 5:2; the plainest first.
SIZES: Final = ((640, 480), (301, 301), (301, 752), (752, 301), (302, 755), (755, 302), (1280, 720))

#: A short side of 300 or less, the ratio being right; a ratio just outside, the short side being right.
SMALL: Final = ((300, 400), (400, 300), (300, 300), (299, 310), (120, 300))
NARROW: Final = ((301, 753), (753, 301), (302, 756), (756, 302), (400, 1010), (1010, 400))

#: 20 MB: the largest file that is below it in decimal megabytes, and one that is not below it in binary ones either.
LARGEST: Final = 20_000_000 - 1
TOO_LARGE: Final = 20 * 1024 * 1024

#: What a PNG's extra chunk adds to its padding, in bytes.
CHUNK: Final = 12


@dataclass(frozen=True, slots=True)
class Frame:
    """An image as a data URL, with the facts that a finding shows."""

    media_type: str
    width: int
    height: int
    size: int
    url: str

    @property
    def name(self) -> str:
        """Its kind and size in a few words."""
        return f"{self.media_type} of {self.width} x {self.height}, {self.size} bytes"


@lru_cache(maxsize=128)
def _frame(media_type: str, width: int, height: int) -> Frame:
    image = (FORMATS | OTHER_FORMATS)[media_type](width, height)
    return Frame(media_type, width, height, len(image), data_url(media_type, image))


@lru_cache(maxsize=2)
def _png_of(size: int) -> Frame:
    padding = size - len(png(640, 480)) - CHUNK
    image = png(640, 480, padding=padding)
    return Frame("image/png", 640, 480, len(image), data_url("image/png", image))


def _drawn(media_types: tuple[str, ...], sizes: tuple[tuple[int, int], ...]) -> st.SearchStrategy[Frame]:
    pairs = st.tuples(st.sampled_from(media_types), st.sampled_from(sizes))
    return pairs.map(lambda pair: _frame(pair[0], *pair[1]))


def frames(*, heavy: bool = False) -> st.SearchStrategy[Frame]:
    """Images that the page allows, in all formats; `heavy` adds one just below 20 MB."""
    small = _drawn(tuple(FORMATS), SIZES)
    return small | st.builds(_png_of, st.just(LARGEST)) if heavy else small


def first_frame_images(*, heavy: bool = False) -> st.SearchStrategy[str]:
    """Values of `first_frame_image` that the page allows: the printed URL, and data URLs (see `frames`)."""
    return st.just(str(members("image_to_video")["first_frame_image"])) | frames(heavy=heavy).map(
        lambda frame: frame.url
    )


def frames_outside(*, heavy: bool = False) -> dict[str, st.SearchStrategy[Frame]]:
    """Images that break one rule, by the clause that states it; `heavy` adds one of 20 MiB."""
    outside = {
        "I2V-IMG-07": _drawn(tuple(OTHER_FORMATS), SIZES[:1]),
        "I2V-IMG-09": _drawn(tuple(FORMATS), SMALL),
        "I2V-IMG-11": _drawn(tuple(FORMATS), NARROW),
    }
    return outside | {"I2V-IMG-08": st.builds(_png_of, st.just(TOO_LARGE))} if heavy else outside


def frame_of(url: str) -> Frame | None:
    """The allowed frame whose data URL this is, or None."""
    return next((frame for frame in _allowed() if frame.url == url), None)


@lru_cache(maxsize=1)
def _allowed() -> tuple[Frame, ...]:
    return tuple(_frame(media_type, *size) for media_type in FORMATS for size in SIZES)
