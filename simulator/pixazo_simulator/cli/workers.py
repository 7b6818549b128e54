"""Several processes that serve one port: the one that was started supervises the workers, which inherit its socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import click

from .process import at_stdin_eof, log

if TYPE_CHECKING:
    import socket

SOCKET_VARIABLE = "PIXAZO_SIM_WORKER_FD"
"""In the environment of a worker: the file descriptor of the port."""
AGAIN = 1.0
"""Seconds that a replacement has until it may be replaced in turn: those of a script that is being edited end at once."""
_GRACE = 2.5
"""Seconds within which workers must end before they are killed."""


def inherited() -> socket.socket | None:
    """The socket of the port in a worker, None in any other process. From now on the worker ends with its supervisor."""
    import socket

    if (number := os.environ.get(SOCKET_VARIABLE)) is None:
        return None
    at_stdin_eof(lambda: os.kill(os.getpid(), signal.SIGTERM))  # the supervisor never writes: its end closes the pipe
    return socket.socket(fileno=int(number))


class Workers:
    """Workers with the options of this process, on a port on which it listens. Raises click.UsageError when one, having said why, does not start."""

    def __init__(self, count: int, listener: socket.socket) -> None:
        self._listener = listener
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        started = [self._start() for _ in range(count)]
        if any(not _is_ready(process) for process in started):
            self.end()
            raise click.UsageError(f"one of {count} workers did not start")
        for process in started:
            threading.Thread(target=self._watch, args=(process,), name="pixazo-worker", daemon=True).start()

    def _start(self) -> subprocess.Popen[bytes]:
        number = self._listener.fileno()
        if sys.platform != "win32":
            # Workers inherit it: SIGHUP would end one before its `Signals` listen. In this process another thread receives it.
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
        with self._lock:
            process = subprocess.Popen(  # noqa: S603 - this command itself
                [sys.executable, "-m", "pixazo_simulator", *sys.argv[1:]], env=os.environ | {SOCKET_VARIABLE: str(number)}, pass_fds=(number,),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            self._processes.append(process)
        return process

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Replace workers that end, until the shutdown."""
        while not self._ending.is_set():
            code = process.wait()
            if self._ending.is_set():
                return
            log.warning("a worker exited with %d: starting another in its place", code)
            with self._lock:
                self._processes.remove(process)
            while not self._ending.is_set():
                try:
                    process = self._start()
                    break
                except OSError as error:  # such as too little memory
                    log.warning("no worker can be started: %s", error.strerror)
                    self._ending.wait(AGAIN)
            _is_ready(process)  # returns once it is, or has ended
            self._ending.wait(AGAIN)  # one that ends at once, ready or not, is not replaced more often

    def hang_up(self) -> None:
        """Make every worker read its files again."""
        with self._lock:
            processes = list(self._processes)
        if sys.platform != "win32":  # Windows has neither workers nor this signal
            for process in processes:
                process.send_signal(signal.SIGHUP)

    def end(self) -> None:
        """End all workers, and wait for them."""
        self._ending.set()
        with self._lock:
            processes = list(self._processes)
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_ready(process: subprocess.Popen[bytes]) -> bool:
    """Wait until a worker prints its ready line; False when it ends before."""
    return bool(process.stdout and process.stdout.readline())
