"""Searches for an order of poll, webhook, retry and duplicate that breaks an app."""

from .exploration import BrokenOrderError, Exploration, RunningSimulator, explore
from .run import AppUnderTest, InvalidAppError, Scene

__all__ = ["AppUnderTest", "BrokenOrderError", "Exploration", "InvalidAppError", "RunningSimulator", "Scene", "explore"]
