"""Processes that tests start; each of them ends with its test."""

from __future__ import annotations

import multiprocessing
import os
import pty
import re
import selectors
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tests.patience import PATIENCE

__all__ = [
    "COMMAND",
    "SIGNAL_ELSEWHERE",
    "Serving",
    "environment",
    "pixazo_sim",
    "pixazo_sim_on_a_terminal",
    "python",
    "run_process",
    "started",
]

COMMAND = str(Path(sysconfig.get_path("scripts")) / "pixazo-sim")
SIGNAL_ELSEWHERE = """
import signal, sys, threading
def wait_and_signal():
    sys.stdin.buffer.read(1)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    threading.Event().wait()
threading.Thread(target=wait_and_signal, daemon=True).start()
"""
"""Delivers SIGTERM to a thread other than the main one, as the system may, once a byte is on standard input."""
_STREAMS = ("output", "errors")
_READY = re.compile(r"ready (?P<url>http://\S+) key (?P<key>\S+)\n")


def environment(**variables: str) -> dict[str, str]:
    """This process's environment with these variables, without ours, and without a proxy for loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIXAZO_")}
    return kept | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | variables


@contextmanager
def started(
    *command: str | Path, env: Mapping[str, str] | None = None, **options: Any
) -> Generator[subprocess.Popen[bytes]]:
    """A process with pipes to all its standard streams (unless `options` say otherwise); it is killed at the end of the block.

    Its children are killed as well: a child that holds a pipe open would keep the test waiting.
    """
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with _sigint_not_ignored():
        process = subprocess.Popen(
            [*map(str, command)],
            **{**pipes, "bufsize": 0, "start_new_session": True, "env": env or environment(), **options},
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


@contextmanager
def _sigint_not_ignored() -> Generator[None]:
    """A process started in this block does not inherit that SIGINT is ignored, as it is in a background job of a shell script."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_process(
    *command: str | Path, given: str | None = None, patience: float = PATIENCE, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `given` is its standard input."""
    stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
    with started(*command, **{"stdin": stdin, **options}) as process:
        output, errors = process.communicate(given.encode() if given else None, patience)
    return subprocess.CompletedProcess(
        process.args, process.returncode, (output or b"").decode(), (errors or b"").decode()
    )


def python(code: str, *arguments: str, **options: Any) -> str:
    """What Python code prints in an interpreter of its own, where it must succeed."""
    ran = run_process(sys.executable, "-c", code, *arguments, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    ["__main__", "tests.command", "pixazo_simulator.cli.exec", "pixazo_simulator.server.tls"]
)


def pixazo_sim(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `pixazo-sim` to its end, in a fork of a process that has imported it: a hundred times its imports would take half a minute."""
    with tempfile.TemporaryDirectory() as folder:
        process = _FORKING.Process(target=_pixazo_sim, args=(folder, arguments, environment(**variables)))
        process.start()
        try:
            process.join(PATIENCE)
            code = process.exitcode
        finally:
            if process.is_alive() and process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            process.join()
        output, errors = (Path(folder, name).read_text(encoding="utf-8") for name in _STREAMS)
    assert code is not None, f"{arguments} has not ended: {output}{errors}"
    return subprocess.CompletedProcess(arguments, code, output, errors)


def _pixazo_sim(folder: str, arguments: tuple[str, ...], variables: dict[str, str]) -> None:
    from pixazo_simulator.cli import main

    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in enumerate(_STREAMS, 1):
        os.dup2(os.open(Path(folder, name), os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv[1:] = arguments
    main()


def pixazo_sim_on_a_terminal(*arguments: str, **variables: str) -> str:
    """What `pixazo-sim`, run to its end, shows on a terminal that knows colours."""
    ours, theirs = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    shown = bytearray()
    try:
        with started(COMMAND, *arguments, env=environment(TERM="xterm", **variables), **streams) as process:
            os.close(theirs)
            with suppress(OSError):  # Linux says so that the other side was closed
                while piece := os.read(ours, 65536):
                    shown += piece
            assert process.wait(PATIENCE) == 0, shown
    finally:
        os.close(ours)
    return shown.decode()


class Serving:
    """`pixazo-sim serve` with these options and variables, from its ready line to its end; `log` can be read after that."""

    def __init__(self, *options: str, **variables: str) -> None:
        self.log = ""
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by `_release`
        self._running = ExitStack()
        self._process = self._running.enter_context(
            started(COMMAND, "serve", *options, stdin=None, stderr=self._errors, env=environment(**variables))
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
            return self._process.stdout.readline().decode() if selector.select(PATIENCE) else ""

    def end(self, number: signal.Signals = signal.SIGTERM, patience: float = PATIENCE) -> int:
        """Send the signal and return the exit code; raises TimeoutExpired when the process outlives `patience` seconds."""
        try:
            self._process.send_signal(number)
            return self._process.wait(patience)
        finally:
            self._running.close()
            if not self._errors.closed:
                self._errors.seek(0)
                self.log = self._errors.read()
                self._errors.close()
