"""An app on bare HTTP that fails every usage check: one method each, and each looks harmless."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

__all__ = ["BadClient"]

KEY_HEADER = "Ocp-Apim-Subscription-Key"
PATIENCE = 10
"""Seconds that a server on loopback has to answer."""


class BadClient:
    """A client with a key; `sleep` takes seconds."""

    def __init__(self, url: str, api_key: str, sleep: Callable[[float], object]) -> None:
        self._url = url
        self._key = api_key
        self._sleep = sleep
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def submit(self, prompt: str, *, webhook_url: str | None = None, **more: object) -> str:
        """Submit a prompt, with whatever members, and return the request id."""
        headers = {"X-Webhook-URL": webhook_url} if webhook_url else {}
        accepted = self._json(
            "/minimax-hailuo-ai/v1/generate", json.dumps({"prompt": prompt, **more}).encode(), headers
        )
        return str(accepted["request_id"])

    def status(self, request_id: str) -> dict[str, Any]:
        """Read a status."""
        return self._json(f"/v2/requests/status/{request_id}")

    def hurry(self, prompt: str) -> None:
        """Poll every second."""
        request_id = self.submit(prompt)
        while self.status(request_id)["status"] != "COMPLETED":
            self._sleep(1)

    def insist(self, prompt: str) -> None:
        """Submit every second until it is accepted, whatever the response asks for."""
        while not self._was_accepted(prompt):
            self._sleep(1)

    def try_again(self, prompt: str, times: int) -> None:
        """Submit up to `times` times while it is refused."""
        for _ in range(times):
            if self._was_accepted(prompt):
                break

    def make_sure(self, prompt: str) -> None:
        """Submit again when the connection broke, as if nothing could have happened."""
        try:
            self._wait(self.submit(prompt))
        except (OSError, HTTPException):
            self._wait(self.submit(prompt))

    def give_up(self, prompt: str, looks: int) -> None:
        """Read the status `times` times, then stop."""
        request_id = self.submit(prompt)
        for _ in range(looks):
            if self.status(request_id)["status"] == "COMPLETED":
                return
            self._sleep(5)

    def overlook_error(self, prompt: str, looks: int) -> None:
        """Read the status `times` times until COMPLETED or FAILED, as if there were no other terminal status."""
        request_id = self.submit(prompt)
        for _ in range(looks):
            if self.status(request_id)["status"] in ("COMPLETED", "FAILED"):
                return
            self._sleep(5)

    def download(self, prompt: str) -> bytes:
        """Fetch the video with the key, like everything else."""
        (url,) = self._wait(self.submit(prompt))["output"]["media_url"]
        return self._open(url, {KEY_HEADER: self._key})

    def on_webhook(self, envelope: dict[str, Any]) -> bytes:
        """Fetch the video whenever a callback reports it."""
        (url,) = envelope["output"]["media_url"]
        return self._open(url, {})

    def _was_accepted(self, prompt: str) -> bool:
        try:
            request_id = self.submit(prompt)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        self._wait(request_id)
        return True

    def _wait(self, request_id: str) -> dict[str, Any]:
        """Wait for COMPLETED at the recommended pace: every method fails one check only."""
        while (envelope := self.status(request_id))["status"] != "COMPLETED":
            self._sleep(5)
        return envelope

    def _json(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
        given = {KEY_HEADER: self._key, "Content-Type": "application/json", **(headers or {})}
        value: dict[str, Any] = json.loads(self._open(self._url + path, given, body))
        return value

    def _open(self, url: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
        with self._opener.open(urllib.request.Request(url, body, headers), timeout=PATIENCE) as answer:
            content: bytes = answer.read()
            return content
