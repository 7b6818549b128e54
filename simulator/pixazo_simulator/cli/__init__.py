"""The command pixazo-sim: a user of everything else."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run pixazo-sim. Only the command that was asked for is imported."""
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version

        sys.stdout.write(f"pixazo-sim {version('pixazo-testkit')}\n")
        return
    from .commands import pixazo_sim

    pixazo_sim(prog_name="pixazo-sim")
