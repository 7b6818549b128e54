"""The command `pixazo-sim serve`."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import click

from .options import OPTIONS, settings_of, simulator_of, usage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from socket import socket

    from pixazo_simulator.server import Simulator

    from .workers import Workers

HANGUP = getattr(signal, "SIGHUP", None)
"""The signal at which the files of --script and --profile are read again; Windows has none."""
LAST_RESORT = 3.0
"""Seconds after a signal until the process ends, whatever it is waiting for: one more than the simulator takes to stop."""


def _serve(**options: Any) -> None:
    """Serve the gateway until SIGINT or SIGTERM.

    Prints `ready http://HOST:PORT key KEY` when it accepts connections, then `console http://...`, a page to look at in a browser. With
    TLS both are https, and `authority FILE` names the certificate to trust. SIGHUP reads the script and the profile again. A second SIGINT
    ends it immediately.
    """
    from .files.certificates import tls_of

    check_output()
    tls = tls_of(options) if options["tls"] or options["tls_cert"] or options["tls_key"] else None
    serve_until_ended(lambda listener: simulator_of(options, listener, tls), options)


def check_output() -> None:
    """Raise click.UsageError where a ready line cannot be written."""
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - Python sets it to None when it was closed
        raise click.UsageError(
            "standard output is closed, so the ready line cannot be written: redirect it to a file or /dev/null"
        )


def serve_until_ended(make: Callable[[socket | None], Simulator], options: Mapping[str, Any]) -> None:
    """Start the simulator that `make` returns, print that it is ready, and serve until a signal arrives.

    Raises click.UsageError when it does not start.
    """
    from .process import Signals, at_stdin_eof, end_now
    from .workers import inherited

    ended, hung_up = threading.Event(), SimpleQueue[int]()  # 0 for the end
    had_terminal = _has_terminal()

    def handle(number: int) -> None:
        if number == HANGUP and _has_terminal() is had_terminal:
            hung_up.put(number)
        else:
            begin_end(ended, number)
            hung_up.put(0)

    Signals((signal.SIGINT, signal.SIGTERM, HANGUP) if HANGUP else (signal.SIGINT, signal.SIGTERM)).listen(handle)
    # This takes a while: a signal may arrive meanwhile.
    from pixazo_simulator.server import SimulatorError
    from pixazo_simulator.spec import CONSOLE_PATH

    listener = inherited()
    simulator, workers = make(listener), options.get("workers", 1)
    if listener is None and options.get("exit_on_stdin_eof"):
        at_stdin_eof(partial(_end_with_stdin, ended, handle))
    again: Callable[[], None] = partial(_read_again, simulator, options)
    with usage_error(SimulatorError):
        if listener or workers == 1:
            stop: Callable[[], object] = simulator.start().stop
        else:
            supervised = _supervise(simulator, workers)
            stop, again = supervised.end, supervised.hang_up
    if listener is None:
        _log_reach(simulator)
    if not ended.is_set():
        more = f"console {simulator.url}{CONSOLE_PATH}\n"
        if options.get("authority"):
            more += f"authority {options['authority']}\n"
        ready_file = None if listener else options["ready_file"]
        print_ready(f"ready {simulator.url} key {simulator.api_key}\n", ready_file, stop, more=more)
    gc.freeze()  # the worlds of its keys stay, however large they become
    while hung_up.get():
        again()
    stop()
    end_now(0)


def _supervise(simulator: Simulator, count: int) -> Workers:
    """Start this many workers in place of the simulator. Raises click.UsageError."""
    from .workers import Workers

    if not hasattr(os, "fork"):
        raise click.UsageError(
            f"--workers {count}: on this system several processes cannot serve one port: leave it out"
        )
    if not simulator.is_shareable:
        from pixazo_simulator.state import shown_state

        raise click.UsageError(
            f"--workers {count}: several processes cannot share the state {shown_state(simulator.state)}: use --state redis://HOST:PORT/DB, or one worker"
        )
    return Workers(count, simulator.listen())


serve = click.Command("serve", callback=_serve, params=[*OPTIONS], help=_serve.__doc__)


def _read_again(simulator: Simulator, options: Mapping[str, Any]) -> None:
    """Read the files of --script and --profile again, and log the result in one line; if one is wrong, nothing changes."""
    from pixazo_simulator.server import SimulatorError
    from pixazo_simulator.spec import PROFILES
    from pixazo_simulator.world import StateUnavailableError

    from .process import log

    files = [name for name in (options.get("script"), options.get("profile")) if name and name not in PROFILES]
    if not files:
        log.warning("SIGHUP: no file to read again, since neither --script nor --profile names one")
        return
    try:
        settings = settings_of(options)
        changed = simulator.change_settings(policy=settings.policy, script=settings.script)
    except (ValueError, SimulatorError, StateUnavailableError) as error:
        log.error("SIGHUP: %s; nothing was changed", error)
        return
    log.info("SIGHUP: read %s again; worlds changed: %d; new ones start with it", " and ".join(files), changed)


def _has_terminal() -> bool:
    """Whether the process has a controlling terminal: when that is closed, SIGHUP ends the process."""
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | getattr(os, "O_NOCTTY", 0)))
        return True
    return False


def begin_end(ended: threading.Event, number: int) -> None:
    """Begin the shutdown, by force if it takes too long. A second SIGINT ends at once; a SIGTERM (`timeout` sends two) does not."""
    from .process import BY_SIGNAL, end_in

    if not ended.is_set():
        ended.set()
        end_in(LAST_RESORT, code=0)
    elif number == signal.SIGINT:
        os._exit(BY_SIGNAL + number)


def _end_with_stdin(ended: threading.Event, handle: Callable[[int], None]) -> None:
    """End as SIGTERM does, unless the end has begun."""
    from .process import log

    if not ended.is_set():
        log.info("standard input has ended, so pixazo-sim exits (--exit-on-stdin-eof)")
        handle(signal.SIGTERM)


def print_ready(line: str, ready_file: str | None, stop: Callable[[], object], more: str = "") -> None:
    """Print that a server is ready, and `more`; write it to `ready_file`. On failure call `stop` and raise click.UsageError."""
    from pathlib import Path

    from .process import replace_file

    try:
        if ready_file:
            path = Path(ready_file)
            if path.exists() and not (path.is_file() or path.is_symlink()):  # such as a pipe or a device
                raise FileExistsError(errno.EEXIST, "it is not a regular file: choose another path")
            replace_file(path, line)
    except OSError as error:
        stop()
        raise click.UsageError(f"ready file {ready_file} cannot be written: {error.strerror}") from None
    try:
        sys.stdout.write(line + more)
        sys.stdout.flush()
    except OSError as error:
        stop()
        message = f"the ready line cannot be written to standard output: {error.strerror}"
        raise click.UsageError(f"{message}; redirect it to a file or /dev/null") from None


def _log_reach(simulator: Simulator) -> None:
    """Log which callers can use the server, if those are not only on this machine."""
    from .process import log

    settings = simulator.settings
    if settings.control_open:
        log.warning(
            "warning: --control-open: anyone who can reach port %d may use /_sim, without a token", simulator.port
        )
    elif not simulator.is_local:
        who = "only callers on this machine (see --control-token)"
        if settings.control_token:
            who = "callers with the control token"
        log.info(
            "listening on %s port %d: other machines reach it by a name or address of this one; /_sim answers %s",
            simulator.host, simulator.port, who,
        )  # fmt: skip
