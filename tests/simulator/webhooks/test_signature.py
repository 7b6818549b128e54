"""Signatures of webhooks, verified by another implementation."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from pixazo_simulator.webhooks.compose import secret, signed_headers


def now() -> int:
    """The instant in UTC milliseconds; the verifier reads the clock itself and accepts only messages of the last minutes."""
    return int(datetime.now(UTC).timestamp() * 1000)


@given(seed=st.integers(), key=st.text(), body=st.dictionaries(st.text(), st.text()))
def test_the_standard_library_of_webhooks_verifies_them(seed: int, key: str, body: dict[str, str]) -> None:
    """Any body, with the secret of any world."""
    payload = json.dumps(body).encode()
    signing = secret(seed, key)
    assert Webhook(signing).verify(payload, signed_headers((signing,), "msg_1", now(), payload)) == body


@pytest.mark.parametrize("spoiled", ["body", "secret", "webhook-id", "webhook-timestamp"])
def test_nothing_can_be_exchanged(spoiled: str) -> None:
    """Body, secret, id and time are all signed."""
    signing, payload = secret(0, "a"), b'{"status":"COMPLETED"}'
    instant = now()
    headers = signed_headers((signing,), "msg_1", instant, payload)
    if spoiled in headers:
        headers[spoiled] = {"webhook-id": "msg_2", "webhook-timestamp": str(instant // 1000 + 1)}[spoiled]
    verifier = Webhook(secret(0, "b") if spoiled == "secret" else signing)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(payload + b" " if spoiled == "body" else payload, headers)


def test_a_signature_spelled_out() -> None:
    """As openssl computes it; whole seconds, a secret of 24 zero bytes."""
    assert signed_headers(("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",), "msg_1", 1_774_951_200_999, b"{}") == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1774951200",
        "webhook-signature": "v1,OuirRF55dpynDj/PuGqBIYoproRgHIHgRDWtLRPHufo=",
    }
