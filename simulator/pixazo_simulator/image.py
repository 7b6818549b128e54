"""What the header of an image says, without decoding the picture."""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct
from typing import Literal

import imagesize  # type: ignore[import-untyped]  # ships no type information
import msgspec

__all__ = ["Format", "ImageFacts", "image_facts", "read_data_url"]

_DATA_URL = re.compile(r"data:image/(?:jpe?g|png|webp)(?:;[\w.+-]+=[\w.+-]*)*;base64,", re.IGNORECASE)
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_WITHOUT_LENGTH = (b"\xd9", b"\xda", b"\xff")
"""What follows the byte FF at the end of a JPEG, before its picture, and in fill bytes."""

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
    head = _DATA_URL.match(text)
    if not head:
        return None
    try:
        return base64.b64decode(text[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        return None


def image_facts(data: bytes) -> ImageFacts:
    """Read format, frame and completeness off the container; only the header is parsed."""
    found = _format(data)
    width, height = _frame(data) if found != "other" else (-1, -1)
    return ImageFacts(found, width, height, len(data), _whole(found, data))


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
    if found == "png":
        return _PNG_END in data
    if found == "jpeg":
        return data.find(_JPEG_END, _scan(data)) >= 0
    return found == "webp" and int.from_bytes(data[4:8], "little") + 8 <= len(data)


def _scan(data: bytes) -> int:
    """Where the first segment of a JPEG is that tells no length; a thumbnail in one before it has an end of its own."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] not in _WITHOUT_LENGTH:
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return at
