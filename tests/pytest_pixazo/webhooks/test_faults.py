"""Faults of webhook deliveries, as a receiver and the delivery log see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pixazo_client import PixazoClient
from pytest_pixazo import (
    BeforeReply,
    CompletedWithoutMedia,
    DeadReceiver,
    Delay,
    Drop,
    Duplicate,
    GarbledBody,
    Inbox,
    Pixazo,
    Reorder,
    UnknownStatus,
    WrongContentType,
)  # fmt: skip

END = datetime(2026, 3, 31, 10, 0, 15, tzinfo=UTC)
"""When a generation ends that was submitted as the world was created."""


class Caller:
    """Submits from the world's client to the inbox."""

    def __init__(self, client: PixazoClient, inbox: Inbox) -> None:
        self._client = client
        self._inbox = inbox

    def submit(self, prompt: str = "A bear") -> str:
        """The id of what was submitted."""
        return self._client.generate(prompt, webhook_url=self._inbox.url).request_id


@pytest.fixture
def caller(pixazo_client: PixazoClient, pixazo_webhooks: Inbox) -> Caller:
    """Submits, with the inbox as the receiver."""
    return Caller(pixazo_client, pixazo_webhooks)


def attempts(pixazo: Pixazo) -> list[tuple[float, int | None]]:
    """Of every attempt in the log: seconds after the creation of the world, and the status code of the response."""
    return [
        ((attempt.at - END).total_seconds() + 15, attempt.status)
        for delivery in pixazo.webhooks
        for attempt in delivery.attempts
    ]


def test_without_a_fault_it_comes_once_at_the_end(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """Inbox and log agree: one successful attempt after fifteen seconds, then no more."""
    request_id = caller.submit()
    pixazo.clock.advance(14.999)
    assert pixazo_webhooks.received == []
    pixazo.clock.advance(3600)
    (callback,) = pixazo_webhooks.received
    assert (callback.request_id, callback.at) == (request_id, END)
    assert attempts(pixazo) == [(15, 204)]
    assert [delivery.delivered for delivery in pixazo.webhooks] == [True]


def test_a_dropped_callback_never_comes(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """Not even later; the log says why."""
    pixazo.when("webhook").fault(Drop(), times=1)
    caller.submit()
    pixazo.clock.advance(3600)
    assert pixazo_webhooks.received == []
    assert [attempt.problem for attempt in pixazo.webhooks[0].attempts] == ["dropped by the script"]


def test_a_duplicate_comes_twice_with_the_same_bytes(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """At the same time."""
    pixazo.when("webhook").fault(Duplicate())
    caller.submit()
    pixazo.clock.advance(15)
    first, second = pixazo_webhooks.received
    assert (first.body, first.at) == (second.body, second.at)


def test_a_delayed_callback_comes_so_much_later(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """On the world's clock; its content is that of the end."""
    pixazo.when("webhook").fault(Delay(60))
    caller.submit()
    pixazo.clock.advance(74)
    assert pixazo_webhooks.received == []
    pixazo.clock.advance(1)
    (callback,) = pixazo_webhooks.received
    assert callback.at == END + timedelta(seconds=60)
    assert callback.json is not None
    assert callback.json["completed_at"] == "2026-03-31T10:00:15.000Z"


def test_reordered_callbacks_change_places(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """The second of two callbacks comes first."""
    pixazo.when("webhook").fault(Reorder(), times=1)
    first = caller.submit("A bear")
    pixazo.clock.advance(1)
    second = caller.submit("A fox")
    pixazo.clock.advance(20)
    assert [callback.request_id for callback in pixazo_webhooks.received] == [second, first]


def test_a_callback_comes_before_the_202(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """It has arrived when the submission returns, and the clock has moved to the end."""
    pixazo.when("webhook").fault(BeforeReply())
    request_id = caller.submit()
    assert [(callback.request_id, callback.status) for callback in pixazo_webhooks.received] == [
        (request_id, "COMPLETED")
    ]


def test_a_dead_receiver_is_tried_again(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """Two attempts meet a closed port; the third, five minutes after the second, reaches the inbox."""
    pixazo.when("webhook").fault(DeadReceiver(), times=2)
    caller.submit()
    pixazo.clock.advance(3600)
    assert [callback.at for callback in pixazo_webhooks.received] == [END + timedelta(seconds=305)]
    assert attempts(pixazo) == [(15, None), (20, None), (320, 204)]


def test_a_receiver_that_refuses_is_given_up(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """At once, after 5 s, 5 min and 30 min: four attempts, then no more."""
    pixazo_webhooks.reply(500)
    caller.submit()
    pixazo.clock.advance(86_400)
    assert attempts(pixazo) == [(15, 500), (20, 500), (320, 500), (2120, 500)]
    assert [callback.response_status for callback in pixazo_webhooks.received] == [500] * 4
    assert not pixazo.webhooks[0].delivered


def test_a_callback_is_resent_on_demand(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """Whether the inbox refused it or not, it is sent again at once."""
    caller.submit()
    pixazo.clock.advance(15)
    assert pixazo.webhooks.resend(1).status == 204
    first, second = pixazo_webhooks.received
    assert first.body == second.body


def test_the_body_can_be_invalid(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """Garbled, with another content type, without media, with an unknown status."""
    when = pixazo.when("webhook").fault(GarbledBody(), times=1).then.fault(WrongContentType("text/html"), times=1)
    when.then.fault(CompletedWithoutMedia(), times=1).then.fault(UnknownStatus("ARCHIVED"), times=1)
    for prompt in ("A bear", "A fox", "An owl", "A hare"):
        caller.submit(prompt)
    pixazo.clock.advance(15)
    garbled, html, empty, unknown = pixazo_webhooks.received
    assert garbled.json is None
    assert html.headers["content-type"] == "text/html"
    assert empty.status == "COMPLETED"
    assert '"media_url":["http' not in empty.body.decode()
    assert unknown.status == "ARCHIVED"


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


@pytest.mark.pixazo(policy={"webhook_signature": "standard"})
def test_a_signature_fits_the_secret_of_the_world(caller: Caller, pixazo: Pixazo, pixazo_webhooks: Inbox) -> None:
    """Every attempt is signed anew, and each fits."""
    pixazo_webhooks.reply([500, 204])
    caller.submit()
    pixazo.clock.advance(20)
    first, second = pixazo_webhooks.received
    for callback in (first, second):
        callback.verify(str(pixazo.control.world().webhook_secret))
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
