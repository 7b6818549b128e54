"""The media that the gateway serves are real videos of the frame and duration asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pixazo_simulator.server.simulator import Simulator
from tests.caller import GENERATE, IMAGE_TO_VIDEO, Caller, over_http
from tests.command import run_process
from tests.tools import tool

FRAMES = {"768P": (1366, 768), "1080P": (1920, 1080)}
COMBINATIONS = [("768P", 6), ("768P", 10), ("1080P", 6), ("1080P", 10)]


@pytest.fixture
def caller(caller: Caller) -> Caller:
    """A caller whose gateway accepts 1080P with 10 s, which it refuses by default (policy combo_1080p_10s)."""
    caller.change(policy={"combo_1080p_10s": "accept"})
    return caller


def media_url(caller: Caller, path: str, resolution: str, duration: int) -> str:
    """Where the status answer of a new generation says that its video is."""
    body = {"prompt": "A bear", "first_frame_image": "https://example.com/bear.png"}
    reply = caller.call("POST", path, {**body, "resolution": resolution, "duration": duration})
    caller.advance(15)
    url: str
    (url,) = caller.read(reply.json()["request_id"]).json()["output"]["media_url"]
    return url


def fetched(simulator: Simulator, url: str) -> bytes:
    """What a GET without a key brings from that place."""
    assert url.startswith(f"{simulator.url}/v1/")
    media = over_http(simulator.url)("GET", url.removeprefix(simulator.url), {}, b"")
    assert (media.status, media.headers["content-type"]) == (200, "video/mp4")
    assert int(media.headers["content-length"]) == len(media.body)
    return media.body


def probed(place: str) -> dict[str, Any]:
    """What ffprobe says about the video in a file or at a URL."""
    options = ["-v", "error", "-show_streams", "-show_format", "-count_frames", "-of", "json"]
    ended = run_process(tool("ffprobe"), *options, place)
    assert (ended.returncode, ended.stderr) == (0, "")
    output: dict[str, Any] = json.loads(ended.stdout)
    return output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("resolution", "duration"),
    [pytest.param(*each, marks=pytest.mark.exhaustive if number else ()) for number, each in enumerate(COMBINATIONS)],
)
def test_a_video_is_what_was_asked_for(
    caller: Caller, simulator: Simulator, tmp_path: Path, resolution: str, duration: int
) -> None:
    """One H.264 stream of the requested frame size and duration, as long as its frames take to show; every frame decodes."""
    video = tmp_path / "output.mp4"
    video.write_bytes(fetched(simulator, media_url(caller, GENERATE, resolution, duration)))
    reported = probed(str(video))
    (stream,) = reported["streams"]
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert (stream["width"], stream["height"]) == FRAMES[resolution]
    assert float(stream["duration"]) == float(reported["format"]["duration"]) == duration
    numerator, denominator = map(int, stream["r_frame_rate"].split("/"))
    assert int(stream["nb_read_frames"]) * denominator == duration * numerator
    assert "mp4" in reported["format"]["format_name"].split(",")
    decoded = run_process(tool("ffmpeg"), "-v", "error", "-i", video, "-f", "null", "-")
    assert (decoded.returncode, decoded.stderr) == (0, "")


@pytest.mark.slow
def test_a_player_can_read_it_off_the_server(caller: Caller) -> None:
    """ffprobe, given the URL itself, sees the video of an image-to-video generation as well."""
    (stream,) = probed(media_url(caller, IMAGE_TO_VIDEO, "1080P", 6))["streams"]
    assert (stream["width"], stream["height"], float(stream["duration"])) == (1920, 1080, 6)


def test_two_generations_have_different_bytes(caller: Caller, simulator: Simulator) -> None:
    """The same request sent twice gives two videos; the same URL read twice gives one."""
    first, second = (media_url(caller, GENERATE, "768P", 6) for _ in range(2))
    assert fetched(simulator, first) == fetched(simulator, first) != fetched(simulator, second)
