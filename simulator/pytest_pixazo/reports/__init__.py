"""Reports on a test run: usage checks (conduct), coverage of documented behaviour, assumptions, mutation testing."""

from __future__ import annotations

from collections.abc import Iterable


def require_checks(names: Iterable[str]) -> None:
    """Raise ValueError for a name that no usage check has."""
    from .conduct import known_checks  # here, since every pytest session imports this package for its hooks

    known_checks(names)


def require_labels(value: object) -> tuple[str, ...]:
    """The labels that the marker's `only` allows. Raises ValueError with the remedy."""
    from .assumptions import read_labels

    return read_labels(value)
