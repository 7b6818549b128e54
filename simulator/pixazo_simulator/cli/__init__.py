"""The command pixazo-sim: a user of everything else."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

__all__ = ["main"]

UNWRITABLE = (errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EBADF)
"""Why standard output takes nothing more."""


def main() -> None:
    """Run pixazo-sim; what cannot be printed is told in one line, and the exit code is 2."""
    _open_standard_streams()
    try:
        _run()
        if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison] - so it is where it was closed
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        with suppress(OSError):  # standard error may be no better
            os.write(2, f"pixazo-sim: standard output cannot be written: {error.strerror}\n".encode())
        raise SystemExit(2) from None
    finally:
        _let_go_of_output()


def _open_standard_streams() -> None:
    """Open what was closed of standard input, output and error: else a socket would take its place, and be closed or written to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - it takes no name


def _let_go_of_output() -> None:
    """What could not be written is forgotten: the interpreter would try once more at its end, and tell it with a traceback."""
    try:
        if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison] - so it is where it was closed
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run() -> None:
    """Run the command; only the one that was asked for is imported."""
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version

        sys.stdout.write(f"pixazo-sim {version('pixazo-testkit')}\n")
        return
    from .commands import pixazo_sim

    pixazo_sim(prog_name="pixazo-sim")
