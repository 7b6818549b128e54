"""What came from outside is told from words of ours, is one line, and does nothing to a terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.command import run_process
from tests.contracts.gateways.fake_gateway import KEY
from tests.contracts.judge.test_verdict import EXCHANGE
from tests.tools import tool

from pixazo_contracts.clauses import show
from pixazo_contracts.cli import main
from pixazo_contracts.judge import curl_line, shell_word
from pixazo_contracts.trace import MISSING

ODD = "a\\b'\"c\n\x1b[2J\x7f\x85\u202e\ufe0f\U000e0041é"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        ("null", '"null"'),
        (True, "true"),
        ("true", '"true"'),
        (6, "6"),
        ("6", '"6"'),
        (MISSING, "absent"),
        ("absent", '"absent"'),
        ("\x1b", r'"\u001b"'),
        (r"\u001b", r'"\\u001b"'),
        ("\x7f\x85\u202e\u061c\u00ad\u2028", r'"\u007f\u0085\u202e\u061c\u00ad\u2028"'),
        ("é 漢 🎬", '"é 漢 🎬"'),
    ],
)
def test_values_that_look_alike_are_told_apart(value: object, shown: str) -> None:
    """A text is in quotation marks, and a backslash of its own is doubled."""
    assert show(value) == shown


def test_a_shell_reads_what_was_quoted() -> None:
    """Each byte, in a locale without UTF-8 too; the line itself has only characters that are seen."""
    word = shell_word(ODD)
    assert word.isprintable()
    ran = run_process(tool("bash"), "-c", f"printf %s {word}", env={"LC_ALL": "C"})
    assert (ran.returncode, ran.stdout) == (0, ODD)


def test_a_url_from_an_answer_is_one_word_of_a_curl_line() -> None:
    """A `polling_url` that is read as it was given cannot end the line."""
    line = curl_line(replace(EXCHANGE, url="http://127.0.0.1/\nPASS\u202e; echo"))
    assert r"$'http://127.0.0.1/\nPASS\xe2\x80\xae; echo'" in line


@pytest.mark.parametrize(("body", "asks"), [(None, "--head"), ("{}", "-i -X HEAD --max-time 10")])
def test_a_head_is_repeated_without_waiting_for_a_body(body: str | None, asks: str) -> None:
    sent = replace(EXCHANGE, method="HEAD", url="http://a/", request_body=body, request_size=len(body or ""))
    assert curl_line(sent).startswith(f"curl {asks} http://a/")


@pytest.mark.parametrize(
    "arguments", [["--clauses", "\x1b[2J\ufe0f"], ["--receiver", "\x1b[2J\u202e"], ["--account", "\x1b[2J\nPASS=key"]]
)
def test_a_complaint_about_a_setting_has_only_characters_that_are_seen(arguments: list[str]) -> None:
    """It is repeated with escapes, or not at all."""
    failed = CliRunner().invoke(
        main, ["run", "--target", "http://127.0.0.1:9", *arguments], env={"PIXAZO_API_KEY": KEY}
    )
    assert failed.exit_code == 2
    assert [line for line in failed.output.split("\n") if not line.isprintable() or "\ufe0f" in line] == []


def test_a_complaint_about_a_file_is_one_line(tmp_path: Path) -> None:
    """So is what a TOML file holds where it cannot be used."""
    profile = tmp_path / "odd\x1b\nPASS.toml"
    profile.write_text('"odd\\u001b\\nPASS" = 1\n', encoding="utf-8")
    failed = CliRunner().invoke(main, ["plan", "--target", "http://127.0.0.1:9", "--profile", str(profile)])
    assert failed.output.count("\n") == 1
    assert "\x1b" not in failed.output
