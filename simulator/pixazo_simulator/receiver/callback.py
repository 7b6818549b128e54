"""A webhook as it was received, and the response to it."""

from __future__ import annotations

import msgspec

from pixazo_simulator.spec import Header

SIGNATURE = b"webhook-signature"
"""The header that is shown and saved although its name looks like a secret: an HMAC does not reveal its key."""


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook: its arrival (UTC milliseconds of the real clock), and its request; header names are in lower case."""

    at: int
    method: str
    target: str
    headers: tuple[Header, ...]
    body: bytes

    def header(self, name: bytes) -> str | None:
        """The value of a header, the first if there are several."""
        return next((value.decode("latin-1") for each, value in self.headers if each == name), None)

    def repeats(self, other: Callback) -> bool:
        """Whether both are the same webhook: by its id (Standard Webhooks), or by its bytes where one has none."""
        mine, theirs = self.header(b"webhook-id"), other.header(b"webhook-id")
        if mine and theirs:
            return mine == theirs
        return (self.method, self.target, self.body) == (other.method, other.target, other.body)

    @property
    def subject(self) -> tuple[str | None, str | None]:
        """The request id and the status in the body; the status of a challenge is `challenge`."""
        try:
            body = msgspec.json.decode(self.body, type=_Body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = _Body()
        status = "challenge" if body.status is None and body.challenge is not None else body.status
        return _text(body.request_id), _text(status)

    @property
    def size(self) -> int:
        """Bytes of headers and body."""
        return len(self.body) + len(self.target) + sum(len(name) + len(value) for name, value in self.headers)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The response to a webhook, its time and its duration; `problem` says why it is not from the app."""

    at: int
    status: int
    milliseconds: int = 0
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    problem: str | None = None


class _Body(msgspec.Struct):
    request_id: object = None
    status: object = None
    challenge: object = None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
