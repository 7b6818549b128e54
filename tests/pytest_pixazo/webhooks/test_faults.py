"""Deliveries of webhooks, as a receiver and the delivery log see them; each fault is proven in `simulator/gateway/test_every_fault.py`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pixazo_client import PixazoClient
from pytest_pixazo import BeforeReply, Inbox, Pixazo


def test_without_a_fault_it_comes_once_at_the_end(
    pixazo_client: PixazoClient, pixazo: Pixazo, pixazo_webhooks: Inbox
) -> None:
    """Inbox and log agree: one successful attempt after fifteen seconds, then no more."""
    request_id = pixazo_client.generate("A bear", webhook_url=pixazo_webhooks.url).request_id
    pixazo.clock.advance(14.999)
    assert pixazo_webhooks.received == []
    pixazo.clock.advance(3600)
    (callback,) = pixazo_webhooks.received
    end = datetime(2026, 3, 31, 10, 0, 15, tzinfo=UTC)
    assert (callback.request_id, callback.at) == (request_id, end)
    (delivery,) = pixazo.webhooks
    assert [(attempt.at, attempt.status) for attempt in delivery.attempts] == [(end, 204)]
    assert delivery.delivered


def test_a_callback_comes_before_the_202(pixazo_client: PixazoClient, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """It has arrived when the submission returns, and the clock has moved to the end."""
    pixazo.when("webhook").fault(BeforeReply())
    request_id = pixazo_client.generate("A bear", webhook_url=pixazo_webhooks.url).request_id
    (callback,) = pixazo_webhooks.received
    assert (callback.request_id, callback.status) == (request_id, "COMPLETED")


@pytest.mark.pixazo(profile="observed", policy={"job_times": "2+40", "http_webhook_url": "accept"})
def test_progress_comes_in_mode_sync(pixazo: Pixazo, pixazo_client: PixazoClient, pixazo_webhooks: Inbox) -> None:
    """`X-Webhook-Mode: sync` of the profile `observed`: every fifteen seconds while it runs, and at the end."""
    pixazo_client.submit(
        "/minimax-hailuo-ai/v1/generate",
        {"prompt": "A bear"},
        webhook_url=pixazo_webhooks.url,
        extra_headers={"X-Webhook-Mode": "sync"},
    )
    pixazo.clock.advance(60)
    assert [callback.status for callback in pixazo_webhooks.received] == ["PROCESSING"] * 3 + ["COMPLETED"]
