"""Does the shop cope with every order of webhook, retry and duplicate?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest
from tests.examples.orders.forgetful_shop import ForgetfulShop
from tests.examples.orders.shop import Shop

from pixazo_client import PixazoClient
from pytest_pixazo import BrokenOrderError, Callback, Scene, explore


class Customer:
    """How the explorer drives a shop."""

    def __init__(self, shop: Shop | ForgetfulShop) -> None:
        self.shop = shop

    def submit(self) -> None:
        self.order = self.shop.order("A bear leaps into a river")

    def receive(self, callback: Callback) -> int:
        return self.shop.webhook(callback.body)

    def result(self) -> str:
        return self.shop.state(self.order)


@pytest.fixture(scope="module")
def open_client() -> Iterator[Callable[[Scene], PixazoClient]]:
    """Makes clients that share one connection pool."""
    with httpx2.Client(trust_env=False) as http:
        yield lambda scene: PixazoClient(base_url=scene.url, api_key=scene.api_key, http_client=http)


@pytest.mark.slow
def test_the_shop_stands_every_order(open_client: Callable[[Scene], PixazoClient]) -> None:
    """Whatever comes first and however often, the customer gets the video."""
    tried = explore(lambda scene: Customer(Shop(open_client(scene), scene.webhook_url)), expected="ready")
    assert tried.exhaustive == 9  # without polls there are no more of up to four events


def test_a_failed_video_is_not_ready(open_client: Callable[[Scene], PixazoClient]) -> None:
    """A generation that fails is reported as failed in every order."""
    explore(
        lambda scene: Customer(Shop(open_client(scene), scene.webhook_url)),
        outcome="FAILED",
        expected="failed",
        examples=0,
    )


def test_the_forgetful_shop_loses_a_video_that_is_ready_too_soon(open_client: Callable[[Scene], PixazoClient]) -> None:
    """The counterexample has two lines: the customer waits for ever."""
    with pytest.raises(BrokenOrderError) as caught:
        explore(lambda scene: Customer(ForgetfulShop(open_client(scene), scene.webhook_url)), expected="ready")
    assert str(caught.value) == (
        "the smallest order that breaks the app, of 1 tried:\n"
        "  1. the webhook COMPLETED arrives before the 202, and the app answers 204\n"
        "  2. the 202 arrives\n"
        "and then result() is 'in production', not 'ready'"
    )
