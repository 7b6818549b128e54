"""The log on standard error, which nobody has to wait for."""

from __future__ import annotations

import json
import logging
import os
import select
import threading
from contextlib import suppress

WAITING_LIMIT = 1024 * 1024
"""Characters of lines that may wait to be written; what is logged beyond them is dropped, and counted."""
FLUSH_TIMEOUT = 0.5
"""Seconds that the lines which wait have to be written at the end of the process."""


class _TextLines(logging.Formatter):
    """One line for each record, whatever control characters its text holds; the lines of a traceback are indented."""

    def format(self, record: logging.LogRecord) -> str:
        told = _printable(record.getMessage())
        if record.exc_info:
            told += "".join(f"\n    {_printable(line)}" for line in self.formatException(record.exc_info).split("\n"))
        return told


class _JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def _printable(text: str) -> str:
    """A text in which nothing moves the cursor or begins a line."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


class _Backlog(logging.Handler):
    """Hands lines to a thread that writes them to a file descriptor; drops and counts them while that takes none."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._waiting = self._dropped = 0
        self._is_writing = False
        threading.Thread(target=self._write_for_ever, name="pixazo-log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Let a record be written when those before it were."""
        try:
            line = f"{self.format(record)}\n"
        except Exception:  # noqa: BLE001 - as of every handler: logging must not break what it tells of
            self.handleError(record)
            return
        with self._changed:
            if self._waiting + len(line) > WAITING_LIMIT:
                self._dropped += 1
            else:
                self._lines.append(line)
                self._waiting += len(line)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait a little until everything is written; `logging` calls it when the process ends."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._lines or self._dropped or self._is_writing), FLUSH_TIMEOUT)

    def _write_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._dropped)
                lines, dropped = self._lines, self._dropped
                self._lines, self._waiting, self._dropped, self._is_writing = [], 0, 0, True
            if dropped:
                told = f"{dropped} log lines were dropped: standard error was not read fast enough"
                lines.append(f"{self.format(logging.makeLogRecord({'msg': told, 'levelname': 'WARNING'}))}\n")
            with suppress(OSError):  # a pipe that was closed, a disk that is full
                self._write("".join(lines).encode(errors="backslashreplace"))
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # whoever shares the pipe has made it so
                select.select([], [self._descriptor], [])


def log_to_stderr(form: str) -> None:
    """From now on write what is logged to standard error, as `text` or `json`: ours from INFO on, anybody else's from WARNING on.

    Past `sys.stderr`: its lock, held by a thread that waits for a full pipe, would keep the process from ending.
    """
    handler = _Backlog(2)
    handler.setFormatter(_JsonLines() if form == "json" else _TextLines())
    logging.getLogger().addHandler(handler)
    logging.getLogger("pixazo_simulator").setLevel(logging.INFO)
