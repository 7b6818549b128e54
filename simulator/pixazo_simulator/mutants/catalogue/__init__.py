"""The mutants and benign variants, one table for each group of clauses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pixazo_simulator.mutants.mutant import Mutant, Variant
from pixazo_simulator.spec import nearest

from . import access, envelopes, errors, parameters, status
from .submit import SUBMIT
from .variants import VARIANTS
from .webhook import WEBHOOK

__all__ = ["MUTANTS", "VARIANTS", "find_mutant", "find_variant"]

MUTANTS: tuple[Mutant, ...] = (
    *access.ADDRESSING, *access.CREDENTIALS, *access.HEADERS, *SUBMIT, *parameters.T2V, *parameters.I2V,
    *status.STATUS, *status.FLOW, *envelopes.OUTPUT, *envelopes.TIMESTAMPS, *envelopes.FAILURE, *errors.WALLET, *errors.ERRORS, *WEBHOOK,
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
