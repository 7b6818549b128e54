"""Webhooks in a file, to be posted again: one JSON object per line, without secret headers; users may edit it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from pixazo_simulator.spec import InvalidDataError, Redactor, is_secret, read, read_instant, timestamp

from .callback import SIGNATURE, Callback

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token (RFC 9110, 5.6.2)
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # a field value (RFC 9110, 5.5)


class _Saved(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A line; the body is a text, or Base64 where its bytes are not UTF-8."""

    time: str = ""
    method: Literal["POST", "PUT"] = "POST"
    path: str = "/"
    headers: dict[str, str] = {}
    body: str | None = None
    body_base64: str | None = None


def saved_line(callback: Callback) -> bytes:
    """A webhook as a line of a file."""
    headers: dict[str, str] = {}
    for raw_name, value in callback.headers:
        name, text = raw_name.decode("latin-1"), value.decode("latin-1")
        if raw_name == SIGNATURE or not is_secret(name):
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
    path = Redactor().with_request_secrets(callback.headers, callback.target).text(callback.target)
    members: dict[str, object] = {
        "time": timestamp(callback.at), "method": callback.method, "path": path, "headers": headers,
    }  # fmt: skip
    try:
        members["body"] = callback.body.decode()
    except UnicodeDecodeError:
        members["body_base64"] = base64.b64encode(callback.body).decode()
    return json.dumps(members).encode() + b"\n"


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
    for name, value in saved.headers.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError(f"header {name!a} cannot be sent: use a name without spaces and a value in one line")
    if saved.body is not None and saved.body_base64 is not None:
        raise ValueError("body and body_base64 exclude each other: leave one out")
    try:
        body = base64.b64decode(saved.body_base64 or "", validate=True) or (saved.body or "").encode()
    except ValueError:
        raise ValueError("body_base64 is not Base64") from None
    headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in saved.headers.items())
    return Callback(at=at, method=saved.method, target=saved.path, headers=headers, body=body)
