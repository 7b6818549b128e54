"""The command, and the processes that it starts."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import click
import pytest
from bench import report
from bench.__main__ import machine, main
from bench.plan import Bench, Scenario, carry_out
from bench.report import table
from bench.results import Goal, Run, load, row, store
from bench.servers import Server, ServerError, pixazo_sim, serving
from tests.command import run_process

FIGURE = row("a scenario", "simulator", "ms", [1.0])


def test_a_cheap_scenario_is_measured_and_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It needs no wrk; the table and the stored run have the same row."""
    monkeypatch.setenv("PATH", "/nowhere")
    stored = tmp_path / "run.json"
    main(["--quick", "--only", "fresh*", "--output", str(stored)], standalone_mode=False)
    output, errors = capsys.readouterr()
    assert (output.splitlines()[1][:25], errors) == ("a fresh world  simulator ", "")
    (row,) = json.loads(stored.read_bytes())["rows"]
    assert (row["scenario"], row["unit"], row["goal"]) == ("a fresh world", "ms", {"value": 0.3, "at_least": False})


def test_some_figures_are_replaced_in_the_stored_run_and_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others stay as they were; a run of another machine takes none."""
    page, stored = tmp_path / "performance.md", tmp_path / "run.json"
    page.write_bytes(report.PAGE.read_bytes())
    monkeypatch.setattr(report, "PAGE", page)
    command = ["--quick", "--only", "fresh*", "--write-docs", str(stored)]
    former = row("a fresh world", "simulator", "ms", [9000.0], Goal(0.3))
    store(Run(machine(), is_quick=True, rows=[former, FIGURE]), stored)
    main(command, standalone_mode=False)
    found = load(stored)
    assert found.rows[0].name == former.name
    assert found.rows[0].median < former.median
    assert found.rows[1:] == [FIGURE]
    assert report.figures(found) in page.read_text(encoding="utf-8")
    store(Run(machine() | {"cores": "1000"}, is_quick=True), stored)
    with pytest.raises(click.UsageError, match="cannot take these figures: cores differs: '1000' then"):
        main(command, standalone_mode=False)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("--only laod", "no scenario is called 'laod': choose from load, rules"),
        ("--only load", "wrk, which makes the load, is not on the PATH: install it"),
        ("--only commands --compare nowhere.json", "nowhere.json cannot be read: No such file"),
        ("--only commands --output nowhere/run.json", "nowhere/run.json cannot be written: No such file"),
        ("--peers", "'--peers' requires an argument"),
    ],
)
def test_a_mistake_names_the_remedy(options: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found before anything is measured."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(click.UsageError, match=problem):
        main(options.split(), standalone_mode=False)


def test_a_scenario_that_fails_leaves_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    """The table says why it is missing."""

    def fail(_: Bench) -> None:
        raise ServerError("simulator on port 1 has ended")

    run = Run({}, is_quick=True)
    scenarios = [Scenario("first", 1, 1, fail), Scenario("second", 1, 1, lambda bench: bench.run.add(FIGURE))]
    assert carry_out(Bench(run, Path()), scenarios) == ["first"]
    assert run.rows == [FIGURE]
    assert "not measured: first: ServerError: simulator on port 1 has ended" in table(run)
    assert capsys.readouterr().err == ""  # it is no terminal


@pytest.mark.slow
def test_a_mistake_is_one_line() -> None:
    """Its exit code is 2."""
    ran = run_process(sys.executable, "-m", "bench", "--quik", cwd=Path(__file__).parents[2])
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith("bench: No such option")


@pytest.mark.slow
def test_a_server_that_does_not_start_is_named_with_its_log() -> None:
    """Here another process has its port."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        server = Server("simulator", pixazo_sim()(port), port, {}, None)
        with pytest.raises(ServerError, match=rf"simulator on port {port} has ended with code 2: .*already in use"):
            server.await_answer()
        server.end()


def test_a_server_ends_with_its_block() -> None:
    """Also when the block is left by an interrupt."""
    with pytest.raises(KeyboardInterrupt), serving("idle", lambda _: ["sleep", "60"], wait=False) as server:
        raise KeyboardInterrupt
    assert server.process.returncode == -9
