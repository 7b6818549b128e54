"""Calls of the control routes from inside: the console reads and changes worlds as any other user of `/_sim` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import msgspec

from pixazo_simulator.control import Refused, responses

if TYPE_CHECKING:
    from pixazo_simulator.control import ControlHandler

T = TypeVar("T")


class Calls(msgspec.Struct, frozen=True):
    """Control calls with one key, as if they had come to this host; the key of no world is empty."""

    control: ControlHandler
    host: str
    key: str = ""

    async def get(self, kind: type[T], path: str, **query: object) -> T:
        """What a route shows. Members of the query that are None are left out. Raises Refused."""
        given = {name: value for name, value in query.items() if value is not None}
        return responses.decode(await self.send("GET", path, query=urlencode(given)), kind)

    async def send(self, method: str, path: str, body: object = None, *, query: str = "") -> bytes:
        """Carry out a route, and return the JSON that it answers. Raises Refused with its message."""
        content = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        status, answer = await self.control.answer(
            method, f"/_sim/{path}", query, content, host=self.host, key=self.key
        )
        if status >= 400:
            refusal: dict[str, Any] = msgspec.json.decode(answer)
            raise Refused(status, refusal["message"], refusal["error"])
        return answer
