"""What a test run shows of an app: usage checks (conduct), coverage of documented behaviour, mutation testing."""

from __future__ import annotations

from collections.abc import Iterable


def require_checks(names: Iterable[str]) -> None:
    """Raise ValueError for a name that no usage check has."""
    from .conduct import known_checks  # here, since every pytest session imports this package for its hooks

    known_checks(names)
