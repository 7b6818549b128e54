"""What the bytes of a download show without a decoder: container, playing time, frame."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from .exchange import MediaFacts

#: Boxes with which an ISO base media file (MP4, QuickTime) may begin.
FIRST_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"})


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of an ISO base media file between two offsets: kind, start and end of the content."""
    # ISO/IEC 14496-12, 4.2: a 32-bit size and a type; size 1: a 64-bit size follows; size 0: the box is the last.
    while end - start >= 8:
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1 and end - start >= 16:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = end if size == 0 else start + size
        if stop < content or stop > end:
            return
        yield kind, content, stop
        start = stop


def _frame(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Width and height of a track in pixels; None for a track without a picture."""
    # ISO/IEC 14496-12, 8.3.2: a track header ends with width and height as 16.16 fixed-point numbers.
    for kind, content, stop in _boxes(data, start, end):
        if kind == b"tkhd" and stop - content >= 8:
            width, height = struct.unpack_from(">II", data, stop - 8)
            return (width >> 16, height >> 16) if width and height else None
    return None


def _movie(data: bytes, start: int, end: int) -> MediaFacts:
    seconds: float | None = None
    frame: tuple[int, int] | None = None
    kinds = {kind for kind, _, _ in _boxes(data, start, end)}
    for kind, content, stop in _boxes(data, start, end):
        if kind == b"mvhd" and stop - content >= 32:
            # ISO/IEC 14496-12, 8.2.2: version 1 has 64-bit times and a 64-bit duration.
            layout, offset = (">IQ", content + 20) if data[content] == 1 else (">II", content + 12)
            scale, duration = struct.unpack_from(layout, data, offset)
            seconds = duration / scale if scale and duration else None
        elif kind == b"trak":
            frame = frame or _frame(data, content, stop)
    width, height = frame or (None, None)
    # ISO/IEC 14496-12, 8.8.1: with `mvex` the movie is in fragments, whose duration the header need not know.
    empty = b"trak" not in kinds or (b"mvhd" in kinds and not seconds and b"mvex" not in kinds)
    return MediaFacts("mp4", seconds, width, height, empty=empty)


def _other_container(data: bytes) -> str | None:
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "avi"
    if data.startswith(b"FLV\x01"):
        return "flv"
    is_stream = len(data) > 376 and data[0] == data[188] == data[376] == 0x47
    return "mpeg-ts" if is_stream else None


def inspect_media(data: bytes) -> MediaFacts:
    """Container, playing time in seconds, and frame of a video; None for each that the bytes do not show."""
    digest = hashlib.sha256(data).hexdigest()[:16]
    if data[4:8] not in FIRST_BOXES:
        return MediaFacts(_other_container(data), digest=digest)
    facts, end = MediaFacts("mp4"), 0
    for kind, content, stop in _boxes(data, 0, len(data)):
        end = stop
        if kind == b"moov":
            facts = _movie(data, content, stop)
    # A single box may be the stub of a test; a later one that is longer than the rest of the file was cut off.
    return replace(facts, digest=digest, cut=end > 0 and data[end + 4 : end + 8] in FIRST_BOXES)
