"""The same shop, repaired: it remembers a webhook about a request that it does not know yet."""

from __future__ import annotations

import itertools

from pixazo_client import NotFoundError, PixazoClient


class Shop:
    """Takes orders, and learns by webhook when a video is ready.

    A webhook may arrive before `generate` has returned. So what is heard is kept under the request's id, and an order
    finds it there, whichever comes first.
    """

    def __init__(self, client: PixazoClient, webhook_url: str) -> None:
        self._client = client
        self._webhook_url = webhook_url
        self._requests: dict[int, str] = {}
        self._heard: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def order(self, prompt: str) -> int:
        """Order a video; returns the number of the order."""
        number = next(self._numbers)
        self._requests[number] = self._client.generate(prompt, webhook_url=self._webhook_url).request_id
        return number

    def state(self, number: int) -> str:
        """The state of an order."""
        return self._heard.get(self._requests[number], "in production")

    def webhook(self, body: bytes) -> int:
        """Process a callback; returns the status code of the response."""
        try:
            generation = self._client.webhooks.confirm(body)
        except (NotFoundError, ValueError):
            return 404
        self._heard[generation.request_id] = "ready" if generation.succeeded else "failed"
        return 204
