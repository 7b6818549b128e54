"""Processes that tests start; each of them ends with its test."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import selectors
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from tests.patience import PATIENCE

__all__ = [
    "COMMAND",
    "SIGNAL_ELSEWHERE",
    "Serving",
    "environment",
    "mistake",
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
_READY = re.compile(r"ready (?P<url>https?://\S+)(?: key (?P<key>\S+))?\n")


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
    settings: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    settings |= {"bufsize": 0, "start_new_session": True, "env": env or environment(), **options}
    with _signals_not_ignored():
        process = cast("subprocess.Popen[bytes]", subprocess.Popen([*map(str, command)], **settings))
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
def _signals_not_ignored() -> Generator[None]:
    """A process started in this block does not inherit ignored signals: SIGINT in a background job of a shell script, SIGHUP under nohup."""
    ignored = [each for each in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_IGN]
    for each in ignored:
        signal.signal(each, signal.default_int_handler)
    try:
        yield
    finally:
        for each in ignored:
            signal.signal(each, signal.SIG_IGN)


def run_process(
    *command: str | Path, given: str | None = None, patience: float = PATIENCE, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `given` is its standard input."""
    options.setdefault("stdin", subprocess.DEVNULL if given is None else subprocess.PIPE)
    with started(*command, **options) as process:
        output, errors = process.communicate(given.encode() if given else None, patience)
    return subprocess.CompletedProcess(
        process.args, process.returncode, (output or b"").decode(), (errors or b"").decode()
    )


def python(code: str, *arguments: str, **options: Any) -> str:
    """What Python code prints in an interpreter of its own, where it must succeed."""
    ran = run_process(sys.executable, "-c", code, *arguments, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


_FORKING = (
    multiprocessing.get_context("spawn") if sys.platform == "win32" else multiprocessing.get_context("forkserver")
)
_FORKING.set_forkserver_preload(
    ["__main__", "tests.command", "pixazo_simulator.cli.child_process", "pixazo_simulator.server.tls"]
)


class _Forked:
    """`pixazo-sim` in a fork of a process that has imported it: two hundred times its imports would take a minute.

    What it prints is read from `output`; `end` gives its exit code and standard error.
    """

    def __init__(self, arguments: tuple[str, ...], variables: dict[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._errors = Path(self._folder.name, "errors")
        reading, writing = _FORKING.Pipe(duplex=False)
        self.process = _FORKING.Process(target=_pixazo_sim, args=(writing, self._errors, arguments, variables))
        self.process.start()
        writing.close()
        self.output = open(os.dup(reading.fileno()), "rb", buffering=0)  # noqa: SIM115, PTH123 - closed by `end`
        reading.close()

    def end(self, patience: float = PATIENCE) -> tuple[int | None, str]:
        """Wait for its end; the exit code is None when it outlives `patience` seconds and had to be killed."""
        self.process.join(patience)
        code = self.process.exitcode
        if code is None and self.process.pid:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
            self.process.join()
        self.output.close()
        errors = self._errors.read_text(encoding="utf-8") if self._errors.exists() else ""
        self._folder.cleanup()
        return code, errors


def _pixazo_sim(output: Connection, errors: Path, arguments: tuple[str, ...], variables: dict[str, str]) -> None:
    from pixazo_simulator.cli import main

    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output.fileno(), 1)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
    output.close()
    os.environ.clear()
    os.environ.update(variables)
    sys.argv[1:] = arguments
    try:
        main()
    finally:
        logging.shutdown()  # as at the end of any interpreter, but not of one that multiprocessing has forked


def pixazo_sim(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `pixazo-sim` to its end."""
    forked = _Forked(arguments, environment(**variables))
    try:
        output = forked.output.read()
    finally:
        code, errors = forked.end()
    assert code is not None, f"{arguments} has not ended: {output!r} {errors}"
    return subprocess.CompletedProcess(arguments, code, output.decode(), errors)


def mistake(*arguments: str, **variables: str) -> str:
    """The one line that `pixazo-sim` writes about a mistake; it prints nothing else, and its exit code is 2."""
    ended = pixazo_sim(*arguments, **variables)
    assert (ended.returncode, ended.stdout) == (2, "")
    found = re.fullmatch(r"pixazo-sim: (.*)\n", ended.stderr)
    assert found, ended.stderr
    return found[1]


def pixazo_sim_on_a_terminal(*arguments: str, **variables: str) -> str:
    """What `pixazo-sim`, run to its end, shows on a terminal that knows colours."""
    import pty  # Windows has none, and runs tests that need no terminal

    ours, theirs = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    shown = bytearray()
    try:
        with started(COMMAND, *arguments, env=environment(**({"TERM": "xterm"} | variables)), **streams) as process:
            os.close(theirs)
            with suppress(OSError):  # Linux says so that the other side was closed
                while piece := os.read(ours, 65536):
                    shown += piece
            assert process.wait(PATIENCE) == 0, shown
    finally:
        os.close(ours)
    return shown.decode()


class Serving:
    """`pixazo-sim serve`, or `replay` or `listen`, with these options and variables, from its ready line to its end; `log` can be read after that."""

    def __init__(self, *options: str, command: str = "serve", **variables: str) -> None:
        self.log = ""
        self._ended = False
        self._code: int | None = None
        self._forked = _Forked((command, *options), environment(**variables))
        self.ready_line = self.line()
        found = _READY.fullmatch(self.ready_line)
        if found is None:
            self.end(signal.SIGKILL)
            raise AssertionError(f"no ready line but {self.ready_line!r}; standard error: {self.log!r}")
        self.url, self.key = found["url"], found["key"] or ""

    def line(self) -> str:
        """The next line that it prints, empty when none comes."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._forked.output, selectors.EVENT_READ)
            return self._forked.output.readline().decode() if selector.select(PATIENCE) else ""

    def end(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Send the signal and return the exit code; it is None when the process outlives the patience of a test."""
        if not self._ended:
            self._ended = True
            if self._forked.process.exitcode is None and self._forked.process.pid:
                os.kill(self._forked.process.pid, number)
            self._code, self.log = self._forked.end()
        return self._code
