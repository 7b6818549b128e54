"""A request and its reply as values that an editor can change."""

from __future__ import annotations

import re
from typing import Any, Self, cast

import msgspec

from pixazo_simulator.spec import (
    MODEL_ID,
    Header,
    InvalidBody,
    MediaRead,
    Operation,
    StatusRead,
    Submit,
    classify,
    members,
)
from pixazo_simulator.world import World

Members = dict[str, Any]
"""The members of a JSON object."""

REQUEST_ID = re.compile(rf"{MODEL_ID}_[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12,13}}")
"""A well-formed request id, in either form of policy `request_id`."""
UNKNOWN_ID = f"{MODEL_ID}_00000000-0000-7000-8000-000000000000"
"""A well-formed request id that no generation has."""


def members_of(body: bytes) -> Members | None:
    """The members of a JSON object; None for any other body."""
    found = members(body)
    return None if isinstance(found, InvalidBody) else found


class _WithHeaders:
    """The headers of a request or a reply. Their names are in lower case, as ASGI has them."""

    __slots__ = ()
    headers: tuple[Header, ...]

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for known, value in self.headers if known == wanted), None)

    def with_header(self, name: str, value: str) -> Self:
        """The same message with this header in the place of the first of its name, or at the end, and no other of its name."""
        header = (name.lower().encode(), value.encode("latin-1", "replace"))
        place = next((index for index, (known, _) in enumerate(self.headers) if known == header[0]), len(self.headers))
        rest = tuple(each for each in self.headers[place + 1 :] if each[0] != header[0])
        return self._with(headers=(*self.headers[:place], header, *rest))

    def without_header(self, name: str) -> Self:
        """The same message without this header."""
        return self._with(headers=tuple(each for each in self.headers if each[0] != name.lower().encode()))

    def _with(self, **changes: Any) -> Self:
        changed: Self = msgspec.structs.replace(cast("Any", self), **changes)
        return changed


class Request(_WithHeaders, msgspec.Struct, frozen=True):
    """What a caller sent.

    `spelling` holds the header names as they were written, if that is known. `listener` is the world of the TLS listener
    that the request came through, if it came through one.
    """

    method: str
    path: str
    query: bytes
    headers: tuple[Header, ...]
    body: bytes = b""
    spelling: tuple[bytes, ...] = ()
    listener: World | None = None

    def members(self) -> Members | None:
        """The members of the body; None unless it is a JSON object."""
        return members_of(self.body)

    def with_members(self, given: Members) -> Request:
        """The same request with these members as its body."""
        return self._with(body=msgspec.json.encode(given))

    def at(self, path: str, method: str | None = None) -> Request:
        """The same request to another path."""
        return self._with(path=path, method=method or self.method)

    @property
    def operation(self) -> Operation | None:
        """The operation of a submit; None for any other request."""
        endpoint = classify(self.method, self.path)
        return endpoint.operation if isinstance(endpoint, Submit) else None

    @property
    def read_id(self) -> str | None:
        """The request id of a status read; None for any other request."""
        endpoint = classify(self.method, self.path)
        return endpoint.request_id if isinstance(endpoint, StatusRead) else None

    @property
    def media_id(self) -> str | None:
        """The request id of a download; None for any other request."""
        endpoint = classify(self.method, self.path)
        return endpoint.request_id if isinstance(endpoint, MediaRead) else None


class Reply(_WithHeaders, msgspec.Struct, frozen=True):
    """What is sent back, and what that costs.

    `pause` delays it by real seconds, `until` to an instant of the world's clock, which is advanced when it stands still;
    `debit` is taken from the wallet (millionths of a dollar).
    """

    status: int
    headers: tuple[Header, ...]
    body: bytes
    pause: float = 0
    until: int = 0
    debit: int = 0

    def members(self) -> Members | None:
        """The members of the body; None unless it is a JSON object."""
        return members_of(self.body) if self.is_json else None

    def with_members(self, members: Members) -> Reply:
        """The same reply with these members as its body."""
        return self.with_body(msgspec.json.encode(members))

    def with_body(self, body: bytes) -> Reply:
        """The same reply with another body, and its length if it had a length."""
        changed = self._with(body=body)
        return changed.with_header("content-length", str(len(body))) if self.header("content-length") else changed

    def with_status(self, status: int) -> Reply:
        """The same reply with another status code."""
        return self._with(status=status)

    @property
    def is_json(self) -> bool:
        """Whether the body is declared as JSON."""
        return (self.header("content-type") or "").partition(";")[0] == "application/json"
