"""The simulator on a port: HTTP/1.1, TLS listeners, the ASGI application, and a server in a thread."""

from __future__ import annotations

from .files import read_profile, read_script
from .loopback import HttpRequest, HttpResponse, LoopbackServer
from .simulator import Simulator
from .threaded import STOP_DEADLINE, SimulatorError, thread_position

__all__ = [
    "STOP_DEADLINE", "HttpRequest", "HttpResponse", "LoopbackServer", "Simulator", "SimulatorError", "read_profile",
    "read_script", "thread_position",
]  # fmt: skip
