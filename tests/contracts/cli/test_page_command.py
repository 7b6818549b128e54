"""`pixazo-contracts page` as a user types it: what it prints, how it exits, and what it refuses."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pixazo_contracts.cli import main
from pixazo_contracts.pages import own_page

LIMIT = ("maximum 2000 characters", "maximum 1500 characters")
HOSTILE = "::error::x\r\n\x1b[31m\u202e|<script>`*_[x](y)"


def command(*arguments: str, stdin: bytes | None = None) -> Result:
    """What a command prints, and its exit code."""
    return CliRunner().invoke(main, ["page", *arguments], input=stdin)


@pytest.fixture
def new(tmp_path: Path) -> str:
    """A version of the page with another limit."""
    place = tmp_path / "new.md"
    place.write_text(own_page().replace(*LIMIT), encoding="utf-8")
    return str(place)


@pytest.fixture
def old(tmp_path: Path) -> str:
    """The page itself."""
    place = tmp_path / "old.md"
    place.write_text(own_page(), encoding="utf-8")
    return str(place)


def test_what_a_page_says(old: str) -> None:
    """As text, and all of it as JSON."""
    text = command("read", old)
    assert text.exit_code == 0
    assert "  prompt: string, required, max_length 2000\n" in text.output
    assert (
        "not understood: 1\n  line 157, /minimax-hailuo-ai/v1/imageToVideo prompt: Supports 15+ camera" in text.output
    )
    found = json.loads(command("read", old, "--format", "json").output)
    assert [each["path"] for each in found["operations"]] == [
        "/minimax-hailuo-ai/v1/imageToVideo",
        "/minimax-hailuo-ai/v1/generate",
    ]


def test_a_change_of_meaning_exits_1(old: str, new: str) -> None:
    """From two files, from one, from standard input."""
    for result in (
        command("diff", old, new),
        command("check", new),
        command("check", "-", stdin=Path(new).read_bytes()),
    ):
        assert result.exit_code == 1
        assert "  parameter prompt, max_length  [breaking]\n    before: 2000\n    after:  1500\n" in result.output
        assert result.output.endswith("changes of meaning: 1, breaking: 1; changes of wording: 1\n")


def test_no_change_exits_0(old: str, tmp_path: Path) -> None:
    """Nor does another wording."""
    assert (command("check", old).exit_code, command("check", old).output) == (0, "nothing changed\n")
    reworded = tmp_path / "reworded.md"
    reworded.write_text(own_page().replace("Common status codes.", "The usual status codes."), encoding="utf-8")
    result = command("diff", old, str(reworded))
    assert (result.exit_code, "wording, imageToVideo" in result.output) == (0, True)


@pytest.mark.parametrize("text", [b"", b"<html>", b"\xff\xfe\x00", own_page().encode()[:400]])
def test_what_cannot_be_read_exits_3(tmp_path: Path, text: bytes) -> None:
    """With one line that names the file."""
    place = tmp_path / "broken.md"
    place.write_bytes(text)
    result = command("check", str(place))
    assert result.exit_code == 3
    assert result.output.startswith(f"pixazo-contracts: {place}: ")
    assert result.output.count("\n") == 1


def test_a_page_without_end_exits_3() -> None:
    """It is not read beyond 2 MiB."""
    result = command("check", "-", stdin=b"x" * (2 * 1024 * 1024 + 1))
    assert (result.exit_code, "more than 2097152 bytes" in result.output) == (3, True)


def test_changes_for_other_programs(old: str, new: str) -> None:
    """JSON with the members that are promised, a table in Markdown, annotations of a workflow."""
    (change, wording) = json.loads(command("diff", old, new, "--format", "json").output)["changes"]
    assert {name: change[name] for name in ("kind", "operation", "part", "name", "before", "after")} == {
        "kind": "meaning", "operation": "imageToVideo", "part": "parameter", "name": "prompt", "before": 2000, "after": 1500,
    }  # fmt: skip
    assert "I2V-PROMPT-01" in change["clauses"]
    assert "prompt_unit" in change["policy"]
    assert wording["kind"] == "wording"
    table = command("diff", old, new, "--format", "markdown").output
    assert "| meaning | imageToVideo | parameter prompt, max\\_length | 2000 | 1500 | breaking |" in table
    text = command("diff", old, new, "--format", "text").output
    stop, *lines = command("diff", old, new, "--format", "github").output.splitlines(keepends=True)
    assert stop.startswith("::stop-commands::")
    assert "".join(lines[:-3]) == text
    resume, warning, notice = lines[-3:]
    assert resume == f"::{stop.strip().removeprefix('::stop-commands::')}::\n"
    assert warning.startswith("::warning title=imageToVideo%3A parameter prompt%2C max_length::2000 -> 1500; clauses: ")
    assert notice.startswith("::notice title=imageToVideo")


@pytest.mark.parametrize("form", ["text", "markdown", "github", "json"])
def test_a_page_forges_nothing(tmp_path: Path, form: str) -> None:
    """Neither lines, commands of a workflow, markup nor what steers a terminal."""
    place = tmp_path / "hostile.md"
    place.write_text(
        own_page().replace("403\n\nForbidden\n\n", f"403\n\n5 {HOSTILE.replace(chr(13), ' ')}\n\n"),
        encoding="utf-8",
        newline="",
    )
    output = command("check", str(place), "--format", form).output
    assert not {"\x1b", "\u202e"} & set(output)
    assert not any(line.startswith("::error") for line in output.splitlines())
    assert form != "markdown" or "<script>" not in output.replace("\\<", "")


def test_a_model_is_drafted(old: str) -> None:
    """With the name of the page's address, and the day."""
    model = tomllib.loads(command("model", old).stdout)
    assert (model["model"], model["label"]) == ("hailuo", f"vendor page, {model['date']}")
    image, text = model["operations"]
    assert (text["path"], text["model_id"], text["output"]) == (
        "/minimax-hailuo-ai/v1/generate",
        "minimax-hailuo-ai",
        "mp4",
    )
    duration = next(each for each in image["parameters"] if each["name"] == "duration")
    assert (duration["type"], duration["default"], duration["enumeration"]) == ("integer", 6, [6, 10])
    assert next(each for each in text["parameters"] if each["name"] == "callback_url")["callback"] is True
