"""Several processes that serve one port: the one that was started supervises the workers, which inherit its socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .process import at_stdin_eof, log

if TYPE_CHECKING:
    import socket

SOCKET_VARIABLE = "PIXAZO_SIM_WORKER_FD"
"""In the environment of a worker: the file descriptor of the port."""
STEADY = 1.0
"""Seconds that a worker must have run to be replaced when it ends by itself; one that ends sooner ends all the workers."""
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
    """Workers that serve with the options of this process, on a port on which it listens.

    Raises click.UsageError when one does not start; the worker has printed the reason itself.
    """

    def __init__(self, count: int, listener: socket.socket) -> None:
        self._listener = listener
        self._ending = threading.Event()
        self._code = 0
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
        with self._lock, _no_hang_up():
            process = subprocess.Popen(  # noqa: S603 - this command itself
                [sys.executable, "-m", "pixazo_simulator", *sys.argv[1:]], env=os.environ | {SOCKET_VARIABLE: str(number)}, pass_fds=(number,),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            self._processes.append(process)
        return process

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Replace workers that end, until the shutdown."""
        while True:
            began = time.monotonic()
            code = process.wait()
            if self._ending.is_set():
                return
            if code >= 0 and time.monotonic() - began < STEADY:
                problem = f"a worker exited with {code} within {STEADY:g} s of its start"
                break
            log.warning("a worker exited with %d: starting another in its place", code)
            with self._lock:
                self._processes.remove(process)
            process = self._start()
            if not _is_ready(process):
                problem = "no worker could be started in its place"
                break
        if self._ending.is_set():  # which is why it did not start
            return
        self._code = 1
        log.error("%s: stopping the others, too", problem)
        os.kill(os.getpid(), signal.SIGTERM)

    def hang_up(self) -> None:
        """Make every worker read its files again."""
        with self._lock:
            processes = list(self._processes)
        if sys.platform != "win32":  # Windows has neither workers nor this signal
            for process in processes:
                process.send_signal(signal.SIGHUP)

    def end(self) -> int:
        """End all workers, and wait for them; return the exit code."""
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
        return self._code


@contextmanager
def _no_hang_up() -> Generator[None]:
    """Let SIGHUP wait in a process that is started meanwhile, until its `Signals` listen: before that, it would end the process."""
    if sys.platform == "win32":
        yield
    else:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_ready(process: subprocess.Popen[bytes]) -> bool:
    """Wait until a worker prints its ready line; False when it ends before."""
    output: Any = process.stdout
    return bool(output.readline())
