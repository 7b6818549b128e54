"""The mutants and benign variants, one file for each group of clauses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pixazo_simulator.mutants.mutant import Mutant, Variant
from pixazo_simulator.spec import nearest

from .addressing import ADDRESSING
from .credentials import CREDENTIALS
from .errors import ERRORS
from .failure import FAILURE
from .flow import FLOW
from .headers import HEADERS
from .image_to_video import IMAGE_TO_VIDEO_PARAMETERS
from .output import OUTPUT
from .status import STATUS
from .submit import SUBMIT
from .text_to_video import TEXT_TO_VIDEO_PARAMETERS
from .timestamps import TIMESTAMPS
from .variants import VARIANTS
from .wallet import WALLET
from .webhook import WEBHOOK

__all__ = ["MUTANTS", "VARIANTS", "find_mutant", "find_variant"]

MUTANTS: tuple[Mutant, ...] = (
    *ADDRESSING, *CREDENTIALS, *HEADERS, *SUBMIT, *TEXT_TO_VIDEO_PARAMETERS, *IMAGE_TO_VIDEO_PARAMETERS, *STATUS, *FLOW, *OUTPUT,
    *TIMESTAMPS, *FAILURE, *WALLET, *ERRORS, *WEBHOOK,
)  # fmt: skip
"""Every mutant, in the order of the clauses."""

Change = TypeVar("Change", Mutant, Variant)


def find_mutant(name: str) -> Mutant:
    """The mutant of this name. Raises ValueError with the nearest known name."""
    return _find(name, MUTANTS, "mutant")


def find_variant(name: str) -> Variant:
    """The benign variant of this name. Raises ValueError with the nearest known name."""
    return _find(name, VARIANTS, "variant")


def _find(name: str, changes: Sequence[Change], kind: str) -> Change:
    for each in changes:
        if each.name == name:
            return each
    close = nearest(name, tuple(each.name for each in changes))
    raise ValueError(f"{kind} {name!r} does not exist{close}: see pixazo-sim mutants")
