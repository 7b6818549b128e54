"""Searches for an order of poll, webhook, retry and duplicate that breaks an app."""

from __future__ import annotations

from .exploration import BrokenOrderError, Exploration, explore
from .run import InvalidAppError, Scene

__all__ = ["BrokenOrderError", "Exploration", "InvalidAppError", "Scene", "explore"]
