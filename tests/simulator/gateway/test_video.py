"""The videos: boxes of ISO/IEC 14496-12, the right frame, the right length, bytes of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pixazo_simulator.gateway.media import video
from pixazo_simulator.server.files import read_videos
from pixazo_simulator.spec.lifecycle import Plan
from pixazo_simulator.spec.policy import Policy
from pixazo_simulator.world.commands import Generation

ID = "minimax-hailuo-ai_019d4355-f500-7eb3-9ee6-a9a84c50a6cd"
VIDEOS = read_videos()
CONTAINERS = {b"moov", b"trak"}
TOP = [b"ftyp", b"moov", b"free", b"mdat", b"uuid"]
"""The boxes of the file, what a player needs first coming first."""


def generation(duration: float, resolution: str, identity: str = ID) -> Generation:
    """A generation of which only these parts matter."""
    return Generation(identity, 0, Plan(0, 0), "generate", duration, resolution, "http://gateway.test")


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the boxes that fill `data`, those inside a container after it."""
    place = 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4])
        assert 8 <= size <= len(data) - place
        kind, content = data[place + 4 : place + 8], data[place + 8 : place + size]
        yield kind, content
        if kind in CONTAINERS:
            yield from boxes(content)
        place += size


def first(data: bytes, kind: bytes) -> bytes:
    """The content of the first box of a kind."""
    return next(content for found, content in boxes(data) if found == kind)


FRAMES = {"768P": (1366, 768), "1080P": (1920, 1080)}


@pytest.mark.parametrize("duration", [6, 10])
@pytest.mark.parametrize("resolution", ["768P", "1080P"])
def test_a_video_says_what_was_asked_for(duration: int, resolution: str) -> None:
    """Its movie header the duration (to a frame), its track header the frame size."""
    data = video(generation(duration, resolution), VIDEOS, Policy())
    header, track = first(data, b"mvhd"), first(data, b"tkhd")
    assert header[0] == 0
    scale, length = int.from_bytes(header[12:16]), int.from_bytes(header[16:20])
    assert length / scale == pytest.approx(duration, abs=0.05)
    width, height = int.from_bytes(track[-8:-4]) >> 16, int.from_bytes(track[-4:]) >> 16
    assert (width, height) == FRAMES[resolution]


@pytest.mark.parametrize(
    ("duration", "resolution", "same"),
    [(5, "8K", (6, "768P")), (8, "", (6, "768P")), (8.5, "1080P", (10, "1080P")), (3600, "1080p", (10, "768P"))],
)
def test_open_limits_get_the_nearest_video(duration: float, resolution: str, same: tuple[int, str]) -> None:
    """There are four."""
    assert video(generation(duration, resolution), VIDEOS, Policy()) == video(
        generation(*same), read_videos(), Policy()
    )


def test_the_boxes_are_those_of_a_video_and_one_of_ours() -> None:
    """The last one names the generation; players skip it."""
    data = video(generation(6, "768P"), VIDEOS, Policy())
    kinds = [kind for kind, _ in boxes(data)]
    assert [kind for kind in kinds if kind in TOP] == TOP
    *_, (kind, content) = boxes(data)
    assert (kind, content) == (b"uuid", b"pixazo-testkit\x00\x00" + ID.encode())


def test_two_generations_have_two_videos() -> None:
    """Different bytes; the same generation always has the same."""
    other = ID.replace("a6cd", "a6ce")
    assert video(generation(6, "768P"), VIDEOS, Policy()) != video(
        generation(6, "768P", other), read_videos(), Policy()
    )
    assert video(generation(6, "768P"), VIDEOS, Policy()) == video(generation(6, "768P"), read_videos(), Policy())
