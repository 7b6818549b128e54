"""A script without any configuration, tested unchanged: its calls are redirected to a world, its pauses advance that world's clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.examples.script import bear

from pytest_pixazo import Pixazo

pytestmark = pytest.mark.usefixtures("pixazo_redirect", "pixazo_sleep")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script writes into the current folder."""
    monkeypatch.chdir(tmp_path)


def test_it_makes_a_video(capsys: pytest.CaptureFixture[str]) -> None:
    """It reads PROCESSING, then COMPLETED, and saves the file."""
    assert bear.main("A bear").read_bytes()[4:8] == b"ftyp"
    assert capsys.readouterr().out.split() == ["PROCESSING", "PROCESSING", "COMPLETED"]


def test_it_is_patient_for_a_quarter_of_an_hour(pixazo: Pixazo, capsys: pytest.CaptureFixture[str]) -> None:
    """A slow video is ready at the last poll but one; the test takes no time."""
    pixazo.when("generate").end(after=895)
    bear.main("A bear")
    assert len(capsys.readouterr().out.split()) == 179


def test_it_gives_up_after_that(pixazo: Pixazo) -> None:
    """A slower video is lost, though it was paid for."""
    pixazo.when("generate").end(after=901)
    with pytest.raises(SystemExit, match="takes more than 15 minutes"):
        bear.main("A bear")


def test_a_failure_ends_it_with_the_reason(pixazo: Pixazo) -> None:
    """The reason comes from the gateway."""
    pixazo.when("generate").end("FAILED", error="content policy")
    with pytest.raises(SystemExit, match="content policy"):
        bear.main("A bear")
