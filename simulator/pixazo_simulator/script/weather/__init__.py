"""Seeded incidents that an app should survive, the books afterwards, and the fewest incidents that break it."""

from __future__ import annotations

from .books import Run, repeating, run_of
from .incidents import DAY, Forecast, Incident, forecast, read_forecast, rules, written
from .shrinking import Fewest, Shrinking, StopShrinking

__all__ = [
    "DAY", "Fewest", "Forecast", "Incident", "Run", "Shrinking", "StopShrinking", "forecast", "read_forecast", "repeating", "rules", "run_of",
    "written",
]  # fmt: skip
