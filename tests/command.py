"""The command pixazo-sim as a process of its own."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import IO

__all__ = ["COMMAND", "SIGNAL_ELSEWHERE", "Serving", "environment", "pixazo_sim"]

COMMAND = str(Path(sysconfig.get_path("scripts")) / "pixazo-sim")
PATIENCE = 20.0
"""Seconds until a process that says nothing, or does not end, has failed the test."""
SIGNAL_ELSEWHERE = """
import signal, sys, threading
def wait_and_signal():
    sys.stdin.buffer.read(1)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    threading.Event().wait()
threading.Thread(target=wait_and_signal, daemon=True).start()
"""
"""What the system may do as well, here once a byte is on standard input: deliver SIGTERM to a thread that is not the main one."""
_READY = re.compile(r"ready (?P<url>http://\S+) key (?P<key>\S+)\n")


def environment(**variables: str) -> dict[str, str]:
    """This process's environment with these variables, without our own, and without a proxy for loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIXAZO_")}
    return kept | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | variables


def pixazo_sim(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
        env=environment(**variables),
    )


class Serving:
    """`pixazo-sim serve` with these options and variables, from its ready line to its end; `log` can be read after that."""

    def __init__(self, *options: str, **variables: str) -> None:
        self.log = ""
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by `end`
        self._process = subprocess.Popen(
            [COMMAND, "serve", *options],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env=environment(**variables),
        )
        self.ready_line = self._first_line()
        found = _READY.fullmatch(self.ready_line)
        if found is None:
            self.end(signal.SIGKILL)
            raise AssertionError(f"no ready line but {self.ready_line!r}; standard error: {self.log!r}")
        self.url, self.key = found["url"], found["key"]

    def _first_line(self) -> str:
        assert self._process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            return self._process.stdout.readline() if selector.select(PATIENCE) else ""

    def end(self, number: signal.Signals = signal.SIGTERM, patience: float = PATIENCE) -> int:
        """Send the signal and return the exit code; raises TimeoutExpired when the process outlives `patience` seconds."""
        try:
            self._process.send_signal(number)
            return self._process.wait(patience)
        finally:
            self._release()

    def _release(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        if not self._errors.closed:
            self._errors.seek(0)
            self.log = self._errors.read()
            self._errors.close()
