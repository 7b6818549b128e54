"""Gateways as a later version of the page would have them: the edits of one change of it."""

from __future__ import annotations

from .changes import edits_for
from .samples import PageChange

__all__ = ["PageChange", "edits_for"]
