"""Format, size and frame of an image, read from its header; the picture is not decoded."""

from __future__ import annotations

import binascii
import io
import re
import struct
from typing import Literal

import imagesize  # type: ignore[import-untyped]  # ships no type information
import msgspec

_DATA_URL = re.compile(r"data:image/(?:jpe?g|png|webp)(?:;[\w.+-]+=[\w.+-]*)*;base64,", re.IGNORECASE)
LONGEST_HEAD = 1000
"""Characters of a data URL up to its data: its type and parameters."""
MOST_SEGMENTS = 1000
"""Segments and fill bytes of a JPEG before its picture; real files have some dozens."""
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_HEADER_ENDS = (b"\xd9", b"\xda", b"")
"""What follows the byte FF at the end of a JPEG (EOI), before its picture (SOS), and where the file was cut."""
_LONE = (b"\x01", *(bytes([marker]) for marker in range(0xD0, 0xD8)))
"""What follows the byte FF in a marker that has no segment."""

Format = Literal["jpeg", "png", "webp", "other"]


class ImageFacts(msgspec.Struct, frozen=True):
    """Format, width and height in pixels, size in bytes, whether the file is whole."""

    format: Format
    width: int
    height: int
    size: int
    whole: bool = True


def read_data_url(text: str) -> bytes | None:
    """The bytes of a Base64 data URL of a JPEG, PNG or WebP image, or None when it is not one."""
    head = _DATA_URL.match(text, 0, LONGEST_HEAD)
    if not head:
        return None
    try:
        return binascii.a2b_base64(text[head.end() :], strict_mode=True)
    except ValueError:  # not Base64, or not even ASCII
        return None


def image_facts(data: bytes) -> ImageFacts | None:
    """Read format, frame and completeness off the container; only the header is parsed.

    None for a JPEG with more than MOST_SEGMENTS segments before its picture, of which no more is read.
    """
    found = _format(data)
    if found == "other":
        return ImageFacts(found, -1, -1, len(data), whole=False)
    if found != "jpeg":
        return ImageFacts(found, *_frame(data), len(data), _whole(found, data))
    end = _header_end(data)
    if end is None:
        return None
    # rfind is quick whatever the bytes are, find is not; the library reads garbage byte by byte and is not given any.
    return ImageFacts(found, *_frame(data[:end]), len(data), data.rfind(_JPEG_END, end) >= 0)


def _format(data: bytes) -> Format:
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else "other"


def _frame(data: bytes) -> tuple[int, int]:
    try:
        width, height = imagesize.get(io.BytesIO(data), exif_rotation=False)  # pyright: ignore[reportUnknownMemberType] - untyped library
    except (ValueError, struct.error, EOFError, OSError, IndexError, OverflowError, TypeError):
        return -1, -1  # the library raises any of these on a damaged header
    return int(width), int(height)


def _whole(found: Format, data: bytes) -> bool:
    """Whether the end is there; cameras append data of their own behind it."""
    return _PNG_END in data if found == "png" else int.from_bytes(data[4:8], "little") + 8 <= len(data)


def _header_end(data: bytes) -> int | None:
    """Where the header of a JPEG ends: at its picture, or at anything but a marker; None beyond MOST_SEGMENTS.

    A thumbnail in a segment has an end of its own, which is not that of the picture.
    """
    at = 2
    for _ in range(MOST_SEGMENTS + 1):
        marker = data[at + 1 : at + 2]
        if data[at : at + 1] != b"\xff" or marker in _HEADER_ENDS:
            return at
        if marker == b"\xff":
            at += 1
        else:
            at += 2 if marker in _LONE else 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
