"""What the bytes of a download say is read from them."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.gateways.fake_gateway import box

from pixazo_contracts.trace.exchange import MediaFacts, inspect_media

FTYP = box(b"ftyp", b"isom\x00\x00\x02\x00")
MVHD_0 = box(b"mvhd", bytes(12) + struct.pack(">II", 600, 3600) + bytes(80))
MVHD_1 = box(b"mvhd", b"\x01" + bytes(19) + struct.pack(">IQ", 1000, 10_040) + bytes(80))
TKHD = box(b"tkhd", bytes(76) + struct.pack(">II", 1366 << 16, 768 << 16))
SOUND = box(b"trak", box(b"tkhd", bytes(84)))


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (FTYP + box(b"moov", MVHD_0 + SOUND + box(b"trak", TKHD)), MediaFacts("mp4", 6.0, 1366, 768)),
        (FTYP + box(b"mdat", bytes(99)) + box(b"moov", MVHD_1 + SOUND), MediaFacts("mp4", 10.04)),
        (FTYP + box(b"moov", MVHD_1), MediaFacts("mp4", 10.04, empty=True)),
        (FTYP + box(b"moov", box(b"mvhd", bytes(100)) + SOUND), MediaFacts("mp4", empty=True)),
        (FTYP + box(b"moov", box(b"mvhd", bytes(100)) + SOUND + box(b"mvex", b"")), MediaFacts("mp4")),
        (FTYP, MediaFacts("mp4")),
        (FTYP[:12], MediaFacts("mp4")),
        ((FTYP + box(b"mdat", bytes(99)))[:-1], MediaFacts("mp4", cut=True)),
        (b"\x1a\x45\xdf\xa3" + bytes(9), MediaFacts("matroska")),
        (b"RIFF\x00\x00\x00\x00AVI LIST", MediaFacts("avi")),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", MediaFacts(None)),
        (b'{"media": true}', MediaFacts(None)),
        (b"", MediaFacts(None)),
    ],
    ids=[
        "version 0",
        "version 1, header last",
        "no track",
        "no time",
        "in fragments",
        "no header",
        "a stub",
        "cut",
        "Matroska",
        "AVI",
        "WAVE",
        "JSON",
        "nothing",
    ],
)
def test_downloads_are_recognised(data: bytes, facts: MediaFacts) -> None:
    """Container, playing time and frame are read from the bytes; where they are silent, so is the answer."""
    assert replace(inspect_media(data), digest=None) == facts


@given(st.binary(max_size=200), st.integers(0, 200))
def test_broken_movies_raise_nothing(noise: bytes, cut: int) -> None:
    """Noise inside a movie, and a movie cut anywhere, are read as far as they go."""
    movie = FTYP + box(b"moov", MVHD_0 + noise + box(b"trak", TKHD))
    assert inspect_media(movie).container == "mp4"
    assert inspect_media(movie[:cut] if cut > 12 else movie).container == "mp4"
