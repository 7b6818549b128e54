"""The command, over a real socket: exit codes, artefacts, and that no key is in them."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from pixazo_contracts.cli import main
from tests.contracts.fake_gateway import KEY
from tests.contracts.fake_server import serve
from tests.contracts.wrong import envelope, having

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

PACE = ("--pace", "0.05", "--deadline", "10")


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"PIXAZO_API_KEY": KEY})


def run(origin: str, *arguments: str) -> Result:
    return command("run", "--target", origin, *PACE, *arguments)


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with serve() as (url, _):
        yield url


@pytest.fixture(scope="module")
def out(origin: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefacts of one whole run against a faithful gateway."""
    path = tmp_path_factory.mktemp("whole")
    assert run(origin, "--out", str(path)).exit_code == 0
    return path


def test_a_faithful_gateway_exits_0(out: Path) -> None:
    """The whole suite over a socket raises no alarm, and the JSON says so clause by clause."""
    result = json.loads((out / "result.json").read_text())
    assert result["exit_code"] == 0
    assert result["clauses"]["STATUS-07"]["outcome"] == "PASS"
    assert result["clauses"]["STATUS-07"]["findings"] == []
    assert result["summary"]["judged"] >= 150


def test_no_artefact_holds_the_key(out: Path) -> None:
    """The key stands in none of the files that a run writes."""
    names = ["junit.xml", "report.html", "result.json", "result.ndjson", "trace.ndjson"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert [path.name for path in out.iterdir() if KEY in path.read_text()] == []


def test_judging_the_trace_gives_the_verdicts_of_the_run(out: Path, tmp_path: Path) -> None:
    """`judge` on a stored trace writes the same clauses as the run did."""
    assert command("judge", str(out / "trace.ndjson"), "--json", str(tmp_path / "again.json")).exit_code == 0
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["clauses"] == json.loads((out / "result.json").read_text())["clauses"]


def test_two_runs_do_not_differ(origin: str, out: Path, tmp_path: Path) -> None:
    """`diff` of two runs of one target is empty, whichever form of result it is given."""
    run(origin, "--json", str(tmp_path / "second.json"))
    compared = command("diff", str(out), str(tmp_path / "second.json"))
    assert (compared.output, compared.exit_code) == ("nothing changed\n", 0)


def test_a_regression_is_named_with_its_severity(out: Path, tmp_path: Path) -> None:
    """`diff` against a gateway wrong in one respect names that clause, and nothing else, as regressed."""
    with serve(edit=envelope(having(polling_url="https://example.com/"))) as (url, _):
        failed = run(url, "--json", str(tmp_path / "wrong.json"))
    assert failed.exit_code == 1
    assert "FAIL STATUS-07" in failed.output
    assert "curl -i -X GET" in failed.output
    compared = command("diff", str(out / "result.json"), str(tmp_path / "wrong.json"))
    assert compared.exit_code == 1
    named = [line.split("  ")[0] for line in compared.output.splitlines() if not line.startswith(" ")]
    assert named == ["regressed (breaking) STATUS-07"]


@pytest.mark.exhaustive
def test_a_submit_that_waits_for_its_generation_fails() -> None:
    """A 202 that is held until the generation has ended is told from one that is merely slow."""

    with serve(hold=lambda reply: 0.8 if reply.code == 202 else 0.0) as (url, _):
        assert "FAIL SUBMIT-14" in run(url, "--clauses", "SUBMIT-14").output
    with serve(hold=lambda _: 0.05) as (url, _):
        assert run(url, "--clauses", "SUBMIT-14").exit_code == 0


def test_the_reports_are_well_formed(out: Path) -> None:
    """JUnit has a case a clause and a sentinel; the page is one file that loads nothing."""
    suite = ET.parse(out / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("187", "0", "0")
    page = (out / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert not any(loads in page for loads in ("<script", "<link", "src=", "url(", "@import"))


def test_a_dead_host_exits_10() -> None:
    """Nobody listening is an unusable target, not a clean run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = run(f"http://127.0.0.1:{free.getsockname()[1]}")
    assert dead.exit_code == 10
    assert "the target does not answer (connect)" in dead.output


def test_a_refused_key_exits_10(origin: str) -> None:
    """A key that the target does not know makes it unusable."""
    refused = run(origin, "--api-key", "no-such-key-0001")
    assert refused.exit_code == 10
    assert "the target refuses the key (401)" in refused.output


def test_a_cut_trace_exits_3(out: Path, tmp_path: Path) -> None:
    """A trace without its end is invalid."""
    cut = tmp_path / "cut.ndjson"
    cut.write_bytes((out / "trace.ndjson").read_bytes()[:20_000])
    assert command("judge", str(cut)).exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("run", "--target", "nowhere"), "--target 'nowhere' is no URL"),
        (("run", "--target", "http://127.0.0.1:1/v1"), "has a path"),
        (("run", "--target", "http://127.0.0.1:1", "--clauses", "NOPE-*"), "matches no clause"),
        (("run", "--target", "http://127.0.0.1:1", "--account", "empty"), "write --account NAME=VALUE"),
        (("run", "--target", "http://127.0.0.1:1", "--pace", "0"), "must be above 0"),
        (("run", "--target", "http://127.0.0.1:1", "--receiver", "8080x"), "write HOST:PORT"),
        (("run", "--target", "https://gateway.example", "--max-generations", "1"), "paid = true"),
        (("run", "--no-such-option"), "No such option"),
    ],
)
def test_a_bad_setting_exits_2_and_says_what_to_do(arguments: tuple[str, ...], complaint: str) -> None:
    """Each bad setting ends in exit 2 with its name and the remedy, before anything is sent."""
    refused = command(*arguments)
    assert refused.exit_code == 2
    assert complaint in refused.output


def test_an_unknown_profile_setting_is_named(tmp_path: Path) -> None:
    """A misspelt setting is answered with the nearest known one."""
    profile = tmp_path / "profile.toml"
    profile.write_text("payed = true\n")
    refused = run("http://127.0.0.1:1", "--profile", str(profile))
    assert refused.exit_code == 2
    assert "unknown setting 'payed': did you mean 'paid'?" in refused.output


def test_planning_sends_nothing() -> None:
    """`plan` for a gateway that charges prints costs and what stays unjudged, without a connection."""
    planned = command("plan", "--target", "https://gateway.invalid")
    assert planned.exit_code == 0
    assert "generations: at worst 0, expected 0, of a budget of 0" in planned.output
    assert "unjudged: " in planned.output


def test_the_catalogue_is_listed() -> None:
    """`list` prints a line a clause, `--core` the core ones."""
    assert len(command("list").output.splitlines()) == 186
    assert len(command("list", "--core").output.splitlines()) == 71


def test_a_baseline_of_another_profile_is_out_of_date(origin: str, out: Path) -> None:
    """A baseline made under other settings is not compared: exit 12 and one line that says so."""
    stale = run(origin, "--have", "media", "--clauses", "STATUS-11", "--baseline", str(out))
    assert stale.exit_code == 12
    assert "the baseline was made with another profile: record a new one" in stale.output


def test_progress_is_shown_on_a_terminal_only() -> None:
    """A run tells its progress on a terminal and writes nothing to a pipe."""
    arguments = [sys.executable, "-m", "pixazo_contracts", "run", "--target", "http://127.0.0.1:1", "--api-key", KEY]
    piped = subprocess.run(arguments, capture_output=True, timeout=60, check=False)
    assert piped.stderr == b""
    leader, follower = pty.openpty()
    subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=follower, timeout=60, check=False)
    os.close(follower)
    shown = os.read(leader, 4096).decode()
    os.close(leader)
    assert "1 of " in shown
