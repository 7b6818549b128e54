"""Composes a webhook from the state of its world: body, signature, faults, time-out; signs and verifies as Standard Webhooks says."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from functools import lru_cache
from random import Random

import msgspec

from pixazo_simulator import script
from pixazo_simulator.spec import SECOND
from pixazo_simulator.world import Delivery, Form, World, seeded_random

from .sender import WebhookRequest

CHALLENGE_TIMEOUT = 3.0
"""Seconds of the world's clock within which a receiver must echo a challenge (policy `callback_url`)."""
LEAST_TIMEOUT = 5.0
"""Real seconds that a receiver has at least (or the policy's, if fewer) however fast the clock runs, and on a manual clock.

A busy machine must not look like a time-out: the system retries a connection that a full backlog dropped after 1 s and again after 3 s.
"""
SIGNED_BY = ("webhook-id", "webhook-timestamp", "webhook-signature")
"""The headers of a signed webhook (https://www.standardwebhooks.com)."""
SECRET_BYTES = 24
"""Random bytes of a signing secret: Standard Webhooks asks for 24 to 64."""


def composed(world: World, delivery: Delivery, faults: tuple[script.Fault, ...], at: int) -> WebhookRequest:
    """The webhook as the gateway composes it and signs it `at` an instant (UTC milliseconds)."""
    body = script.edited(world.webhook_body(delivery), faults)
    headers = {"content-type": "application/json"}
    if world.policy.webhook_signature == "standard":
        message_id = f"msg_{delivery.request_id}_{delivery.original}"
        signing = (_WRONG,) if script.fault_of(faults, script.BadSignature) else secrets(world, at)
        stale = script.fault_of(faults, script.StaleSignature)
        signed = at - round(stale.seconds * SECOND) if stale else at
        headers |= signed_headers(signing, message_id, signed, body)
    challenge, rate = delivery.form is Form.CHALLENGE, world.clock.rate
    seconds = CHALLENGE_TIMEOUT if challenge else float(world.policy.webhook_timeout)
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


def injected(webhook: WebhookRequest, faults: tuple[script.Fault, ...], seed: int) -> WebhookRequest:
    """The webhook with its faults, which are injected in transit: the signature no longer fits the body."""
    if not faults:
        return webhook
    declared = script.fault_of(faults, script.WrongContentType)
    return msgspec.structs.replace(
        webhook,
        body=script.corrupted(webhook.body, faults, Random(seed)),  # noqa: S311 - reproducible by design, guards nothing
        headers=webhook.headers | ({"content-type": declared.content_type} if declared else {}),
        refused=script.fault_of(faults, script.DeadReceiver) is not None,
    )


def secrets(world: World, at: int) -> tuple[str, ...]:
    """The secrets with which webhooks are signed at an instant, the newest first: two or more for some time after a rotation."""
    return tuple(secret(world.seed, world.source, number) for number in world.secrets(at))


@lru_cache
def secret(seed: int, source: str, rotations: int = 0) -> str:
    """The signing secret of a world after a number of rotations: `whsec_` and Base64, from its seed and source."""
    random = seeded_random(seed, source, "webhook", *([rotations] if rotations else []))
    return f"whsec_{base64.b64encode(random.randbytes(SECRET_BYTES)).decode()}"


_WRONG = secret(0, "of no world")


def read_secret(text: str) -> bytes:
    """The bytes of a `whsec_...` secret. Raises ValueError, which does not repeat it."""
    try:
        secret = base64.b64decode(text.strip().removeprefix("whsec_"), validate=True)
    except ValueError:
        secret = b""
    if not secret:
        raise ValueError("the secret is not whsec_ and Base64: give the webhook_secret of GET /_sim/world as it is")
    return secret


def signed_headers(secrets: Iterable[str], message_id: str, instant: int, body: bytes) -> dict[str, str]:
    """The headers with which `body`, sent at `instant` (UTC milliseconds), is signed with each of the secrets."""
    stamp = str(instant // SECOND)
    signatures = (_signature(read_secret(each), message_id, stamp, body).decode() for each in secrets)
    return dict(zip(SIGNED_BY, (message_id, stamp, " ".join(signatures)), strict=True))


def verify(secrets: Iterable[bytes], message_id: str, stamp: str, signatures: str, body: bytes) -> bool:
    """Whether one of the signatures is made with one of the secrets; strings are headers in Latin-1, as they arrived."""
    given = [each.encode("latin-1") for each in signatures.split()]
    made = [_signature(each, message_id, stamp, body) for each in secrets]
    return any(hmac.compare_digest(one, other) for one in given for other in made)


def _signature(secret: bytes, message_id: str, stamp: str, body: bytes) -> bytes:
    signed = f"{message_id}.{stamp}.".encode("latin-1") + body
    return b"v1," + base64.b64encode(hmac.digest(secret, signed, "sha256"))
