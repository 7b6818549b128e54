"""How long a test waits for what must happen."""

from __future__ import annotations

__all__ = ["PATIENCE"]

PATIENCE = 60.0
"""Seconds until what does not happen fails a test.

A wait ends as soon as what it waits for has happened, so that this only ends what would hang. It is generous, since machines that are
shared stall; the time limit of a whole test (`timeout` in pyproject.toml) is longer still.
"""
