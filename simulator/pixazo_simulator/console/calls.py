"""Calls of the control routes in process: the console reads and changes worlds as any other client of `/_sim` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import msgspec

from pixazo_simulator.control import Refused, responses

if TYPE_CHECKING:
    from pixazo_simulator.control import ControlHandler

T = TypeVar("T")


class Calls(msgspec.Struct, frozen=True):
    """Control calls with one key, as if they had come to this host; an empty key names no world."""

    control: ControlHandler
    host: str
    key: str = ""

    async def get(self, kind: type[T], path: str, **query: object) -> T:
        """The response of a GET route, decoded. Members of the query that are None are left out. Raises Refused."""
        given = {name: value for name, value in query.items() if value is not None}
        return responses.decode(await self.send("GET", path, query=urlencode(given)), kind)

    async def send(self, method: str, path: str, body: object = None, *, query: str = "") -> bytes:
        """Call a route, and return the JSON of its response. Raises Refused with its message."""
        content = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        status, answer = await self.control.answer(
            method, f"/_sim/{path}", query, content, host=self.host, key=self.key
        )
        if status >= 400:
            refusal: dict[str, Any] = msgspec.json.decode(answer)
            raise Refused(status, refusal["message"], refusal["error"])
        return answer
