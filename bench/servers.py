"""Processes that serve: how they are started, called and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from pixazo_simulator import ControlClient

from .apps import PEER_STATUS, STATUS_PATH, SUBMIT_PATH
from .load import BODY, SERVER_CORE, Target, pinned

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
RICH = ("--balance", "100000000")
"""Options of a simulator whose wallet outlasts a load of submissions."""
START_TIMEOUT = 90.0
"""Seconds in which a server must answer; Java's need a while on a busy machine."""


class ServerError(Exception):
    """A server does not start; the message has the end of its log."""


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process that serves on a port of loopback; it has a session of its own, so that its children end with it."""

    def __init__(self, name: str, command: Sequence[str], port: int, env: Mapping[str, str], core: int | None) -> None:
        self.name, self.port, self.url = name, port, f"http://127.0.0.1:{port}"
        self.target = Target(self.url, PEER_STATUS)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self.began = time.perf_counter()
        with pinned(core):
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | dict(env), stdin=subprocess.DEVNULL, stdout=self._log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def await_answer(self) -> float:
        """Wait for the first answer to a submission; returns the seconds since the start. Raises ServerError when none comes."""
        while time.perf_counter() < self.began + START_TIMEOUT and self.process.poll() is None:
            with suppress(OSError, HTTPException):
                if exchange(self.target, "POST")[0] == 202:
                    return time.perf_counter() - self.began
            time.sleep(0.001)
        self._log.seek(0)
        said = " ".join(self._log.read()[-600:].decode(errors="replace").split())
        code = self.process.poll()
        what = f"has ended with code {code}" if code is not None else f"has not answered within {START_TIMEOUT:g} s"
        raise ServerError(f"{self.name} on port {self.port} {what}: {said or 'it has logged nothing'}")

    def resident(self) -> int:
        """Bytes of memory that the process has in use; only Linux tells."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def cpu(self) -> Counter[int]:
        """Milliseconds of CPU that each of its processes has used, by number, in steps of 10; empty where the system does not tell as Linux does."""
        used: Counter[int] = Counter()
        for place in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                _, _, group, *fields = place.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                if int(group) == self.process.pid:
                    used[int(place.parent.name)] = sum(map(int, fields[8:10])) * 1000 // os.sysconf("SC_CLK_TCK")
        return used

    def end(self) -> None:
        """Kill it with its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()


@contextmanager
def serving(
    name: str, command: Callable[[int], Sequence[str]], *, wait: bool = True, core: int | None = SERVER_CORE, **env: str
) -> Generator[Server]:
    """A server on a free port; with `wait` it has answered when the block begins."""
    port = free_port()
    server = Server(name, command(port), port, env, core)
    try:
        if wait:
            server.await_answer()
        yield server
    finally:
        server.end()


def exchange(called: Target, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """One request on a connection of its own, a submission for POST, else a status read; returns status code and body."""
    with closing(HTTPConnection(called.url.removeprefix("http://"), timeout=30)) as connection:
        path, body = (SUBMIT_PATH, BODY) if method == "POST" else (called.status, None)
        connection.request(method, path, body, called.headers | headers)
        answered = connection.getresponse()
        return answered.status, answered.read()


def submitted(called: Target, **headers: str) -> tuple[Target, bytes]:
    """Submit once; returns a target that reads this generation, and the body of the answer."""
    status, body = exchange(called, "POST", **headers)
    if status != 202:
        raise ServerError(f"{called.url} has answered a submission {status}: {body[:300]!r}")
    return Target(called.url, STATUS_PATH + json.loads(body)["request_id"], called.key), body


def pixazo_sim(*options: str) -> Callable[[int], list[str]]:
    """The command of a user."""
    return lambda port: [str(SCRIPTS / "pixazo-sim"), "serve", "--port", str(port), *options]


def with_collector(port: int) -> list[str]:
    """The same, but it measures a collection when asked; see `apps.simulator`."""
    return [sys.executable, "-m", "bench.apps", "simulator", str(port)]


def uvicorn(app: str) -> Callable[[int], list[str]]:
    """An application under uvicorn as it comes, without its access log."""
    options = ("--factory", f"bench.apps:{app}", "--no-access-log", "--log-level", "warning")
    return lambda port: [str(SCRIPTS / "uvicorn"), *options, "--port", str(port)]


def program(name: str) -> Callable[[int], list[str]]:
    """A program of `apps`."""
    return lambda port: [sys.executable, "-m", "bench.apps", name, str(port)]


def arm(server: Server, count: int, *when: str) -> Target:
    """A generation in a world of its own, in which this many rules about these operations are asked, and match no call of ours."""
    key = "-".join((str(count), "rules", *when))
    script = [_unmatched(number, when[number % len(when)]) for number in range(count)]
    ControlClient(server.url).create_world(key=key, balance="100000000", script=script)
    return submitted(Target(server.url, "", key))[0]


def _unmatched(number: int, when: str) -> dict[str, object]:
    wanted = (
        {"headers": {"x-run": f"run {number}"}} if when == "status" else {"prompt": {"contains": f"walrus {number}"}}
    )
    return {"when": when, "match": wanted, "reply": {"status": 503}}
