"""Servers that tests start beside the simulator: Redis, Valkey and nginx, each on a loopback port of its own, with its data in a folder."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from tests.command import started
from tests.patience import PATIENCE
from tests.tools import tool

__all__ = ["Nginx", "Program", "Redis", "free_port"]


def free_port() -> int:
    """A loopback port that nothing listens on, and that no outgoing connection is given.

    A port that the system would also give to callers could be taken by one while its server is down, or be connected to itself.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, first), 100):
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"100 ports between 10000 and {first} are taken")


class Program:
    """A server program on a port of its own, with a folder of its own: it can be killed, paused, and started again with its data.

    `with Program(...) as program:` starts it, waits until it answers, and kills it at the end.
    """

    def __init__(self, command: Sequence[str], folder: Path, port: int) -> None:
        self.port = port
        self.folder = folder
        self._command = command
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def log(self) -> str:
        """What it has written to its standard streams, over all its starts."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def runs(self) -> bool:
        """Whether it was started, and not ended since."""
        return self._process is not None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process, f"{self._command[0]} does not run: start it"
        return self._process

    def start(self) -> None:
        """Start it on its port, with the data of its folder, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            begun = started(*self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self._process = self._running.enter_context(begun)
        last = time.monotonic() + PATIENCE
        while not self.answers():
            try:
                code = self._process.wait(0.01)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < last, f"{self._command[0]} does not answer:\n{self.log}"
            else:
                raise AssertionError(f"{self._command[0]} has ended with {code}:\n{self.log}")

    def answers(self) -> bool:
        """Whether it accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except ConnectionRefusedError:
            return False
        return True

    def kill(self) -> None:
        """End it at once with SIGKILL, and its children; what it had not written is lost."""
        self._running.close()
        self._process = None

    def restart(self) -> None:
        """Kill it, if it runs, and start it again with its data."""
        self.kill()
        self.start()

    def terminate(self) -> int:
        """Send SIGTERM, and wait for its exit code."""
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.kill()
        return code

    @contextmanager
    def paused(self) -> Generator[None]:
        """It does not run in this block: connections are accepted by the system, and not answered."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Redis(Program):
    """Redis, or Valkey with `program="valkey-server"`, which has written a change to its file before it acknowledges it."""

    def __init__(self, folder: Path, *options: str, program: str = "redis-server") -> None:
        port = free_port()
        self._data = folder / "data"
        self._data.mkdir(parents=True)
        settings = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(self._data), "--save", "")
        durable = ("--appendonly", "yes", "--appendfsync", "always")
        super().__init__((tool(program), *settings, *durable, *options), folder, port)
        self.url = f"redis://127.0.0.1:{port}/0"

    def answers(self) -> bool:
        """Whether it has loaded its data."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) in (b"+PONG\r\n", b"-NOAUTH")
        except (ConnectionRefusedError, ConnectionResetError):
            return False

    def restart_empty(self) -> None:
        """Kill it, if it runs, and start it again without any data."""
        self.kill()
        shutil.rmtree(self._data)
        self._data.mkdir()
        self.start()


_NGINX = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {site}
}}
"""
_SITE = Path(__file__).parents[1] / "docs" / "examples" / "nginx.conf"


class Nginx(Program):
    """nginx in front of these ports, which it asks in turn, over connections that it keeps, as in the example of the docs."""

    def __init__(self, folder: Path, *ports: int) -> None:
        port, file = free_port(), folder / "nginx.conf"
        folder.mkdir(parents=True)
        servers = " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ports)
        site = re.sub(r"(\n +server sim-\d:8900 max_fails=0;)+", f"\n{servers}", _SITE.read_text(encoding="utf-8"))
        site = site.replace("listen 80;", f"listen 127.0.0.1:{port};")
        # Its workers may use the folder, which only the user of the tests may enter.
        user = "user root;" if os.geteuid() == 0 else ""
        file.write_text(_NGINX.format(user=user, folder=folder, site=site), encoding="utf-8")
        super().__init__((tool("nginx"), "-e", "stderr", "-c", str(file)), folder, port)
        self.url = f"http://127.0.0.1:{port}"
