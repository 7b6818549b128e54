"""The examples need no network but loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent
UNPLUGGED = ("unshare", "--map-root-user", "--net")

#: A new network namespace has a loopback interface that is down; SIOCSIFFLAGS brings it up without further tools.
PLUG_LOOPBACK = """
import fcntl, socket, struct, sys
UP_AND_RUNNING, SIOCSIFFLAGS = 0x41, 0x8914
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", UP_AND_RUNNING))
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def can_unplug() -> bool:
    """Whether this machine lets a process have a network of its own."""
    try:
        return subprocess.run([*UNPLUGGED, "true"], capture_output=True, check=False, timeout=PATIENCE).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.exhaustive
@pytest.mark.skipif(not can_unplug(), reason="unshare cannot make a network namespace here")
def test_the_examples_pass_without_a_network(tmp_path: Path) -> None:
    """Apps with webhooks, a database or a hard-coded host pass in a network namespace with loopback only."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    quiet = ["-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'run'}"]
    ran = subprocess.run(
        [*UNPLUGGED, sys.executable, "-c", PLUG_LOOPBACK, *quiet, "tests/examples"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
