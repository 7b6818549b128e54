"""A first frame as the gateway takes it: a URL, or an image embedded in a data URL."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import PixazoError

if TYPE_CHECKING:
    from os import PathLike


def image_url(image: str | PathLike[str] | bytes) -> str:
    """A str as it is; the content of a file, or bytes, as a data URL. Whether the image will do is the gateway's to say.

    Raises:
        OSError: the file cannot be read.
        PixazoError: no file can have this name.
    """
    if isinstance(image, str):
        return image
    try:
        content = image if isinstance(image, bytes) else Path(image).read_bytes()
    except ValueError as error:  # a NUL, a lone surrogate
        raise PixazoError(f"first_frame_image {image!r} names no file, nothing was sent: {error}") from error
    suffix = "" if isinstance(image, bytes) else Path(image).suffix
    return f"data:{_media_type(content, suffix)};base64,{b64encode(content).decode('ascii')}"


def _media_type(content: bytes, suffix: str) -> str:
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return f"image/{suffix[1:].lower()}" if suffix[1:].isalnum() else "application/octet-stream"
