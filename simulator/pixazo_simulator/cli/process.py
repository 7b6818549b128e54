"""The process of a command: its log on standard error, its signals, and its end."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from pixazo_html import visible

if TYPE_CHECKING:
    from pathlib import Path

BY_SIGNAL = 128
"""The exit code of a process that a signal ended is this plus the number of the signal, as in a shell."""
WAITING_LIMIT = 1024 * 1024
"""Characters of lines that may wait to be written; further lines are dropped and counted."""
FLUSH_TIMEOUT = 0.5
"""Seconds within which waiting lines must be written at the end of the process."""

_OF_A_CALL = ("method", "path", "status", "duration")

log = logging.getLogger("pixazo_simulator")


class _TextLines(logging.Formatter):
    """One line for each record, escaped, since callers choose parts of it; the lines of a traceback are indented."""

    def format(self, record: logging.LogRecord) -> str:
        text = visible(record.getMessage())
        if record.exc_info:
            text += "".join(f"\n    {visible(line)}" for line in self.formatException(record.exc_info).split("\n"))
        return text


class _JsonLines(logging.Formatter):
    """One line with a JSON object for each record; those about a call also have its method, path, status and duration in seconds."""

    def format(self, record: logging.LogRecord) -> str:
        from pixazo_simulator.spec import SECOND, timestamp

        members: dict[str, object] = {
            "time": timestamp(int(record.created * SECOND)), "level": record.levelname.lower(), "logger": record.name,
            "message": record.getMessage(),
        }  # fmt: skip
        members |= {name: getattr(record, name, None) for name in ("world", "request_id")}
        members |= {name: value for name in _OF_A_CALL if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            members["traceback"] = self.formatException(record.exc_info)
        return json.dumps(members)  # in ASCII: some readers break lines at other characters, too


class LineWriter:
    """Passes lines to a thread that writes them to a file descriptor; drops and counts them while that blocks.

    Not by `sys.stderr` or `sys.stdout`: a thread that blocks on a full pipe holds its lock, and the process could not end.
    """

    def __init__(self, descriptor: int, dropped: Callable[[int], str]) -> None:
        self._descriptor = descriptor
        self._line_of_dropped = dropped
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._waiting = self._dropped = 0
        self._is_writing = False
        threading.Thread(target=self._write_for_ever, name="pixazo-log", daemon=True).start()

    def write(self, line: str) -> None:
        """Queue a line, unless the queue is full."""
        with self._changed:
            if self._waiting + len(line) > WAITING_LIMIT:
                self._dropped += 1
            else:
                self._lines.append(f"{line}\n")
                self._waiting += len(line) + 1
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until everything is written, FLUSH_TIMEOUT at most."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._lines or self._dropped or self._is_writing), FLUSH_TIMEOUT)

    def _write_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._dropped)
                lines, dropped = self._lines, self._dropped
                self._lines, self._waiting, self._dropped, self._is_writing = [], 0, 0, True
            if dropped:
                lines.append(f"{self._line_of_dropped(dropped)}\n")
            data = "".join(lines).encode(errors="backslashreplace")
            with suppress(OSError):  # a closed pipe, a full disk
                while data:
                    try:
                        data = data[os.write(self._descriptor, data) :]
                    except BlockingIOError:  # another process that shares the pipe has made it non-blocking
                        select.select([], [self._descriptor], [])
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()


class _QueueHandler(logging.Handler):
    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._writer = LineWriter(descriptor, self._line_of_dropped)

    def _line_of_dropped(self, count: int) -> str:
        text = f"{count} log lines were dropped: standard error was not read fast enough"
        return self.format(logging.makeLogRecord({"name": log.name, "msg": text, "levelname": "WARNING"}))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - as in every handler: logging must not break the code that logs
            self.handleError(record)
            return
        self._writer.write(line)

    def flush(self) -> None:
        """Wait until everything is written; `logging` calls it at the end of the process."""
        self._writer.flush()


def log_to_stderr(form: str) -> None:
    """Log to standard error from now on, as `text` or `json`: our records from INFO on, others from WARNING on.

    A reader that does not read it delays nothing.
    """
    handler = _QueueHandler(2)
    handler.setFormatter(_JsonLines() if form == "json" else _TextLines())
    logging.getLogger().addHandler(handler)
    log.setLevel(logging.INFO)


class Signals:
    """From its creation on, these signals do not end the process; `listen` starts a thread that calls a function for each.

    Python runs signal handlers only while the main thread executes bytecode, not while it waits for a lock; the wake-up
    descriptor receives each number at once. Create it in the main thread. An ignored signal, as under nohup, stays ignored.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._received, self._written = socket.socketpair()
        self._written.setblocking(False)  # noqa: FBT003 - a positional-only parameter
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        self._numbers = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        for number in self._numbers:
            # Not SIG_IGN, which child processes would inherit: the number is written to the socket.
            signal.signal(number, lambda _number, _frame: None)
        if sys.platform != "win32":  # a supervisor starts a worker with SIGHUP blocked
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._numbers)

    def listen(self, handle: Callable[[int], None]) -> None:
        """Call `handle` in a thread of its own for each signal that has arrived or arrives."""
        threading.Thread(target=self._listen, args=(handle,), name="pixazo-signals", daemon=True).start()

    def _listen(self, handle: Callable[[int], None]) -> None:
        while True:
            for number in self._received.recv(64):
                if number in self._numbers:
                    handle(number)


def replace_file(file: Path, text: str, mode: int = 0o666, *, is_new: bool = False) -> None:
    """Write a file atomically, following no symbolic link; if `is_new`, one that another process has written meanwhile stays."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as opened:  # noqa: PTH123 - a descriptor
            opened.write(text)
        if is_new:
            with suppress(OSError):  # not every file system has links
                os.link(part, file)
        if not (is_new and file.exists()):
            part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def at_stdin_eof(call: Callable[[], object]) -> None:
    """Call a function in a thread of its own once standard input has ended; anything written to it before is dropped."""

    def read() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        call()

    threading.Thread(target=read, name="pixazo-stdin", daemon=True).start()


def end_now(code: int) -> NoReturn:
    """End the process once the log is written: the interpreter would first free every object and wait for threads."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)


def end_in(seconds: float, code: int) -> None:
    """End the process after this many seconds with this code, whatever it is waiting for; normally it ends before."""

    def end() -> None:
        from pixazo_simulator.server import thread_position

        log.warning("pixazo-sim: forced to exit after %g s, in %s", seconds, thread_position(threading.main_thread()))
        end_now(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    with suppress(RuntimeError):  # no thread can be started, but the thread of the signals must go on
        timer.start()
