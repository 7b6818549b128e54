"""The command `pixazo-contracts`; makes a target from its options and a profile file, also for the pytest suite."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .group import main

if TYPE_CHECKING:
    from .configure import Advance, Given, again, choose, discover, make_target, run_clock, run_options

__all__ = ["Advance", "Given", "again", "choose", "discover", "main", "make_target", "run_clock", "run_options"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".configure", __name__), name)
