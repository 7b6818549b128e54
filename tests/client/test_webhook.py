"""Webhook bodies are hints, which one read confirms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.client.scripted_gateway import COMPLETED, ID, KEY, PROCESSING, STATUS_URL, Reply, ScriptedGateway

from pixazo_client import NotFoundError, WebhookPayloadError


@pytest.mark.parametrize("form", ["bytes", "text", "object"])
def test_a_webhook_body_is_parsed_without_io(gateway: ScriptedGateway, form: str) -> None:
    """From its bytes, its text or the decoded object."""
    text = json.dumps(COMPLETED)
    payload = text.encode() if form == "bytes" else text if form == "text" else COMPLETED
    claimed = gateway.client().webhooks.parse_unverified(payload)
    assert (claimed.request_id, claimed.status) == (ID, "COMPLETED")
    assert claimed.media_urls == ("https://media.test/v1/bear.mp4",)
    assert gateway.requests == []


def test_a_forged_webhook_is_not_trusted(gateway: ScriptedGateway) -> None:
    """CLIENT-08: it claims COMPLETED, our own read says PROCESSING, and the read counts."""
    forged = {**COMPLETED, "output": {"media_url": ["https://evil.test/a"]}, "polling_url": "https://evil.test/status"}
    gateway.reply(PROCESSING)
    generation = gateway.run(gateway.client().webhooks.confirm(forged))
    assert (generation.status, generation.media_urls) == ("PROCESSING", ())
    assert [(one.method, one.url) for one in gateway.requests] == [("GET", STATUS_URL)]
    assert gateway.requests[0].headers["ocp-apim-subscription-key"] == KEY


def test_a_webhook_about_another_accounts_request_is_not_found(gateway: ScriptedGateway) -> None:
    """The gateway decides what belongs to the account."""
    gateway.reply(Reply(404, {"error": "Request not found"}))
    with pytest.raises(NotFoundError, match="Request not found"):
        gateway.run(gateway.client().webhooks.confirm({"request_id": "../../v1/evil", "status": "COMPLETED"}))
    assert gateway.requests[0].url == "https://gateway.test/v2/requests/status/..%2F..%2Fv1%2Fevil"


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        ("{", "is not JSON"),
        (None, "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'"COMPLETED"', "is not a JSON object"),
        (b'{"challenge": "c1"}', r"has no 'request_id' text, only the members \['challenge'\]"),
        (b'{"request_id": "a"}', "has no 'status' text"),
        ({"request_id": 7, "status": "COMPLETED"}, "has no 'request_id' text"),
        ({"request_id": "..", "status": "COMPLETED"}, "names '..', which is not an id"),
    ],
)
def test_a_body_that_is_no_envelope_is_an_error(gateway: ScriptedGateway, payload: bytes, problem: str) -> None:
    """Also a ValueError, for handlers with `except ValueError`."""
    client = gateway.client()
    for call in (client.webhooks.parse_unverified, client.webhooks.confirm):
        with pytest.raises(WebhookPayloadError, match=problem) as caught:
            gateway.run(call(payload))
        assert isinstance(caught.value, ValueError)
    assert gateway.requests == []


@pytest.mark.parametrize(
    "payload",
    [
        dict.fromkeys(map(str, range(100_000))),
        {"request_id": "x" * 60_000, "status": "COMPLETED"},
        {"request_id": "." * 60_000, "status": "COMPLETED"},
        {1: 2, "a": 3},
    ],
    ids=["members", "long", "dots", "mixed"],
)
def test_what_a_forger_sends_does_not_fill_the_log(gateway: ScriptedGateway, payload: Any) -> None:
    """The message is as short as any, and nothing is asked of the gateway."""
    with pytest.raises(WebhookPayloadError) as caught:
        gateway.run(gateway.client().webhooks.confirm(payload))
    assert len(str(caught.value)) < 500
    assert gateway.requests == []
