"""Reservations that were given back, and what shows that one of them should not have been."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from pixazo_contracts.trace import is_object, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixazo_contracts.probes import Send

    from .transport import Reply


#: The longest id that is shown, in characters.
SHOWN: Final = 80


def _named(body: bytes) -> str | None:
    """The request id in an answer or a callback."""
    value = parse_json.__wrapped__(body.decode("utf-8", "replace"))
    found = value.get("request_id") if is_object(value) else None
    return found if isinstance(found, str) and found else None


class Releases:
    """Follows what was sent, answered and called back, in whatever order that becomes known; `count` were given back.

    `strike` strikes keys out of what is told. Two things show that a refused request began work after all: a callback to a URL
    that only refused requests gave, and ids that no counted request was answered with, more of them than there are counted
    requests whose id we do not know.
    """

    def __init__(self, run: str, strike: Callable[[str], str] = str) -> None:
        self._strike = strike
        # What the receiver begins the token of each of its URLs with: the run, and a number that is used once.
        self._token = re.compile(rf"{re.escape(run)}-\d+-")
        self._lock = threading.Lock()
        self.count = 0
        self._refused: dict[str, str] = {}
        self._counted: set[str] = set()
        self._under_way = 0
        self._nameless = 0
        self._said: list[bytes] = []
        self._asked: set[str] = set()
        self._ids: dict[str, None] = {}
        self._called: dict[str, None] = {}

    def began(self) -> None:
        """A request that may begin work is about to leave."""
        with self._lock:
            self._under_way += 1

    def settled(self, request: Send, reply: Reply | None, *, released: bool) -> None:
        """That request was answered, or not; its reservation was given back, or not."""
        asked = "\n".join([*(value for _, value in request.headers), (request.body or b"").decode("utf-8", "replace")])
        tokens = self._token.findall(asked)
        with self._lock:
            self._under_way -= 1
            if released:
                self.count += 1
                self._refused.update(dict.fromkeys(tokens, request.case))
                return
            self._counted.update(tokens)
            said = b"" if reply is None else b"\n".join([*(v.encode() for _, v in reply.headers), reply.body])
            self._said.append(said)
            self._nameless += _named(b"" if reply is None else reply.body) is None

    def read(self, request: Send, reply: Reply) -> None:
        """Something was read; ids that we asked for ourselves tell nothing."""
        named = _named(reply.body) if request.operation == "status" and reply.status == 200 else None
        with self._lock:
            self._asked.add(unquote(request.url.rpartition("/")[2]))
            if named is not None:
                self._ids[named] = None

    def called(self, method: str, target: str, body: bytes) -> None:
        """A request reached our receiver; a mere look, and a challenge, come before work begins."""
        value = parse_json.__wrapped__(body.decode("utf-8", "replace"))
        token = self._token.search(urlsplit(target).path)
        if method != "POST" or token is None or (is_object(value) and "challenge" in value):
            return
        named = _named(body)
        with self._lock:
            self._called[token[0]] = None
            if named is not None:
                self._ids[named] = None

    def wrong(self) -> str | None:
        """What shows that a reservation should not have been given back; None if nothing does."""
        with self._lock:
            return (self._wrong_callback() or self._wrong_id()) if self.count else None

    def _wrong_callback(self) -> str | None:
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
        stranger = self._strike(next(iter(self._ids)))[:SHOWN]
        return (
            f"the gateway names the request {stranger!r}, which no counted request was answered with: "
            f"one of the {self.count} that were refused was begun and may be charged"
        )

    def _is_known(self, name: str) -> bool:
        return name in self._asked or any(name.encode("utf-8", "replace") in said for said in self._said)
