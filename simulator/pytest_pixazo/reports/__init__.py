"""What a test run shows of an app: usage checks (conduct), coverage of documented behaviour, mutation testing."""

from __future__ import annotations

from collections.abc import Iterable


def check_rules(names: Iterable[str]) -> None:
    """Raise ValueError for a name that no rule of conduct has. Imports the rules, which other sessions do without."""
    from .conduct import known_rules

    known_rules(names)
