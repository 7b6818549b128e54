"""Submits to a world, as any client does, and sees what its callbacks were answered."""

from __future__ import annotations

from pixazo_simulator import ControlClient, Event
from tests.caller import Caller, over_http

__all__ = ["CALLING", "statuses", "submit"]

CALLING = """
import json
import urllib.request

import pytest


def call(pixazo, path, body=None):
    headers = {"Ocp-Apim-Subscription-Key": pixazo.api_key, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        urllib.request.Request(pixazo.url + path, data, headers), timeout=60
    ) as answer:
        return answer.read()"""
"""The beginning of a file of tests that call the gateway: without our client, whose import takes longer than they do."""


def submit(world: ControlClient, webhook_url: str, prompt: str = "A bear") -> str:
    """The id of a generation whose outcome is to be posted to `webhook_url`."""
    assert world.api_key is not None
    return Caller(over_http(world.url), world.api_key).accepted(prompt, webhook=webhook_url)


def statuses(events: list[Event]) -> list[int | str | None]:
    """The status codes that the dispatcher got."""
    return [event.status for event in events if event.kind == "webhook"]
