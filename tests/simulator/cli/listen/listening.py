"""A receiver of webhooks on a port of this process, at a fixed instant."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.caller import Caller, over_http

from pixazo_simulator.cli.listen.app import Receiver
from pixazo_simulator.cli.listen.callback import KeptCallback
from pixazo_simulator.server import Configuration, ThreadedServer, listen
from pixazo_simulator.world import Settings

__all__ = ["NOW", "SECRET", "Listening", "listening"]

NOW = 1_774_951_215_000
"""2026-03-31T10:00:15Z"""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the example of Standard Webhooks


class Listening:
    """A receiver, how to call it, and what its watchers were told."""

    def __init__(self, receiver: Receiver, port: int) -> None:
        self.receiver = receiver
        self.url = f"http://127.0.0.1:{port}"
        self.caller = Caller(over_http(self.url), "canary-4711-0815")
        self.told: list[KeptCallback] = []
        receiver.kept.watchers.append(self.told.append)

    def listed(self) -> list[dict[str, Any]]:
        """The webhooks that it lists."""
        found: list[dict[str, Any]] = self.caller.sim("callbacks")["callbacks"]
        return found


@contextmanager
def listening(*, control_hosts: tuple[str, ...] = (), **settings: Any) -> Generator[Listening]:
    """One that serves until the end of the block."""
    receiver = Receiver(Settings(control_hosts=control_hosts), lambda: NOW, **settings)
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = ThreadedServer(listener, f"receiver-{port}", Configuration(receiver))
    server.start()
    try:
        yield Listening(receiver, port)
    finally:
        server.stop()
