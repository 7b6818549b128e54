"""The simulator on a port: HTTP/1.1, TLS listeners, the ASGI application, and a server in a thread."""

from __future__ import annotations

from .files import read_profile, read_script
from .simulator import STOP_DEADLINE, Simulator, SimulatorError, place

__all__ = [
    "STOP_DEADLINE", "Simulator", "SimulatorError", "place", "read_profile", "read_script",
]  # fmt: skip
