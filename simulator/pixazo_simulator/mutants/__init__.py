"""Gateways that are wrong in one respect, and gateways that are right in another way, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pixazo_simulator.spec import nearest

from .catalogue.addressing import ADDRESSING
from .catalogue.credentials import CREDENTIALS
from .catalogue.errors import ERRORS
from .catalogue.failure import FAILURE
from .catalogue.flow import FLOW
from .catalogue.headers import HEADERS
from .catalogue.image_to_video import IMAGE_PARAMETERS
from .catalogue.output import OUTPUT
from .catalogue.status import STATUS
from .catalogue.submit import SUBMIT
from .catalogue.text_to_video import TEXT_TO_VIDEO
from .catalogue.timestamps import TIMESTAMPS
from .catalogue.variants import VARIANTS
from .catalogue.wallet import WALLET
from .catalogue.webhook import WEBHOOK
from .middleware import EditedGateway
from .mutant import Edits, Mutant, Variant
from .session import Editing

__all__ = [
    "MUTANTS",
    "VARIANTS",
    "EditedGateway",
    "Editing",
    "Edits",
    "Mutant",
    "Variant",
    "find_mutant",
    "find_variant",
]

MUTANTS: tuple[Mutant, ...] = (
    *ADDRESSING, *CREDENTIALS, *HEADERS, *SUBMIT, *TEXT_TO_VIDEO, *IMAGE_PARAMETERS, *STATUS, *FLOW, *OUTPUT, *TIMESTAMPS,
    *FAILURE, *WALLET, *ERRORS, *WEBHOOK,
)  # fmt: skip
"""Every mutant, in the order of the clauses."""

_MUTANTS = {mutant.name: mutant for mutant in MUTANTS}
_VARIANTS = {variant.name: variant for variant in VARIANTS}

Change = TypeVar("Change", Mutant, Variant)


def find_mutant(name: str) -> Mutant:
    """The mutant with this name. Raises ValueError with the nearest known name."""
    return _find(name, _MUTANTS, "mutant")


def find_variant(name: str) -> Variant:
    """The benign variant with this name. Raises ValueError with the nearest known name."""
    return _find(name, _VARIANTS, "variant")


def _find(name: str, known: Mapping[str, Change], kind: str) -> Change:
    if name not in known:
        raise ValueError(f"{kind} {name!r} does not exist{nearest(name, tuple(known))}: see pixazo-sim mutants")
    return known[name]
