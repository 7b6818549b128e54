"""`pixazo-sim exec --weather`: a command in bad weather."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest
from tests.command import mistake, pixazo_sim

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
LOST = "day 1: reply lost after acceptance at submission 1"
THREE = f"{LOST}; day 1: 2 x 503 from read 1; day 1: doubled at webhook 1"


def run(*options: str, app: str = APP) -> subprocess.CompletedProcess[str]:
    """Run an app to its end under `pixazo-sim exec`, on a clock by which a video is there at once."""
    return pixazo_sim("exec", "--clock", "x1000", *options, "--", sys.executable, "-c", app)


def test_a_run_that_breaks_is_shrunk_to_a_line_that_repeats_it() -> None:
    """The output of the command appears once; the line is for a shell, names the options that were given, and holds no key."""
    key = "key-of-somebody"
    ran = run("--api-key", key, "--weather-only", THREE)
    assert (ran.returncode, ran.stdout) == (1, "COMPLETED\n")
    lines = [line.removeprefix("pixazo-sim: ") for line in ran.stderr.splitlines()]
    assert lines[0] == "weather: 3 incidents, of which 2 struck"
    assert "shrinking: 0 incidents: survived" in lines
    at = lines.index("the fewest that break it: 1 fault in 1 incident (after 3 runs)")
    assert lines[at + 1] == f"  {LOST}"
    words = shlex.split(ran.stderr.partition("to repeat it:\n")[2])
    given = ["--clock", "x1000", "--api-key", "[hidden]", "--weather-only", THREE]
    assert words == [
        "pixazo-sim",
        "exec",
        *given,
        "--no-shrink",
        "--weather-only",
        LOST,
        "--",
        sys.executable,
        "-c",
        APP,
    ]
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


def test_the_exit_code_is_that_of_the_command() -> None:
    """Where nothing struck it, the weather was calm."""
    ran = run("--weather", "41", app="raise SystemExit(7)")
    assert ran.returncode == 7
    assert "it breaks without any incident, too (after 0 runs)" in ran.stderr


def test_a_command_that_does_not_end_is_ended() -> None:
    """It is broken, and its exit code 1."""
    ran = run(
        "--weather", "1", "--weather-limit", "0.1", "--no-shrink", app="import threading; threading.Event().wait()"
    )
    assert ran.returncode == 1
    assert "broken: it did not end within 0.1 s" in ran.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--weather", "rain"], "--weather 'rain' is not seed=N with a whole number, such as seed=41"),
        (["--weather", "1", "--state", "memory-log"], "--state memory-log keeps worlds, and each run in weather needs a fresh one: leave it out"),
        (["--weather-only", "rain"], "incident 'rain' cannot be read: write it as 'day 1: reply lost after acceptance at submission 3'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(options: list[str], says: str) -> None:
    """With the remedy."""
    assert mistake("exec", *options, "--", "true") == says
