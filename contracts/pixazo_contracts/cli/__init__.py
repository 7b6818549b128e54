"""The command `pixazo-contracts`; makes a target of its options and a profile file, also for the pytest suite."""

from __future__ import annotations

from .commands import main
from .configure import Given, choose, make_target, run_options
from .repetition import again

__all__ = ["Given", "again", "choose", "main", "make_target", "run_options"]
