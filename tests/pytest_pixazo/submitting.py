"""Submits to a world, as any client does, and sees what its callbacks were answered."""

from __future__ import annotations

from pixazo_simulator import ControlClient, Event
from tests.caller import Caller, over_http

__all__ = ["statuses", "submit"]


def submit(world: ControlClient, webhook_url: str, prompt: str = "A bear") -> str:
    """The id of a generation whose outcome is to be posted to `webhook_url`."""
    assert world.api_key is not None
    return Caller(over_http(world.url), world.api_key).accepted(prompt, webhook=webhook_url)


def statuses(events: list[Event]) -> list[int | str | None]:
    """The status codes that the dispatcher got."""
    return [event.status for event in events if event.kind == "webhook"]
