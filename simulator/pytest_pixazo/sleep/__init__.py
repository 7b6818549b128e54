"""Sleeps of the app under test that move the world's clock instead of waiting."""

from __future__ import annotations

from .replacements import virtual_sleep
from .sleeps import SleepLimitError, Sleeps

__all__ = ["SleepLimitError", "Sleeps", "virtual_sleep"]
