"""First frames: URLs are sent unchanged, bytes and files are embedded."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixazo_client._models import image_url


@pytest.mark.parametrize("url", ["https://a.test/x.jpg", "http://a.test/x", "data:image/png;base64,AAAA", "", "x.jpg"])
def test_text_is_sent_unchanged(url: str) -> None:
    """Whether a URL is valid is for the gateway to decide."""
    assert image_url(url) == url


@pytest.mark.parametrize(
    ("content", "url"),
    [
        (b"\xff\xd8\xff\xe0", "data:image/jpeg;base64,/9j/4A=="),
        (b"\x89PNG\r\n\x1a\n", "data:image/png;base64,iVBORw0KGgo="),
        (b"RIFF\x04\x00\x00\x00WEBP", "data:image/webp;base64,UklGRgQAAABXRUJQ"),
        (b"RIFF\x04\x00\x00\x00WAVE", "data:application/octet-stream;base64,UklGRgQAAABXQVZF"),
        (b"GIF89a", "data:application/octet-stream;base64,R0lGODlh"),
        (b"", "data:application/octet-stream;base64,"),
    ],
)
def test_bytes_are_embedded_by_their_signature(content: bytes, url: str) -> None:
    """JPEG, PNG and WebP are recognised; nothing is refused."""
    assert image_url(content) == url


def test_a_file_is_embedded_by_its_signature(tmp_path: Path) -> None:
    """The content decides, not the name."""
    (tmp_path / "a.png").write_bytes(b"\xff\xd8\xff\xe0")
    assert image_url(tmp_path / "a.png") == "data:image/jpeg;base64,/9j/4A=="


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    """FileNotFoundError names the path."""
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        image_url(tmp_path / "none.png")
