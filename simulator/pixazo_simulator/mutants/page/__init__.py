"""Gateways as a later version of the page would have them: the edits of one change of it."""

from __future__ import annotations

from .change import PageChange
from .changes import edits_for

__all__ = ["PageChange", "edits_for"]
