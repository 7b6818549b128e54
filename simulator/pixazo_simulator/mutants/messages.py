"""A request and its reply as values that an editor can change."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pixazo_simulator.spec import MODEL_ID, STATUS_PATH, SUBMIT_PATHS, Header, InvalidBody, Operation, members
from pixazo_simulator.world import World

Members = dict[str, Any]
"""The members of a JSON object."""

REQUEST_ID = re.compile(rf"{MODEL_ID}_[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12,13}}")
"""A well-formed request id, in either form of policy `request_id`."""
UNKNOWN_ID = f"{MODEL_ID}_00000000-0000-7000-8000-000000000000"
"""A well-formed request id that no generation has."""

_MEDIA_PATH = re.compile(r"/v1/([^/]+)/output\.\w+")


def members_of(body: bytes) -> Members | None:
    """The members of a JSON object, None when the body is no such thing."""
    found = members(body)
    return None if isinstance(found, InvalidBody) else found


def _found(headers: tuple[Header, ...], name: str) -> str | None:
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for known, value in headers if known == wanted), None)


def _with(headers: tuple[Header, ...], name: str, value: str) -> tuple[Header, ...]:
    """The headers with this one in the place of the first of its name, or at the end."""
    header = (name.lower().encode(), value.encode("latin-1", "replace"))
    place = next((index for index, (known, _) in enumerate(headers) if known == header[0]), len(headers))
    return (*headers[:place], header, *_without(headers[place + 1 :], name))


def _without(headers: tuple[Header, ...], name: str) -> tuple[Header, ...]:
    return tuple(header for header in headers if header[0] != name.lower().encode())


class Request(msgspec.Struct, frozen=True):
    """What a caller sent; header names are in lower case, `spelling` holds them as they were written, if that is known.

    `door` is the world into which the door leads that it came through, if it came through one.
    """

    method: str
    path: str
    query: bytes
    headers: tuple[Header, ...]
    body: bytes = b""
    spelling: tuple[bytes, ...] = ()
    door: World | None = None

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return _found(self.headers, name)

    def with_header(self, name: str, value: str) -> Request:
        """The same request with this header and no other of its name."""
        return msgspec.structs.replace(self, headers=_with(self.headers, name, value))

    def without_header(self, name: str) -> Request:
        """The same request without this header."""
        return msgspec.structs.replace(self, headers=_without(self.headers, name))

    def members(self) -> Members | None:
        """The members of the body, None when it is no JSON object."""
        return members_of(self.body)

    def with_members(self, given: Members) -> Request:
        """The same request with a body of these members."""
        return msgspec.structs.replace(self, body=msgspec.json.encode(given))

    def at(self, path: str, method: str | None = None) -> Request:
        """The same request to another path."""
        return msgspec.structs.replace(self, path=path, method=method or self.method)

    @property
    def operation(self) -> Operation | None:
        """The operation that is submitted, None when it is not a submit."""
        return SUBMIT_PATHS.get(self.path) if self.method == "POST" else None

    @property
    def read_id(self) -> str | None:
        """The request id whose status is read, None when it is not a read."""
        return (
            self.path.removeprefix(STATUS_PATH) if self.method == "GET" and self.path.startswith(STATUS_PATH) else None
        )

    @property
    def media_id(self) -> str | None:
        """The request id whose media is fetched, None when it is not a download."""
        found = _MEDIA_PATH.fullmatch(self.path)
        return found[1] if found and self.method in ("GET", "HEAD") else None


class Reply(msgspec.Struct, frozen=True):
    """What is answered, and what answering costs besides.

    `pause` holds it back for so many real seconds, `until` up to an instant of the world's clock, which is advanced when
    it stands still; `debit` is taken from the wallet (millionths of a dollar).
    """

    status: int
    headers: tuple[Header, ...]
    body: bytes
    pause: float = 0
    until: int = 0
    debit: int = 0

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return _found(self.headers, name)

    def with_header(self, name: str, value: str) -> Reply:
        """The same reply with this header and no other of its name."""
        return msgspec.structs.replace(self, headers=_with(self.headers, name, value))

    def without_header(self, name: str) -> Reply:
        """The same reply without this header."""
        return msgspec.structs.replace(self, headers=_without(self.headers, name))

    def members(self) -> Members | None:
        """The members of the body, None when it is no JSON object."""
        return members_of(self.body) if self.is_json else None

    def with_members(self, told: Members) -> Reply:
        """The same reply with a body of these members."""
        return self.with_body(msgspec.json.encode(told))

    def with_body(self, body: bytes) -> Reply:
        """The same reply with another body, and the length of it if a length was told."""
        changed = msgspec.structs.replace(self, body=body)
        return changed.with_header("content-length", str(len(body))) if self.header("content-length") else changed

    def with_status(self, status: int) -> Reply:
        """The same reply with another code."""
        return msgspec.structs.replace(self, status=status)

    @property
    def is_json(self) -> bool:
        """Whether the body is declared as JSON."""
        return (self.header("content-type") or "").partition(";")[0] == "application/json"
