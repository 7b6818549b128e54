"""The commands that call `/_sim` of a running simulator, one for each control route, generated from the routes and what they take.

A command is an attribute of this package under its noun, and is created on demand: `getattr(verbs, "clock")`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .table import NOUNS, VERBS

if TYPE_CHECKING:
    import click

__all__ = ["NOUNS", "VERBS"]


def __getattr__(name: str) -> click.Command:
    if name not in NOUNS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .commands import command_of  # this imports every route: no other command needs them

    return command_of(name)
