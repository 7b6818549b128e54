"""Where the key of an app's request is, what else in it may be a secret, and which of its headers are kept."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from pixazo_contracts.probes import Headers
from pixazo_contracts.runner import KEPT_HEADERS, is_distinctive
from pixazo_contracts.trace import KEY_HEADER

#: Names of headers whose values are secrets: of what an app sends, and in lower case of what another tool has recorded, where the first
#: would redact too much: the signature of each callback, a session that is echoed, a token of each request.
SECRET: Final = re.compile(r"(?i)(?!idempotency-key$).*(key|auth|token|secret|cookie|session|signature|password)")
SECRET_HEADERS: Final = frozenset(
    {KEY_HEADER.lower(), *("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key")}
)

#: A key in a query.
QUERY_NAMES: Final = ("subscription-key", KEY_HEADER.lower())
QUERY_KEY: Final = re.compile(rf"(?i)([?&])(?:{'|'.join(QUERY_NAMES)})=[^&#]*&?")

#: The headers of requests that are kept: those that clauses and the profile read. Any other may contain a secret of the app.
KEPT_OF_REQUESTS: Final = KEPT_HEADERS | {
    *("accept", "accept-encoding", "access-control-request-headers", "access-control-request-method"),
    *("content-encoding", "expect", "forwarded", "idempotency-key", "if-modified-since", "if-none-match", "origin"),
    *("range", "transfer-encoding", "user-agent"),
    *("x-forwarded-host", "x-forwarded-proto", "x-webhook-mode", "x-webhook-url"),
}


def is_origin_form(target: str) -> bool:
    """Whether a request target is a path; its query may still contain a URL."""
    return target.startswith("/")


def split_target(url: str) -> tuple[str, str]:
    """Path and query of a URL or a request target."""
    try:
        parts = urlsplit(f"//-{url}" if is_origin_form(url) else url)
    except ValueError:
        return "", ""
    return parts.path, parts.query


def key_of(url: str, headers: Headers) -> tuple[str, str] | None:
    """The key of a request and its placement: `header`, `lower-case`, `upper-case`, `bearer` or `query`; None without one."""
    bearer = None
    for name, value in headers:
        if name.lower() == KEY_HEADER.lower():
            return value.strip(), "lower-case" if name.islower() else "upper-case" if name.isupper() else "header"
        if name.lower() == "authorization":
            bearer = value.strip().rpartition(" ")[2]
    named = [value for name, value in parse_qsl(split_target(url)[1]) if name.lower() == QUERY_NAMES[0]]
    return (bearer, "bearer") if bearer else (named[0], "query") if named else None


def secrets_of(url: str, headers: Headers, *, words: bool) -> Iterator[str]:
    """The texts of a message that may be secrets: keys in the query, values of these headers and their parts; some are empty.

    The part of Set-Cookie after the first pair is not a secret. Without `words`, a cookie that is like a word is left out: that
    word would be redacted everywhere.
    """
    yield from (value for name, value in parse_qsl(split_target(url)[1]) if name.lower() in QUERY_NAMES)
    for name, value in headers:
        whole = value.strip()
        yield from (whole, unquote(whole))
        if "cookie" in name.lower():
            pairs = value.split(";")[: 1 if name.lower() == "set-cookie" else None]
            cookies = (pair.partition("=")[2].strip().strip('"') for pair in pairs)
            yield from (cookie for cookie in cookies if words or is_distinctive(cookie))
        else:
            yield from (whole.partition(" ")[2].strip(), whole.rpartition(" ")[2], *_password(whole))


def _password(value: str) -> list[str]:
    """User name and password of Basic authentication."""
    scheme, _, coded = value.partition(" ")
    try:
        plain = base64.b64decode(coded, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        return []
    return [plain, plain.partition(":")[2]]


def without_key(url: str) -> str:
    """A URL or request target without a key in its query."""
    return QUERY_KEY.sub(r"\1", url).rstrip("?&")
