"""The command pixazo-sim: serve, exec, demo, and the commands that print policy, faults, magic, mutants and OpenAPI."""

from __future__ import annotations

import errno
import gc
import os
import sys
from contextlib import suppress

from pixazo_simulator import __version__

__all__ = ["main"]

UNWRITABLE = (errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EBADF)
"""The errors of a standard output that accepts nothing more."""


def main() -> None:
    """Run pixazo-sim. If standard output cannot be written, print one line and exit with 2."""
    _open_standard_streams()
    try:
        _run()
        if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison] - Python sets it to None when it was closed
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        with suppress(OSError):  # standard error may be closed, too
            os.write(2, f"pixazo-sim: standard output cannot be written: {error.strerror}\n".encode())
        raise SystemExit(2) from None
    finally:
        _discard_output()


def _open_standard_streams() -> None:
    """Open /dev/null for a standard stream that was closed: otherwise a socket would get its descriptor."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - a positional-only parameter
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        with suppress(OSError):  # a stream that cannot be flushed is reported by `main`
            # As on standard error: the name of a file may contain bytes that are not valid text.
            reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Discard what could not be written: otherwise the interpreter would try again at exit and print a traceback."""
    try:
        if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison] - Python sets it to None when it was closed
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run() -> None:
    """Run the command; no other command is imported."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"pixazo-sim {__version__}\n")
        return
    gc.disable()  # imports create no garbage; a simulator switches collection on when it starts
    try:
        from .group import pixazo_sim

        pixazo_sim(prog_name="pixazo-sim")
    finally:
        gc.enable()
