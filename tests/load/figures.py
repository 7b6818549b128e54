"""How long a load lasts, and what is measured meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["Record", "seconds_of"]

Record = Callable[[str, object], None]
"""Records a figure of a test by its name."""


def seconds_of(variable: str, default: float) -> float:
    """How long a load lasts: what the environment says, or a default for machines that are shared."""
    return float(os.environ.get(variable, default))
