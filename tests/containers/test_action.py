"""The GitHub Action: its steps run in bash as the runner would run them."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.command import COMMAND, environment, run_process
from tests.containers.image import ROOT
from tests.tools import tool


class Runner:
    """Runs the steps of the action with its inputs; what a step leaves in the background ends with the test."""

    def __init__(self, folder: Path) -> None:
        yaml: Any = pytest.importorskip("yaml")
        self.action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
        self.folder = folder

    def step(self, number: int, **inputs: str) -> Any:
        """Run one step; the text of `${{ inputs.NAME }}` is replaced as the runner does."""
        values = {name: declared["default"] for name, declared in self.action["inputs"].items()} | inputs
        step = self.action["runs"]["steps"][number]
        own = {each: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: values[m[1]], v) for each, v in step["env"].items()}
        files = {each: str(self.folder / each) for each in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH")}
        path = f"{self.folder}{os.pathsep}{Path(COMMAND).parent}{os.pathsep}{os.environ['PATH']}"
        given = environment(**own, **files, RUNNER_TEMP=str(self.folder), GITHUB_ACTION_PATH="/action", PATH=path)
        # A process in the background outlives the step: it is no child of a group that ends with it.
        options = ("--noprofile", "--norc", "-eo", "pipefail", "-c")
        return run_process(tool("setsid"), "--wait", tool("bash"), *options, step["run"], cwd=self.folder, env=given)

    def written(self, name: str) -> dict[str, str]:
        """The lines NAME=VALUE of such a file."""
        return dict(line.split("=", 1) for line in (self.folder / name).read_text(encoding="utf-8").splitlines())


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """A runner without any output yet, whose pixazo-sim writes its number to a file."""
    command = tmp_path / "pixazo-sim"
    command.write_text(f'#!/bin/sh\necho $$ >{tmp_path}/pid\nexec {COMMAND} "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    yield Runner(tmp_path)
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_the_steps_that_follow_find_a_running_simulator(runner: Runner) -> None:
    """By variables and by outputs, which have the same values; the log is in a file, and shown."""
    ran = runner.step(1, args="--clock x20 --api-key of-the-job")
    assert (ran.returncode, ran.stderr) == (0, "")
    outputs, variables = runner.written("GITHUB_OUTPUT"), runner.written("GITHUB_ENV")
    assert variables == {
        "PIXAZO_BASE_URL": outputs["url"],
        "PIXAZO_API_KEY": "of-the-job",
        "PIXAZO_LOG": outputs["log"],
    }
    assert {f"${{{{ steps.start.outputs.{name} }}}}" for name in outputs} == {
        each["value"] for each in runner.action["outputs"].values()
    }
    assert ran.stdout == Path(outputs["log"]).read_text(encoding="utf-8")
    assert ran.stdout.startswith(f"ready {outputs['url']} key of-the-job\n")
    with build_opener(ProxyHandler({})).open(f"{outputs['url']}/_sim/ready") as answer:
        assert answer.status == 200


def test_a_start_that_fails_is_an_error_with_its_reason(runner: Runner) -> None:
    """The annotation is the line of the command; nothing is written for later steps."""
    ran = runner.step(1, args="--clock backwards")
    assert ran.returncode == 1
    assert re.fullmatch("::error title=pixazo-sim does not start::pixazo-sim: .*backwards.*\n", ran.stdout)
    assert not (runner.folder / "GITHUB_ENV").exists()


@pytest.mark.parametrize(("version", "package"), [("", "/action"), ("0.2.0", "pixazo-testkit==0.2.0")])
def test_a_version_is_installed_beside_the_job(runner: Runner, version: str, package: str) -> None:
    """Its own without a version, in a virtual environment that is put on PATH; Python itself says here what it is told."""
    python = runner.folder / "python3"
    python.write_text('#!/bin/sh\necho "$@"; mkdir -p "$3/bin"; cp "$0" "$3/bin/python"\n', encoding="utf-8")
    python.chmod(0o755)
    ran = runner.step(0, version=version)
    place = runner.folder / "pixazo"
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0] == f"-m venv {place}"
    assert ran.stdout.splitlines()[1].endswith(f" {package}")
    assert (runner.folder / "GITHUB_PATH").read_text(encoding="utf-8") == f"{place}/bin\n"
    assert runner.action["runs"]["steps"][0]["if"] == "inputs.version != 'installed'"
