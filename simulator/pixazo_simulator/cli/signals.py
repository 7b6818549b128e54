"""Signals, noticed in whichever thread the system delivers them and whatever the main thread does."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from typing import NoReturn

from pixazo_simulator.server import place

BY_SIGNAL = 128
"""To this the number of a signal is added for the exit code of a process that it ended, as a shell does."""

log = logging.getLogger("pixazo_simulator")


class Signals:
    """From its creation on these signals no longer end the process; `tell` starts a thread that calls a function for each.

    Python runs its own handlers in the main thread only, and only when that runs bytecode: one that waits for a lock or
    for another process does not wake when the system delivers the signal to another thread. The interpreter writes
    each number to a socket at once, in whichever thread. To be created in the main thread; a signal that is
    ignored, as under nohup, stays ignored.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._heard, self._written = socket.socketpair()
        self._written.setblocking(False)  # noqa: FBT003 - it takes no name
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        self._numbers = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        for number in self._numbers:
            signal.signal(number, _noticed)

    def tell(self, heard: Callable[[int], None]) -> None:
        """Call `heard` in a thread of its own for each signal that came or comes."""
        threading.Thread(target=self._listen, args=(heard,), name="pixazo-signals", daemon=True).start()

    def _listen(self, heard: Callable[[int], None]) -> None:
        while True:
            for number in self._heard.recv(64):
                if number in self._numbers:
                    heard(number)


def _noticed(_number: int, _frame: object) -> None:
    """Do nothing: the number is in the socket already."""


def end_now(code: int) -> NoReturn:
    """End the process once the log is written: the interpreter would first free every object, and wait for threads."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)


def end_in(seconds: float, code: int) -> None:
    """End the process in so many seconds with this code, whatever it waits for then; it usually ends before."""

    def end() -> None:
        log.warning("pixazo-sim: ended by force after %g s, in %s", seconds, place(threading.main_thread()))
        end_now(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
