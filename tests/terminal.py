"""A program on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import subprocess

from tests.command import COMMAND, environment

__all__ = ["on_a_terminal"]


def on_a_terminal(*arguments: str, **variables: str) -> str:
    """What pixazo-sim shows on a terminal that knows colours."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [COMMAND, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(TERM="xterm", **variables),
        )
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
        assert process.wait(20) == 0, shown
    finally:
        os.close(ours)
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so that the other side was closed
        return b""
