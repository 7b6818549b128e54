"""Webhooks in a file, to be posted again: one JSON object per line, without secret headers; users may edit it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from pixazo_html import encode_json
from pixazo_simulator.spec import InvalidDataError, Redactor, is_secret, read, read_instant, timestamp

from .callback import SIGNATURE, Callback


class _Saved(msgspec.Struct, forbid_unknown_fields=True):
    """A line; the body is a string, or Base64 where its bytes are not UTF-8."""

    time: str = ""
    method: Literal["POST", "PUT"] = "POST"
    path: str = "/"
    headers: dict[str, str] = {}
    body: str | UnsetType = UNSET
    body_base64: bytes | UnsetType = UNSET


def saved_line(callback: Callback) -> bytes:
    """A webhook as one line. Headers of one name are joined (RFC 9110, 5.3)."""
    headers = dict[str, str]()
    for raw_name, value in callback.headers:
        name, text = raw_name.decode("latin-1"), value.decode("latin-1")
        if raw_name == SIGNATURE or not is_secret(name):
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
    path = Redactor().with_request_secrets(callback.headers, callback.target).text(callback.target)
    saved = _Saved(timestamp(callback.at), cast("Literal['POST', 'PUT']", callback.method), path, headers)
    try:
        saved.body = callback.body.decode()
    except UnicodeDecodeError:
        saved.body_base64 = callback.body
    return encode_json(saved) + b"\n"


def read_saved(lines: Iterable[bytes]) -> Iterator[Callback]:
    """The webhooks of a file; empty lines are skipped. Raises ValueError that begins with the number of an invalid line."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _callback(line.strip())
            except (InvalidDataError, ValueError) as error:
                raise ValueError(f"line {number}: {error}") from None


def _callback(line: bytes) -> Callback:
    saved = read(line, _Saved)
    at = read_instant(saved.time) if saved.time else 0
    if at is None:
        raise ValueError(f"time {saved.time!a} is not an instant such as 2026-03-31T10:00:00Z")
    body = saved.body_base64 or (saved.body or "").encode()
    headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in saved.headers.items())
    return Callback(at=at, method=saved.method, target=saved.path, headers=headers, body=body)
