"""Seeded incidents that an app should survive, the books afterwards, and the fewest incidents that break it."""

from __future__ import annotations

from .books import Books, Problem, books_of
from .incidents import DAY, Forecast, Incident, forecast, read_forecast, rules, written
from .run import Run, repeating, run_of
from .shrinking import MOST_RUNS, Fewest, Shrinking, StopShrinking

__all__ = [
    "DAY", "MOST_RUNS", "Books", "Fewest", "Forecast", "Incident", "Problem", "Run", "Shrinking", "StopShrinking", "books_of", "forecast", "read_forecast", "repeating", "rules", "run_of",
    "written",
]  # fmt: skip
