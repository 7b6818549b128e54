"""An exchange as a cURL line that repeats it, the key taken from the environment."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from pixazo_contracts.trace import KEY_HEADER

if TYPE_CHECKING:
    from pixazo_contracts.trace import Exchange


#: The longest body that is printed, in characters.
LONGEST: Final = 1000


def _key(exchange: Exchange) -> list[str]:
    match exchange.account, exchange.placement:
        case ("", _):
            return []
        case ("unknown", _):
            return ["-H", f"'{KEY_HEADER}: no-such-key'"]
        case ("blank", _):
            return ["-H", f"'{KEY_HEADER};'"]
        case (_, "bearer"):
            return ["-H", '"Authorization: Bearer $PIXAZO_API_KEY"']
        case ("default", _):
            return ["-H", f'"{KEY_HEADER}: $PIXAZO_API_KEY"']
        case (account, _):
            return ["-H", f'"{KEY_HEADER}: $KEY_OF_{account.replace(".", "_").upper()}"']


def curl_line(exchange: Exchange) -> str:
    """The request as one line for a shell; a body that is not kept or too long is named instead."""
    parts = ["curl", "-i", "-X", exchange.method, shlex.quote(exchange.url), *_key(exchange)]
    for name, value in exchange.request_headers:
        parts += ["-H", shlex.quote(f"{name}: {value}")]
    body = exchange.request_body
    if body is not None and len(body) <= LONGEST:
        parts += ["--data-raw", shlex.quote(body)]
    elif exchange.request_size:
        parts.append(
            f"--data-binary @body  # {exchange.request_size} bytes: see probe {exchange.probe!r}, {exchange.case!r}"
        )
    return " ".join(parts)
