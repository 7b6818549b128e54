"""What a caller probably meant, or left out, where no route or key of the gateway stands behind a request."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pixazo_simulator.spec import (
    KEY_HEADER,
    MODEL_ID,
    OPERATIONS,
    STATUS_PATH,
    InvalidKey,
    MissingKey,
    Refusal,
    UnknownRoute,
    nearest,
)

_ROUTES = (
    *(f"POST /{MODEL_ID}/v1/{name}" for name in OPERATIONS),
    f"GET {STATUS_PATH}{{request_id}}",
    "GET /v1/{request_id}/output.mp4",
)
_REQUEST_ID = re.compile(r"(?<=/)[a-z0-9-]+_[0-9A-Fa-f-]{20,40}(?=/|$)")
_OTHER_KEY_HEADERS = ("authorization", "x-api-key", "api-key", "subscription-key", "x-subscription-key", "apikey")
_LONGEST = 120


def hint(refusal: Refusal, method: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """What to do instead, None for a refusal that is a normal answer of the gateway."""
    if isinstance(refusal, UnknownRoute):
        return f"no route is {method} {path[:_LONGEST]}{_nearest(method, path)}: known are {', '.join(_ROUTES)}"
    if isinstance(refusal, InvalidKey):
        return (
            "no world has the key that was sent: in a pytest test use pixazo.api_key or pixazo_env, else start with "
            "--api-key or --open-keys, or create one with POST /_sim/worlds"
        )
    if isinstance(refusal, MissingKey):
        sent = {name.decode("latin-1").lower() for name, _ in headers}
        instead = next((f", not in {name}" for name in _OTHER_KEY_HEADERS if name in sent), "")
        return f"the key is missing: send it in the header {KEY_HEADER}{instead}"
    return None


def _nearest(method: str, path: str) -> str:
    asked = _REQUEST_ID.sub("{request_id}", path)
    return nearest(f"{method} {asked}", _ROUTES) or next(
        (f" (did you mean {route}?)" for route in _ROUTES if route.partition(" ")[2] == asked), ""
    )
