"""Signs webhooks and verifies them, as Standard Webhooks says (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable

from pixazo_simulator.spec import SECOND

SIGNED_BY = ("webhook-id", "webhook-timestamp", "webhook-signature")
"""The headers of a signed webhook."""


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
