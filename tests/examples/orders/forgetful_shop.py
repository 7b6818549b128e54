"""A shop that sells videos, with the classic bug: find it before you read shop.py."""

from __future__ import annotations

import itertools

from pixazo_client import NotFoundError, PixazoClient


class ForgetfulShop:
    """Takes orders, and learns by webhook when a video is ready."""

    def __init__(self, client: PixazoClient, webhook_url: str) -> None:
        self._client = client
        self._webhook_url = webhook_url
        self._orders: dict[str, int] = {}
        self._states: dict[int, str] = {}
        self._numbers = itertools.count(1)

    def order(self, prompt: str) -> int:
        """Order a video; returns the number of the order."""
        number = next(self._numbers)
        self._states[number] = "in production"
        request_id = self._client.generate(prompt, webhook_url=self._webhook_url).request_id
        self._orders[request_id] = number
        return number

    def state(self, number: int) -> str:
        """The state of an order."""
        return self._states[number]

    def webhook(self, body: bytes) -> int:
        """Process a callback; returns the status code of the response."""
        try:
            generation = self._client.webhooks.confirm(body)
        except (NotFoundError, ValueError):
            return 404
        number = self._orders.get(generation.request_id)
        if number is not None:
            self._states[number] = "ready" if generation.succeeded else "failed"
        return 204
