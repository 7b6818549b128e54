"""The control routes from JavaScript: a test suite of another language, run by its own runner."""

from __future__ import annotations

from pathlib import Path

from tests.command import environment, run_process
from tests.tools import tool

from pixazo_simulator.server.simulator import Simulator

HERE = Path(__file__).parent


def test_a_suite_in_javascript_passes(simulator: Simulator) -> None:
    """With plain fetch and the test runner of Node, nothing installed; its three tests ran."""
    command = (tool("node"), "--test", "--test-reporter=tap", "render.test.mjs")
    ran = run_process(*command, cwd=HERE, env=environment(PIXAZO_BASE_URL=simulator.url))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "# pass 3" in ran.stdout.splitlines()
