"""The simulator on a port: HTTP/1.1, TLS listeners, the ASGI application, and a server in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_simulator import exported

from .files import KINDS, model_names, problems, read_models, read_profile, read_script
from .simulator import Simulator
from .threaded import STOP_DEADLINE, Configuration, SimulatorError, ThreadedServer, listen, thread_position
from .tls import tls_context

if TYPE_CHECKING:
    from .asgi import ConnectionCutError
    from .loopback import HttpRequest, HttpResponse, LoopbackServer

__all__ = [
    "KINDS", "STOP_DEADLINE", "Configuration", "ConnectionCutError", "HttpRequest", "HttpResponse", "LoopbackServer", "Simulator", "SimulatorError",
    "ThreadedServer", "listen", "model_names", "problems", "read_models", "read_profile", "read_script", "thread_position", "tls_context",
]  # fmt: skip


def __getattr__(name: str) -> object:
    # Not imported above: a simulator does not need it.
    return exported(
        name, __name__, {".asgi": "ConnectionCutError", ".loopback": "HttpRequest HttpResponse LoopbackServer"}
    )
