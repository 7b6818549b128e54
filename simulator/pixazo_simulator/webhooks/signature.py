"""Signs a webhook as the Standard Webhooks specification says."""

from __future__ import annotations

import base64
import hashlib
import hmac

from pixazo_simulator.spec import SECOND
from pixazo_simulator.world import seeded_random

SECRET_BYTES = 24


def secret(seed: int, key: str) -> str:
    """The signing secret of a world: `whsec_` and Base64, from its seed and key."""
    return f"whsec_{base64.b64encode(seeded_random(seed, key, 'webhook').randbytes(SECRET_BYTES)).decode()}"


def signed_headers(signing_secret: str, message_id: str, instant: int, body: bytes) -> dict[str, str]:
    """The headers `webhook-id`, `-timestamp` (seconds) and `-signature` for `body`, sent at `instant` (UTC milliseconds)."""
    stamp = str(instant // SECOND)
    signing_key = base64.b64decode(signing_secret.removeprefix("whsec_"))
    digest = hmac.new(signing_key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
