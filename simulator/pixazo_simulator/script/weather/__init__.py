"""Seeded incidents that an app should survive, as the rules of a script, and the fewest that break it."""

from .incidents import DAY, Forecast, Incident, forecast, read_forecast, rules, written
from .shrinking import Fewest, StopShrinking, shrunk

__all__ = [
    "DAY", "Fewest", "Forecast", "Incident", "StopShrinking", "forecast", "read_forecast", "rules", "shrunk", "written",
]  # fmt: skip
