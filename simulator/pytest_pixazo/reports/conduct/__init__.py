"""Mistakes in what an app did that will hurt on the real gateway."""

from __future__ import annotations

from .rules import known_rules

__all__ = ["known_rules"]
