"""Reports on a test run: usage checks (conduct), coverage of documented behaviour, assumptions, the bill, mutation testing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixazo_simulator.mutants import Mutant


def require_checks(names: Iterable[str]) -> None:
    """Raise ValueError for a name that no usage check has."""
    from .conduct import known_checks  # here, since every pytest session imports this package for its hooks

    known_checks(names)


def require_labels(value: object) -> tuple[str, ...]:
    """The labels that the marker's `only` allows. Raises ValueError with the remedy."""
    from .assumptions import read_labels

    return read_labels(value)


def mutant_named(name: str) -> Mutant:
    """The mutant of this name, or that of `page:FILE:NAME`. Raises ValueError with the nearest known name."""
    from pixazo_simulator.mutants import find_mutant

    if not name.startswith("page:"):
        return find_mutant(name)
    from .page_mutants import find_page_mutant

    return find_page_mutant(name)
