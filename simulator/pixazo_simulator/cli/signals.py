"""Signals, handled whichever thread receives them and whatever the main thread is doing; and the end of the process."""

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
"""The exit code of a process that a signal ended is this plus the number of the signal, as in a shell."""

log = logging.getLogger("pixazo_simulator")


class Signals:
    """From its creation on, these signals do not end the process; `listen` starts a thread that calls a function for each.

    Python runs signal handlers in the main thread only, and only while it executes bytecode: a main thread that waits for a lock or a
    process does not wake up when the system delivers the signal to another thread. The wake-up descriptor receives each number at once,
    in any thread. Create it in the main thread. A signal that is ignored, as SIGHUP under nohup, stays ignored.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._received, self._written = socket.socketpair()
        self._written.setblocking(False)  # noqa: FBT003 - it takes no name
        signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        self._numbers = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        for number in self._numbers:
            signal.signal(number, _ignore)

    def listen(self, handle: Callable[[int], None]) -> None:
        """Call `handle` in a thread of its own for each signal that has arrived or arrives."""
        threading.Thread(target=self._listen, args=(handle,), name="pixazo-signals", daemon=True).start()

    def _listen(self, handle: Callable[[int], None]) -> None:
        while True:
            for number in self._received.recv(64):
                if number in self._numbers:
                    handle(number)


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing: the number has been written to the socket. SIG_IGN would be inherited by child processes."""


def end_now(code: int) -> NoReturn:
    """End the process once the log is written: the interpreter would first free every object and wait for threads."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)


def end_in(seconds: float, code: int) -> None:
    """End the process after so many seconds with this code, whatever it is waiting for; normally it ends before."""

    def end() -> None:
        log.warning("pixazo-sim: ended by force after %g s, in %s", seconds, place(threading.main_thread()))
        end_now(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
