"""The Hypothesis state machine: any order of submits, reads and waiting, and the strategies it draws from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .alarm import ContractBrokenError, ContractDriftWarning, raise_alarm
from .model import Model

if TYPE_CHECKING:
    from .player import play

__all__ = ["ContractBrokenError", "ContractDriftWarning", "Model", "play", "raise_alarm"]


def __getattr__(name: str) -> object:
    """Import `play` when it is asked for: the suite judges free clauses without Hypothesis, too."""
    if name != "play":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .player import play

    return play
