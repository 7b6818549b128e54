"""What the description of a parameter says about its values."""

from __future__ import annotations

from .page import Rules

__all__ = ["read_rules"]


def read_rules(description: str, type_: str, default: str) -> tuple[Rules, tuple[str, ...]]:
    """The rules, and the sentences that state something which no rule holds."""
    return Rules(), ()
