"""Submits to a world, as any client does."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

from pixazo_simulator import ControlClient

__all__ = ["submit"]


def submit(world: ControlClient, webhook_url: str, prompt: str = "A bear", **headers: str) -> str:
    """The id of a generation whose outcome is to be posted to `webhook_url`."""
    assert world.api_key is not None
    connection = HTTPConnection(urlsplit(world.url).netloc)
    sent = {
        "Ocp-Apim-Subscription-Key": world.api_key,
        "Content-Type": "application/json",
        "X-Webhook-URL": webhook_url,
    }
    connection.request("POST", "/minimax-hailuo-ai/v1/generate", json.dumps({"prompt": prompt}), sent | headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 202, body
    request_id: str = json.loads(body)["request_id"]
    return request_id
