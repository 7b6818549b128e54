"""A request as a cURL line for a shell, which takes keys from the environment."""

from __future__ import annotations

import re
import shlex
from typing import Final

from pixazo_contracts.trace import KEY_HEADER, Exchange, visible

#: The longest body that a cURL line repeats, in characters.
LONGEST_BODY: Final = 1000


def _shell_escape(character: str) -> str:
    # The bytes, which mean the same in every locale; an unpaired surrogate may stand for a byte of a command line.
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "\\n" if character == "\n" else "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors))


def shell_word(text: str) -> str:
    """The text as one shell word; `$'...'` if it contains characters that cannot be seen or copied."""
    if visible(text) == text:
        return shlex.quote(text)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(each if visible(each) == each else _shell_escape(each) for each in quoted) + "'"


def key_variable(account: str) -> str:
    """The environment variable for the key of an account, in the commands of a report."""
    return f"KEY_OF_{re.sub('[^A-Za-z0-9]', '_', account).upper()}"


def _key(exchange: Exchange) -> str:
    """The header that sends the key, as a shell word, with the key from the environment: a report never contains a key."""
    match exchange.account, exchange.placement:
        case ("unknown", _):
            return f"'{KEY_HEADER}: no-such-key'"
        case ("blank", _):
            return f"'{KEY_HEADER};'"
        case (_, "bearer"):
            return '"Authorization: Bearer $PIXAZO_API_KEY"'
        case ("default", _):
            return f'"{KEY_HEADER}: $PIXAZO_API_KEY"'
        case (account, _):
            return f'"{KEY_HEADER}: ${key_variable(account)}"'


def curl_line(exchange: Exchange) -> str:
    """The request as one cURL line for a shell; a body that was not kept or is too long is named instead."""
    headers = [_key(exchange)] if exchange.account else []
    headers += (shell_word(f"{name}: {value}") for name, value in exchange.request_headers)
    parts = ["curl", "-i", "-X", exchange.method, shell_word(exchange.url), *(f"-H {header}" for header in headers)]
    body = exchange.request_body
    if body is not None and len(body) <= LONGEST_BODY:
        parts += ["--data-raw", shell_word(body)]
    elif exchange.request_size:
        where = f"see probe {exchange.probe!r}, {exchange.case!r}"
        parts.append(f"--data-binary @body  # {exchange.request_size} bytes: {where}")
    return " ".join(parts)
