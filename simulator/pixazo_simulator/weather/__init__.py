"""Seeded incidents that an app should survive, and the fewest of them that break it."""

from __future__ import annotations

from .incidents import DAY, Forecast, Incident, forecast, read_forecast, rules, written
from .shrinking import MOST_RUNS, Shrinking

__all__ = ["DAY", "MOST_RUNS", "Forecast", "Incident", "Shrinking", "forecast", "read_forecast", "rules", "written"]
