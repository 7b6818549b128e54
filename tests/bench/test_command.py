"""The command, and the processes that it starts."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest
from bench.servers import Server, ServerError, pixazo_sim, serving
from tests.command import environment, run_process

ROOT = Path(__file__).parents[2]


def bench(*options: str, **variables: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `python -m bench` with these options."""
    ran = run_process(sys.executable, "-m", "bench", *options, cwd=ROOT, env=environment(**variables))
    return ran.returncode, ran.stdout, ran.stderr


def test_a_cheap_scenario_is_measured_and_stored(tmp_path: Path) -> None:
    """It needs no wrk; the table and the stored run have the same row, and a run compares with itself."""
    stored = tmp_path / "run.json"
    code, output, errors = bench("--quick", "--only", "fresh*", "--output", str(stored), PATH="/nowhere")
    assert (code, errors) == (0, "")
    assert output.splitlines()[1].startswith("a fresh world  simulator")
    (row,) = json.loads(stored.read_bytes())["rows"]
    assert (row["scenario"], row["unit"], row["goal"]) == ("a fresh world", "ms", {"value": 0.3, "at_least": False})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--only", "laod"), "no scenario is called 'laod': choose from load, rules"),
        (("--only", "load"), "wrk, which makes the load, is not on the PATH: install it"),
        (("--only", "commands", "--compare", "nowhere.json"), "nowhere.json cannot be read: No such file"),
        (("--peers",), "'--peers' requires an argument"),
    ],
)
def test_a_mistake_is_one_line(options: tuple[str, ...], problem: str) -> None:
    """It names the remedy, and comes before anything is measured."""
    code, output, errors = bench(*options, PATH="/nowhere")
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert problem in errors


def test_a_server_that_does_not_start_is_named_with_its_log() -> None:
    """Here another one listens on its port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
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
