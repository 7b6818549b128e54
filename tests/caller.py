"""A caller that sends and receives bytes, so that no client library interprets them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.patience import PATIENCE

__all__ = ["GENERATE", "IMAGE_TO_VIDEO", "KEY_HEADER", "STATUS", "Caller", "Reply", "Send", "over_http"]

KEY_HEADER = "Ocp-Apim-Subscription-Key"
GENERATE = "/minimax-hailuo-ai/v1/generate"
IMAGE_TO_VIDEO = "/minimax-hailuo-ai/v1/imageToVideo"
STATUS = "/v2/requests/status/"


@dataclass(frozen=True)
class Reply:
    """An answer: status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


Send = Callable[[str, str, Mapping[str, str], bytes], Reply]
"""Carries method, target, headers and body to a server."""


def over_http(url: str) -> Send:
    """Sends each request to `url` on a connection of its own."""
    address = urlsplit(url).netloc

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        connection = http.client.HTTPConnection(address, timeout=PATIENCE)
        try:
            connection.request(method, target, body or None, dict(headers))
            with connection.getresponse() as response:  # which holds the socket until it is closed
                headers = {name.lower(): value for name, value in response.getheaders()}
                return Reply(response.status, headers, response.read())
        finally:
            connection.close()

    return send


class Caller:
    """The holder of one API key."""

    def __init__(self, send: Send, key: str) -> None:
        self.key = key
        self.send = send

    def call(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Send one request; a body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        typed = {"Content-Type": "application/json"} if content else {}
        return self.send(method, target, {KEY_HEADER: self.key, **typed, **(headers or {})}, content)

    def generate(self, prompt: str = "A bear", *, webhook: str | None = None, **members: object) -> Reply:
        """Submit a text-to-video request."""
        headers = {"X-Webhook-URL": webhook} if webhook else {}
        return self.call("POST", GENERATE, {"prompt": prompt, **members}, headers)

    def accepted(self, prompt: str = "A bear", *, webhook: str | None = None, **members: object) -> str:
        """Submit a text-to-video request that must be accepted, and return its request id."""
        reply = self.generate(prompt, webhook=webhook, **members)
        assert reply.status == 202, reply.body
        request_id: str = reply.json()["request_id"]
        return request_id

    def read(self, request_id: str) -> Reply:
        """Read a status."""
        return self.call("GET", f"/v2/requests/status/{request_id}")

    def status(self, request_id: str) -> str:
        """The status word of a generation that can be read."""
        word: str = self.read(request_id).json()["status"]
        return word

    def advance(self, seconds: float) -> Any:
        """Let time pass, and return what fell due."""
        reply = self.call("POST", "/_sim/clock/advance", {"seconds": seconds})
        assert reply.status == 200, reply.body
        return reply.json()

    def sim(self, what: str) -> Any:
        """The response of the control route `/_sim/WHAT` about this caller's world."""
        reply = self.call("GET", f"/_sim/{what}")
        assert reply.status == 200, reply.body
        return reply.json()

    def change(self, **settings: object) -> Any:
        """Change this caller's world."""
        reply = self.call("PATCH", "/_sim/world", settings)
        assert reply.status == 200, reply.body
        return reply.json()
