"""Composes a webhook from the state of its world: body, signature, faults, time-out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from random import Random

from pixazo_simulator.script import Declare, Fault, RefuseConnection, corrupted, edited, effect
from pixazo_simulator.spec import SECOND
from pixazo_simulator.world import Delivery, Form, World, seeded_random

from .sender import WebhookRequest

TIMEOUT = 15.0
"""Seconds of the world's clock that a receiver has to respond (policy `webhook_retries`)."""
CHALLENGE_TIMEOUT = 3.0
"""Seconds of the world's clock that a receiver has to echo a challenge (policy `callback_url`)."""
LEAST_TIMEOUT = 5.0
"""Real seconds that a receiver has at least (or its time on a real clock, when that is less), however fast the clock runs.

Also its time on a manual clock. A working receiver must not time out because its machine is busy: the system retries a connection
that a full backlog dropped after 1 s and again after 3 s.
"""
SECRET_BYTES = 24
"""Random bytes of a signing secret: Standard Webhooks asks for 24 to 64."""


def composed(world: World, delivery: Delivery, faults: tuple[Fault, ...]) -> WebhookRequest:
    """The webhook as the gateway composes and signs it."""
    body = edited(world.webhook_body(delivery), faults)
    headers = {"content-type": "application/json"}
    if world.policy.webhook_signature == "standard":
        message_id = f"msg_{delivery.request_id}_{delivery.original}"
        headers |= signed_headers(secret(world.seed, world.source), message_id, world.clock.now(), body)
    challenge, rate = delivery.form is Form.CHALLENGE, world.clock.rate
    seconds = CHALLENGE_TIMEOUT if challenge else TIMEOUT
    least = min(seconds, LEAST_TIMEOUT)
    return WebhookRequest(
        url=delivery.url,
        body=body,
        headers=headers,
        allowed=world.policy.webhook_allow,
        follow=world.policy.webhook_redirects == "follow",
        timeout=max(least, seconds / rate) if rate else least,
        echo=challenge,
    )


def secret(seed: int, source: str) -> str:
    """The signing secret of a world: `whsec_` and Base64, from its seed and source."""
    return f"whsec_{base64.b64encode(seeded_random(seed, source, 'webhook').randbytes(SECRET_BYTES)).decode()}"


def signed_headers(signing_secret: str, message_id: str, instant: int, body: bytes) -> dict[str, str]:
    """The headers by which Standard Webhooks signs `body`, sent at `instant` (UTC milliseconds)."""
    stamp = str(instant // SECOND)
    signing_key = base64.b64decode(signing_secret.removeprefix("whsec_"))
    digest = hmac.new(signing_key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def injected(webhook: WebhookRequest, faults: tuple[Fault, ...], seed: int) -> WebhookRequest:
    """The webhook with its faults, which are injected in transit: the signature no longer fits the body."""
    if not faults:
        return webhook
    declared = effect(faults, Declare)
    return replace(
        webhook,
        body=corrupted(webhook.body, faults, Random(seed)),  # noqa: S311 - reproducible by design, guards nothing
        headers=webhook.headers | ({"content-type": declared.content_type} if declared else {}),
        refused=effect(faults, RefuseConnection) is not None,
    )
