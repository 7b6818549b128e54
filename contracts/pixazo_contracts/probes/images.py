"""Small valid images of one colour, encoded from scratch: the inputs of the image probes."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import lru_cache

__all__ = ["bmp", "data_url", "gif", "jpeg", "png", "svg", "webp"]

#: A GIF's code table is cleared after this many pixels, before its codes grow beyond eight bits.
GIF_RUN = 120


def data_url(media_type: str, image: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(image).decode()}"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@lru_cache(maxsize=64)
def _grey(width: int, height: int) -> bytes:
    """The compressed rows of a grey picture: every run of the probes asks for the same few sizes."""
    return zlib.compress((b"\0" + b"\x80" * width) * height, 1)


def png(width: int, height: int, *, padding: int = 0, alpha: bool = False) -> bytes:
    """A grey PNG; `padding` bytes of a private chunk that decoders skip make it as large as wanted."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6 if alpha else 0, 0, 0, 0)
    private = _chunk(b"paDd", bytes(padding)) if padding else b""
    picture = _chunk(b"IDAT", _grey(4 * width if alpha else width, height))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + private + picture + _chunk(b"IEND", b"")


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg(width: int, height: int, *, progressive: bool = False) -> bytes:
    """A grey JPEG: every block is the two bits `no change, nothing more`; of a progressive one, in its only scan, the first."""
    quantisation = _segment(0xDB, b"\0" + b"\1" * 64)
    frame = _segment(0xC2 if progressive else 0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0))
    one_code = b"\1" + bytes(15) + b"\0"
    tables = _segment(0xC4, b"\x00" + one_code) + _segment(0xC4, b"\x10" + one_code)
    scan = _segment(0xDA, b"\1\1\0\0\0\0" if progressive else b"\1\1\0\0\x3f\0")
    bits = (1 if progressive else 2) * (-(-width // 8)) * (-(-height // 8))
    whole, rest = divmod(bits, 8)
    blocks = bytes(whole) + (bytes([0xFF >> rest]) if rest else b"")
    app0 = _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return b"\xff\xd8" + app0 + quantisation + frame + tables + scan + blocks + b"\xff\xd9"


def webp(width: int, height: int) -> bytes:
    """A grey lossless WebP: each channel's code has one symbol, so pixels take no bits at all."""
    bits = [(width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 3)]
    for value in (128, 128, 128, 255, 0):
        bits += [(1, 1), (0, 1), (1, 1), (value, 8)]
    number = length = 0
    for value, count in bits:
        number |= value << length
        length += count
    data = b"\x2f" + number.to_bytes(-(-length // 8), "little")
    data += b"\0" * (len(data) % 2)
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def gif(width: int, height: int) -> bytes:
    """A black GIF, its pixels written as literal eight-bit codes."""
    clear, end = 128, 129
    pixels = width * height
    runs = b"".join(bytes([clear]) + bytes(min(GIF_RUN, pixels - at)) for at in range(0, pixels, GIF_RUN))
    codes = runs + bytes([end])
    blocks = b"".join(bytes([len(codes[at : at + 255])]) + codes[at : at + 255] for at in range(0, len(codes), 255))
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0b11110110, 0, 0) + bytes(3 * 128)
    image = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x07"
    return screen + image + blocks + b"\0;"


def bmp(width: int, height: int) -> bytes:
    """A black BMP with one bit per pixel."""
    row = -(-width // 32) * 4
    pixels = bytes(row * height)
    offset = 14 + 40 + 8
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 1, 0, len(pixels), 2835, 2835, 2, 2)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + bytes(8) + pixels


def tiff(width: int, height: int) -> bytes:
    """A black TIFF with one bit per pixel, in one strip after its directory."""
    pixels = bytes(-(-width // 8) * height)
    tags = (256, 257, 258, 259, 262, 273, 277, 278, 279)
    values = (width, height, 1, 1, 1, 14 + 12 * len(tags), 1, height, len(pixels))
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in zip(tags, values, strict=True))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4) + pixels


#: A grey AVIF of 640 x 480 pixels: AV1 is too much to be encoded here.
AVIF = base64.b64decode(
    "AAAAHGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZgAAAOltZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAAA5waXRtAAAA"
    "AAABAAAAHmlsb2MAAAAARAAAAQABAAAAAQAAAQ0AAABMAAAAKGlpbmYAAAAAAAEAAAAaaW5mZQIAAAAAAQAAYXYwMUNvbG9yAAAAAGhpcHJwAAAA"
    "SWlwY28AAAAUaXNwZQAAAAAAAAKAAAAB4AAAAA5waXhpAAAAAAEIAAAADGF2MUOBBBwAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAA"
    "AAEAAQQBAoMEAAAAVG1kYXQSAAoKGSYn/vtMBDQagDI8GD/UV3/4sAAAGM/KOqLuhjgdr5cbsv8H8k7CKlbqzs/qs4DPyjqi7oY4Ha+XG7L/B/JO"
    "wipW6s7P6rOA"
)


def svg(width: int, height: int) -> bytes:
    size = f'width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect {size} fill="#808080"/></svg>'.encode()
