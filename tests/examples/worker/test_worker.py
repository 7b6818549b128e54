"""The worker against its gateway, without waiting: its pauses advance the clock of its world."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.examples.worker.worker import VideoError, make_videos

from pytest_pixazo import Pixazo, contains

pytestmark = pytest.mark.usefixtures("pixazo_env", "pixazo_sleep")


def test_every_prompt_becomes_a_video(tmp_path: Path) -> None:
    """Three prompts, three files."""
    files = asyncio.run(make_videos(["A bear", "A fox", "An owl"], tmp_path))
    assert sorted(files, key=str) == sorted(tmp_path.iterdir())
    assert [path.read_bytes()[4:8] for path in tmp_path.iterdir()] == [b"ftyp"] * 3


def test_it_polls_every_five_seconds(pixazo: Pixazo, tmp_path: Path) -> None:
    """As the vendor recommends: at 0, 5, 10 and 15 seconds, when it has ended."""
    asyncio.run(make_videos(["A bear"], tmp_path))
    polls = [exchange.at for exchange in pixazo.journal.polls]
    assert [(at - polls[0]).total_seconds() for at in polls] == [0, 5, 10, 15]


def test_one_failure_does_not_spoil_the_others(pixazo: Pixazo, tmp_path: Path) -> None:
    """Each prompt has its own outcome, and the failed one names its request."""
    pixazo.when("generate", prompt=contains("bear")).end("FAILED", error="content policy")
    failed, made = asyncio.run(make_videos(["A bear", "A fox"], tmp_path))
    assert isinstance(failed, VideoError)
    assert str(failed) == f"{pixazo.generations[0].request_id} ended FAILED: content policy"
    assert isinstance(made, Path)


def test_a_video_that_never_ends_is_given_up(pixazo: Pixazo, tmp_path: Path) -> None:
    """After twenty minutes of the world's clock, which take no time here."""
    pixazo.when("generate").end(after=3600)
    (given_up,) = asyncio.run(make_videos(["A bear"], tmp_path))
    assert str(given_up).endswith("has not ended after 1200 s")
