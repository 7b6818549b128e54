"""Reservations that were given back, and evidence that one of them should not have been."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlsplit

from pixazo_contracts.probes import Send
from pixazo_contracts.trace import is_object, parse_json

from .transport import Reply

#: The longest id that is shown, in code points.
SHOWN: Final = 80


def _decoded(body: bytes) -> object:
    # The undecorated function: the cache of `parse_json` would keep bodies that no clause ever judges.
    return parse_json.__wrapped__(body.decode("utf-8", "replace"))


def _request_id(value: object) -> str | None:
    """The request id in a decoded response or callback."""
    found = value.get("request_id") if is_object(value) else None
    return found if isinstance(found, str) and found else None


class Releases:
    """Follows what was sent, responded and called back, in whatever order that becomes known; `count` were given back.

    `redact` removes keys from what is quoted. Two things show that a refused request began work after all: a callback to a
    URL that only refused requests gave, and ids that are in no response to a counted request, more of them than there are
    counted requests whose id we do not know.
    """

    def __init__(self, run: str, redact: Callable[[str], str] = str) -> None:
        self._redact = redact
        # The receiver begins the token of each of its URLs with this: the run, and a number that is used once.
        self._token = re.compile(rf"{re.escape(run)}-\d+-")
        self._lock = threading.Lock()
        self.count = 0
        self._refused: dict[str, str] = {}
        self._counted: set[str] = set()
        self._under_way = 0
        self._nameless = 0
        self._responses: list[bytes] = []
        self._asked: set[str] = set()
        self._ids: dict[str, None] = {}
        self._called: dict[str, None] = {}

    def began(self) -> None:
        """A request that may begin work is about to be sent."""
        with self._lock:
            self._under_way += 1

    def settled(self, request: Send, reply: Reply | None, *, released: bool) -> None:
        """That request got a response, or none; its reservation was given back, or not."""
        asked = "\n".join([*(value for _, value in request.headers), (request.body or b"").decode("utf-8", "replace")])
        tokens = self._token.findall(asked)
        with self._lock:
            self._under_way -= 1
            if released:
                self.count += 1
                self._refused.update(dict.fromkeys(tokens, request.case))
                return
            self._counted.update(tokens)
            headers, body = ((), b"") if reply is None else (reply.headers, reply.body)
            self._responses.append(b"" if reply is None else b"\n".join([*(v.encode() for _, v in headers), body]))
            self._nameless += _request_id(_decoded(body)) is None

    def read(self, request: Send, reply: Reply) -> None:
        """Something was read. An id that we asked for ourselves proves nothing."""
        shown = request.operation == "status" and reply.status == 200
        named = _request_id(_decoded(reply.body)) if shown else None
        with self._lock:
            self._asked.add(unquote(request.url.rpartition("/")[2]))
            if named is not None:
                self._ids[named] = None

    def called(self, method: str, target: str, body: bytes) -> None:
        """A request reached our receiver. A read of the URL, or a challenge, may come before work begins."""
        value = _decoded(body)
        token = self._token.search(urlsplit(target).path)
        if method != "POST" or token is None or (is_object(value) and "challenge" in value):
            return
        named = _request_id(value)
        with self._lock:
            self._called[token[0]] = None
            if named is not None:
                self._ids[named] = None

    def wrong(self) -> str | None:
        """Why a reservation should not have been given back; None if nothing shows that."""
        with self._lock:
            return (self._wrong_callback() or self._wrong_id()) if self.count else None

    def _wrong_callback(self) -> str | None:
        # A callback may overtake the response: as long as a request is under way, the URL may still be a counted one's.
        for token in self._called if not self._under_way else ():
            if token in self._refused and token not in self._counted:
                case = self._refused[token]
                return f"a callback came to the URL of {case!r}, which was refused: it was begun and may be charged"
        return None

    def _wrong_id(self) -> str | None:
        for name in [name for name in self._ids if self._is_known(name)]:
            del self._ids[name]
        if len(self._ids) <= self._nameless + self._under_way:
            return None
        unexplained = self._redact(next(iter(self._ids)))[:SHOWN]
        return (
            f"the gateway names the request {unexplained!r}, which no counted request was answered with: "
            f"one of the {self.count} that were refused was begun and may be charged"
        )

    def _is_known(self, name: str) -> bool:
        return name in self._asked or any(name.encode("utf-8", "replace") in said for said in self._responses)
