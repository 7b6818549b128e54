"""`pixazo-sim exec --weather`: a command in bad weather."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command import COMMAND, mistake, pixazo_sim, started
from tests.patience import PATIENCE

from pixazo_simulator.script.weather.incidents import MOST_DAYS

APP = """
import json, os, urllib.request
key = {"Ocp-Apim-Subscription-Key": os.environ["PIXAZO_API_KEY"], "Content-Type": "application/json"}
def call(target, body=None):
    for attempt in range(9):
        try:
            return json.load(urllib.request.urlopen(urllib.request.Request(os.environ["PIXAZO_BASE_URL"] + target, body, key)))
        except (OSError, ValueError):
            pass
job = call("/minimax-hailuo-ai/v1/generate", b'{"prompt": "A bear"}')
while job["status"] not in ("COMPLETED", "FAILED", "ERROR"):
    job = call("/v2/requests/status/" + job["request_id"])
print(job["status"])
"""
"""It submits again whatever went wrong."""
LOST = "reply lost after acceptance at submission of generation 1"
THREE = f"{LOST}; 2 x 503 at reads of generation 2; doubled at webhook of generation 1"


def run(*options: str, app: str = APP) -> subprocess.CompletedProcess[str]:
    """Run an app to its end under `pixazo-sim exec`, on a clock by which a video is there at once."""
    return pixazo_sim("exec", "--clock", "x1000", *options, "--", sys.executable, "-c", app)


@pytest.mark.slow
def test_a_run_that_breaks_is_shrunk_to_a_line_that_repeats_it() -> None:
    """The output of the command appears once; the line is for a shell, names the options that were given, and holds no key."""
    key = "key-of-somebody"
    ran = run("--api-key", key, "--weather-only", THREE)
    assert (ran.returncode, ran.stdout) == (1, "COMPLETED\n")
    lines = [line.removeprefix("pixazo-sim: ") for line in ran.stderr.splitlines()]
    assert lines[0] == "weather: 3 incidents, of which 2 struck"
    assert "shrinking: 0 incidents: survived" in lines
    at = lines.index("the fewest that break it (charged twice): 1 fault in 1 incident")
    assert lines[at + 1] == f"  {LOST}"
    words = shlex.split(ran.stderr.partition("to repeat it, with the key in place of [hidden]:\n")[2])
    given = ["--clock", "x1000", "--api-key", "[hidden]", "--no-shrink", "--weather-only", LOST]
    assert words == ["pixazo-sim", "exec", *given, "--", sys.executable, "-c", APP]
    assert key not in ran.stdout + ran.stderr


def test_the_line_that_repeats_it_does() -> None:
    """It shrinks nothing more."""
    ran = run("--no-shrink", "--weather-only", LOST)
    assert ran.returncode == 1
    assert "broken: generation 1, " in ran.stderr
    assert "shrinking" not in ran.stderr


def test_an_app_that_survives_exits_as_without_weather() -> None:
    """Its books are told all the same."""
    ran = run("--weather", "seed=41", app="print(1)")
    assert (ran.returncode, ran.stdout) == (0, "1\n")
    assert "weather: 9 incidents, of which 0 struck" in ran.stderr
    assert "books: 0 generations, 0.00 USD spent, 0.00 refunded, 0.00 wasted" in ran.stderr


@pytest.mark.parametrize(
    ("options", "app", "code", "says"),
    [
        pytest.param("--weather 41", "raise SystemExit(7)", 7, "it also breaks without any incident (its exit code is 7)", marks=pytest.mark.slow),
        ("--weather 1 --weather-limit 0.1 --no-shrink", "import threading; threading.Event().wait()", 1, "broken: it did not end within 0.1 s"),
    ],
)  # fmt: skip
def test_the_exit_code_is_that_of_the_command(options: str, app: str, code: int, says: str) -> None:
    """Where nothing struck it, the weather was calm; one that does not end is ended, and its exit code is 1."""
    ran = run(*options.split(), app=app)
    assert (ran.returncode, says in ran.stderr) == (code, True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--weather", "rain"], "--weather 'rain' is not seed=N with a whole number from 0, such as seed=41"),
        (["--weather", "1", "--state", "memory-log"], "--state memory-log keeps worlds, but each run with --weather needs a fresh one: leave it out"),
        (["--weather-only", "rain"], "incident 'rain' cannot be read: write it as 'reply lost after acceptance at submission of generation 3'"),
        (["--weather", "1", "--days", str(MOST_DAYS + 1)], f"Invalid value for '--days' (env var: 'PIXAZO_SIM_EXEC_DAYS'): {MOST_DAYS + 1} is not in the range 1<=x<={MOST_DAYS}."),
        (["--days", "2"], "--days requires --weather: add --weather seed=N"),
        (["--weather", "1", "--weather-limit", "nan"], "Invalid value for '--weather-limit' (env var: 'PIXAZO_SIM_EXEC_WEATHER_LIMIT'): 'nan' is not a finite number."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(options: list[str], says: str) -> None:
    assert mistake("exec", *options, "--", "true") == says


STARTING = """
import subprocess, sys
held = f"import threading; stream = open({sys.argv[1]!r}, 'w'); print('ready', flush=True); threading.Event().wait()"
subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE).stdout.readline()
"""
"""It leaves a process behind, which holds a pipe open."""


@pytest.mark.slow
def test_what_a_command_has_started_ends_with_it(tmp_path: Path) -> None:
    """It would go on calling while the next run is counted."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [COMMAND, "exec", "--weather", "1", "--", sys.executable, "-c", STARTING, str(pipe)]
    with started(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert pipe.read_bytes() == b""  # to its end, which comes with that of the process that was left behind
        assert process.wait(PATIENCE) == 0


def test_a_command_that_is_not_there_is_run_once() -> None:
    """It is no matter of the weather."""
    ran = pixazo_sim("exec", "--weather", "1", "--", "no-such-command")
    assert ran.returncode == 127
    assert "weather" not in ran.stderr
    assert "command 'no-such-command' was not found" in ran.stderr


BREAKING = """
import os, sys, threading
folder, pipe = sys.argv[1:]
number = len(os.listdir(folder))
open(os.path.join(folder, str(number)), "w").close()
if number == 1:
    open(pipe, "w").close()
    threading.Event().wait()
raise SystemExit(3)
"""
"""It breaks at once; the second run says that it has begun, and does not end."""


@pytest.mark.slow
def test_an_interrupt_ends_the_shrinking_and_tells_what_is_known(tmp_path: Path) -> None:
    """The line that repeats the run is printed, with the exit code of the command."""
    folder, pipe = tmp_path / "runs", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    app = [sys.executable, "-c", BREAKING, str(folder), str(pipe)]
    with started(COMMAND, "exec", "--weather-only", LOST, "--", *app, stdout=subprocess.DEVNULL) as process:
        pipe.read_bytes()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert len(list(folder.iterdir())) == 2
    assert "\npixazo-sim: to repeat it:\npixazo-sim exec --no-shrink --weather-only" in said.decode()
