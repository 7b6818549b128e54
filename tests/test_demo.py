"""`pixazo-sim demo`, the first command that a newcomer runs."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

import httpx2
import pytest
from click import ClickException

from pixazo_simulator.cli import demo
from pixazo_simulator.cli.demo import DemoReceiver
from tests.command import COMMAND, environment, pixazo_sim, pixazo_sim_on_a_terminal, run_process
from tests.tools import tool

ID = r"minimax-hailuo-ai_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PROMPTS = (
    "A high-energy scene of a large, muscular bear leaping gracefull…",
    "Man walked into winter cave with polar bear",
)


@dataclass(frozen=True)
class Show:
    """The output of the demo, in all and by part, and the folder that it was given."""

    text: str
    scenes: list[str]
    folder: Path


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Show:
    """One run of the demo, which ends by itself with exit code 0, prints no error, and needs no proxy."""
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    deaf = dict.fromkeys(("http_proxy", "all_proxy"), "http://127.0.0.1:9")
    ended = pixazo_sim("demo", "--out", str(folder), no_proxy="", NO_PROXY="", **deaf)
    assert (ended.returncode, ended.stderr) == (0, "")
    return Show(ended.stdout, re.split(r"\n\n(?=\d  |What was charged)", ended.stdout), folder)


def states(scene: str) -> list[tuple[str, str]]:
    """The statuses that a part shows, and after how many seconds of the gateway's clock."""
    return re.findall(r"^   status    (\w+) +since +([\d.]+) s$", scene, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "file"), [(1, "text_to_video.mp4"), (2, "image_to_video.mp4")])
def test_a_printed_request_becomes_a_video(show: Show, number: int, file: str) -> None:
    """Each of the page's two requests is accepted, progresses, sends a webhook equal to the status response, and is downloaded."""
    scene = show.scenes[number]
    assert scene.splitlines()[0].endswith(f"the page's own example: {PROMPTS[number - 1]}")
    assert re.search(rf"^   202       {ID}$", scene, re.MULTILINE)
    assert states(scene) == [("QUEUED", "0.0"), ("PROCESSING", "2.0"), ("COMPLETED", "15.0")]
    assert "\n   webhook   COMPLETED received, the same as the status response\n" in scene
    size = (show.folder / file).stat().st_size
    assert f"\n   video     {show.folder / file}   {size:,} bytes, 6 s, 768P\n" in scene
    assert re.search(rf"^   from      http://127\.0\.0\.1:\d+/v1/{ID}/output\.mp4$", scene, re.MULTILINE)


@pytest.mark.slow
def test_both_videos_can_be_played(show: Show) -> None:
    """There are two files, each decodes without a message, and they differ."""
    videos = sorted(show.folder.iterdir())
    assert [video.name for video in videos] == ["image_to_video.mp4", "text_to_video.mp4"]
    assert videos[0].read_bytes() != videos[1].read_bytes()
    for video in videos:
        command = [tool("ffmpeg"), "-v", "error", "-i", str(video), "-f", "null", "-"]
        ended = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_refusal_is_shown(show: Show) -> None:
    """An empty wallet gets a 402 with the printed body."""
    body = '{"error": "Insufficient Balance", "message": "Your wallet does not have enough balance."}'
    assert f"\n   402       {body}" in show.scenes[3]


def test_a_failure_is_shown(show: Show) -> None:
    """A generation ends FAILED, and the client raises an error with the model's message."""
    assert states(show.scenes[4]) == [("QUEUED", "0.0"), ("PROCESSING", "2.0"), ("FAILED", "15.0")]
    assert "\n   raised    GenerationFailedError, error 'The prompt was rejected by the model'" in show.scenes[4]


def test_the_bill_is_shown(show: Show) -> None:
    """The opening balance less three times the price, with the ids of the generations."""
    bill = show.scenes[5]
    entries = re.findall(rf"^   (\w+) +(-?[\d.]+) +({ID})?", bill, re.MULTILINE)
    accepted = re.findall(rf"^   202       ({ID})$", show.text, re.MULTILINE)
    assert entries == [
        ("opening", "100.00", ""),
        *(("debit", "-0.35", each) for each in accepted),
        ("balance", "98.95", ""),
    ]
    assert len(accepted) == 3


def test_no_colours_where_nobody_sees_them(show: Show) -> None:
    """In a pipe there is no escape sequence."""
    assert "\x1b" not in show.text


@pytest.mark.slow
def test_colours_on_a_terminal_unless_they_are_not_wanted() -> None:
    """On a terminal pixazo-sim uses escape sequences; with NO_COLOR, or on one that has none, it does not."""
    assert "\x1b[1m" in pixazo_sim_on_a_terminal("policy", NO_COLOR="")
    assert "\x1b" not in pixazo_sim_on_a_terminal("policy", NO_COLOR="1")
    assert "\x1b" not in pixazo_sim_on_a_terminal("policy", TERM="dumb")


def test_colours_in_a_pipe_that_are_wanted() -> None:
    """FORCE_COLOR asks for them, as in CI; NO_COLOR wins over it, and it wins over TERM."""
    assert "\x1b[1m" in pixazo_sim("policy", FORCE_COLOR="1", TERM="dumb").stdout
    assert "\x1b" not in pixazo_sim("policy", FORCE_COLOR="1", NO_COLOR="1").stdout


@pytest.mark.slow
def test_a_download_that_cannot_be_written(tmp_path: Path) -> None:
    """A failure in the middle is one line, which names the file."""
    taken = tmp_path / "text_to_video.mp4"
    os.mkfifo(taken)
    ended = pixazo_sim("demo", "--out", str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("pixazo-sim: ")
    assert str(taken) in ended.stderr


@pytest.mark.parametrize("body", [b"[]", b'{"request_id": []}'])
def test_what_a_stranger_posts_does_not_end_it(body: bytes) -> None:
    with DemoReceiver() as receiver:
        httpx2.post(receiver.url, content=body)
        httpx2.post(receiver.url, json={"request_id": "ours"})
        assert receiver.webhook_about("ours") == {"request_id": "ours"}


def test_what_strangers_post_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "WEBHOOK_TIMEOUT", 0.05)
    with DemoReceiver() as receiver:
        httpx2.post(receiver.url, json={"request_id": "theirs"})
        with pytest.raises(ClickException, match="no webhook about ours within"):
            receiver.webhook_about("ours")


@pytest.mark.exhaustive
def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    """What cannot be encoded is written as an escape."""
    variables = environment(PYTHONIOENCODING="utf-8:strict")
    ended = run_process(COMMAND, "demo", "--out", tmp_path / "\udcff", env=variables, stdout=PIPE, stderr=PIPE)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"{tmp_path}/\\udcff/text_to_video.mp4" in ended.stdout
