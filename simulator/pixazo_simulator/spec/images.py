"""Format, size and frame of an image, read from its header; the picture is not decoded."""

from __future__ import annotations

import binascii
import io
import re
import struct
from typing import Literal
from urllib.parse import unquote

import msgspec

from .text import quoted, regex

__all__ = ["ImageFacts", "image_facts", "read_data_url"]

MEDIA_TYPES = {"image/jpeg": "jpeg", "image/jpg": "jpeg", "image/png": "png", "image/webp": "webp"}
"""The media types that a data URL may declare, and the format of each."""
_PARAMETER = regex(r"""[\w!$&'*+.^`|~#-]+=(?:"[^"]*"|[\w!$&'*+.^`|~#%:/?@()-]*)""")
_NO_BASE64 = regex(r"[^A-Za-z0-9+/=]")
_NO_ESCAPE = regex(r"%(?![0-9A-Fa-f]{2})")
_FORM = ": write data:image/png;base64,DATA"
_OTHER_KINDS = tuple(
    (kind, regex(start, re.DOTALL))
    for kind, start in (
        ("GIF", rb"GIF8"), ("BMP", rb"BM"), ("TIFF", rb"II\*\0|MM\0\*"), ("HEIC or AVIF", rb"....ftyp(?:hei|mif|avi)"),
        ("PDF", rb"%PDF"), ("SVG, XML or HTML", rb"\s*<"), ("a data URL in Base64", rb"data:"),
    )
)  # fmt: skip
LONGEST_HEAD = 1000
"""Characters of a data URL up to its data: its type and parameters."""
MOST_SEGMENTS = 1000
"""Segments and fill bytes of a JPEG that are read; real files have some dozens."""
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


class DataUrl(msgspec.Struct, frozen=True):
    """A data URL as it was read: its media type in lower case, its data where it can be read, and each thing that is wrong."""

    media_type: str
    data: bytes | None
    faults: tuple[str, ...] = ()


def read_data_url(text: str, *, any_type: bool = False) -> DataUrl:
    """Read a data URL of Base64 (RFC 2397); unless `any_type`, its media type must be one of MEDIA_TYPES."""
    head, comma, encoded = text[5:].partition(",")
    if not comma or len(head) + len("data:,") > LONGEST_HEAD:
        return DataUrl("", None, (f"no comma ends its type within {LONGEST_HEAD} characters{_FORM}",))
    media_type, *parameters = head.split(";")
    media_type = media_type.lower()
    faults: list[str] = []
    if media_type not in MEDIA_TYPES and not any_type:
        faults.append(f"its media type is {quoted(media_type)}" if media_type else f"it has no media type{_FORM}")
    if not parameters or parameters[-1].lower() != "base64":
        faults.append(f"base64 must come last before the comma{_FORM}")
    wrong = [each for each in parameters if each.lower() != "base64" and not _PARAMETER.fullmatch(each)]
    faults += [f"its parameter {quoted(each)} is not NAME=VALUE" for each in wrong[:1]]
    data, fault = _decode_base64(encoded)
    return DataUrl(media_type, data, (*faults, fault) if fault else tuple(faults))


def _decode_base64(text: str) -> tuple[bytes | None, str | None]:
    """The bytes of Base64 in a URL, or why there are none."""
    if not text:
        return None, "no data follows its comma"
    if "%" in text:
        if found := _NO_ESCAPE.search(text):
            return None, f"its data contains a % not followed by two hex digits at character {found.start() + 1}"
        text = unquote(text, "latin-1")
    try:
        return binascii.a2b_base64(text, strict_mode=True), None
    except ValueError:  # not Base64, or not even ASCII
        return None, _base64_fault(text)


def _base64_fault(text: str) -> str:
    if found := _NO_BASE64.search(text):
        url_safe = ": write + for - and / for _"
        remedy = {"-": url_safe, "_": url_safe, "\n": ": write it in one line"}.get(found[0], "")
        return f"its data contains {quoted(found[0])}, which is not Base64, at character {found.start() + 1}{remedy}"
    digits = text.rstrip("=")
    if "=" in digits:
        return f"its data continues after the padding at character {digits.index('=') + 2}"
    if len(digits) % 4 == 1:
        return f"its data is truncated: {len(digits)} Base64 digits do not make whole bytes"
    return f"its data ends in {len(text) - len(digits)} padding characters (=) instead of {-len(digits) % 4}"


def kind_of(data: bytes) -> str:
    """What data that is not a JPEG, PNG or WebP image probably is."""
    known = (kind for kind, start in _OTHER_KINDS if start.match(data))
    return next(known, f"data that begins with {data[:4].hex(' ')}" if data else "no data")


def image_facts(data: bytes) -> ImageFacts:
    """Read format, frame and completeness off the container; only the header is parsed."""
    found = _format(data)
    if found == "other":
        return ImageFacts(found, -1, -1, len(data), whole=False)
    if found != "jpeg":  # cameras append data of their own after the end
        whole = _PNG_END in data if found == "png" else int.from_bytes(data[4:8], "little") + 8 <= len(data)
        return ImageFacts(found, *_frame(data), len(data), whole)
    end = _header_end(data)
    # rfind is fast for any bytes, find is not; the library reads garbage byte by byte, so it gets none.
    return ImageFacts(found, *_frame(data[:end]), len(data), data.rfind(_JPEG_END, end) >= 0)


def _format(data: bytes) -> Format:
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else "other"


def _frame(data: bytes) -> tuple[int, int]:
    import imagesize  # type: ignore[import-untyped]  # ships no type information; imports an HTTP client and an XML parser

    try:
        width, height = imagesize.get(io.BytesIO(data), exif_rotation=False)  # pyright: ignore[reportUnknownMemberType] - untyped library
    except (ValueError, struct.error, EOFError, OSError, IndexError, OverflowError, TypeError):
        return -1, -1  # the library raises any of these on a damaged header
    return int(width), int(height)


def _header_end(data: bytes) -> int:
    """Where the header of a JPEG ends: at its picture (a thumbnail has its own end), at other data, or after MOST_SEGMENTS."""
    at = 2
    for _ in range(MOST_SEGMENTS):
        marker = data[at + 1 : at + 2]
        if data[at : at + 1] != b"\xff" or marker in _HEADER_ENDS:
            return at
        if marker == b"\xff":
            at += 1
        else:
            at += 2 if marker in _LONE else 2 + int.from_bytes(data[at + 2 : at + 4])
    return at
