"""What needs a function that Windows lacks does without it: these functions are missing in the processes of these tests.

They say nothing of how Windows does what it has.
"""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from asyncio.proactor_events import BaseProactorEventLoop
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx2
import pytest

from pixazo_simulator.redirect.patches import Patches
from pixazo_simulator.redirect.routing import Redirection
from tests.command import COMMAND, environment, run_process, started
from tests.patience import PATIENCE

MISSING = """
import asyncio, os, shutil, signal, sys
missing = {
    os: "fork forkpty fchmod fchown register_at_fork getpgrp tcgetpgrp getuid O_NONBLOCK O_NOFOLLOW",
    signal: "SIGHUP SIGQUIT SIGUSR1 SIGUSR2 SIGALRM SIGPIPE pthread_kill",
    asyncio.SelectorEventLoop: "add_signal_handler remove_signal_handler",
}
for owner, names in missing.items():
    for name in names.split():
        delattr(owner, name)
shutil._use_fd_functions = False
sys.modules.update(dict.fromkeys(("grp", "pty", "pwd", "resource", "termios", "uvloop")))
"""


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python without these functions."""
    (tmp_path / "sitecustomize.py").write_text(MISSING, encoding="utf-8")
    return environment(PYTHONPATH=str(tmp_path))


def test_serve_answers_and_ends(variables: dict[str, str]) -> None:
    """The loop is asyncio's own; the signal is the one that a console of Windows sends."""
    with started(COMMAND, "serve", "--port", "0", env=variables) as process:
        assert process.stdout
        ready = re.match(rb"ready (\S+) key (\S+)", process.stdout.readline())
        assert ready, process.communicate()
        status = httpx2.get(f"{ready[1].decode()}/v2/requests/status/none", headers={"Ocp-Apim-Subscription-Key": "k"})
        assert status.status_code in {401, 404}
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


def test_several_workers_are_refused(variables: dict[str, str]) -> None:
    """In one line, whatever the state."""
    ran = run_process(COMMAND, "serve", "--port", "0", "--workers", "2", env=variables)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert (
        ran.stderr == "pixazo-sim: --workers 2: on this system several processes cannot serve one port: leave it out\n"
    )


@pytest.mark.slow
def test_listen_saves_what_arrives(variables: dict[str, str], tmp_path: Path) -> None:
    """The rights of the file stay those of its folder."""
    file = tmp_path / "saved.ndjson"
    with started(COMMAND, "listen", "--port", "0", "--save", file, env=variables) as process:
        assert process.stdout
        found = re.search(rb"http://\S+", process.stdout.readline())
        assert found, process.communicate()
        httpx2.post(found[0].decode(), json={"status": "COMPLETED"})
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert b"COMPLETED" in file.read_bytes()


@pytest.mark.slow
def test_a_signal_ends_the_proxy_of_the_contracts(variables: dict[str, str]) -> None:
    """It says so, and exits as for a run in which nothing passed."""
    command = Path(COMMAND).with_name("pixazo-contracts")
    upstream = ("--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0")
    with started(command, "proxy", *upstream, env=variables) as process:
        assert process.stderr
        assert b"forwards to http://127.0.0.1:9" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert b"no traffic, so nothing is judged" in errors
    assert b"Traceback" not in errors


def test_the_loop_of_windows_is_redirected_where_it_connects_by_address() -> None:
    """As aiohttp does: the address of a host, looked up before, is exchanged for the simulator's."""
    connected: list[object] = []
    listener = ("127.0.0.1", 4711)
    redirection = Redirection(["gateway.pixazo.ai"], listener)

    async def connect(_: socket.socket, address: object) -> None:
        connected.append(address)

    loop = SimpleNamespace(_debug=False, _proactor=SimpleNamespace(connect=connect))
    with socket.socket() as unconnected, Patches(redirection):
        address = (str(redirection.resolved("gateway.pixazo.ai")), 443)
        asyncio.run(BaseProactorEventLoop.sock_connect(cast("BaseProactorEventLoop", loop), unconnected, address))
    assert connected == [listener]
