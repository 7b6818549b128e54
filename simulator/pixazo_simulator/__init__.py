"""An offline simulator of Pixazo's MiniMax Hailuo gateway. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import Clock
    from .control_client import ControlClient, ControlError
    from .policy import PROFILES, Policy
    from .server import Simulator, SimulatorError
    from .worlds import Settings

__all__ = ["PROFILES", "Clock", "ControlClient", "ControlError", "Policy", "Settings", "Simulator", "SimulatorError"]

_HOMES = {
    "Clock": "clock",
    "ControlClient": "control_client",
    "ControlError": "control_client",
    "PROFILES": "policy",
    "Policy": "policy",
    "Settings": "worlds",
    "Simulator": "server",
    "SimulatorError": "server",
}


def __getattr__(name: str) -> object:
    """Import what is asked for only when it is: the server costs far more than the rest."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
