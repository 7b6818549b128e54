"""A request to the console as its pages and actions get it, their results, and what a page shows of its world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode
from zlib import crc32

import msgspec

from pixazo_simulator.control import Refused, responses
from pixazo_simulator.gateway import Request, Response
from pixazo_simulator.spec import CONSOLE_PATH, status_span, timestamp
from pixazo_simulator.world import World

if TYPE_CHECKING:
    from pixazo_simulator.control import ControlHandler
    from pixazo_simulator.world import Worlds

BASE = CONSOLE_PATH
Gateway = Callable[[Request, bytes], Awaitable[Response]]
"""Answers a request with this body, and journals it."""
T = TypeVar("T")
MOST_LINES = 50
"""Generations that a page shows."""


class ConsoleRequest(msgspec.Struct, frozen=True):
    """One call of a page or of an action: `target` is its path and query, `world` the world in the path, if there is one.

    `get` and `send` call control routes with the key of that world.
    """

    control: ControlHandler
    worlds: Worlds
    gateway: Gateway
    host: str
    path: dict[str, Any]
    query: dict[str, str]
    form: dict[str, str]
    target: str
    world: World | None
    checksum: str
    """The `checksum` of the world at the time of the request."""

    async def get(self, kind: type[T], path: str, **query: object) -> T:
        """The response of a GET route. Members of the query that are None are left out. Raises Refused."""
        given = {name: value for name, value in query.items() if value is not None}
        return await self.send(kind, "GET", path, query=urlencode(given))

    async def send(self, kind: type[T], method: str, path: str, body: object = None, *, query: str = "") -> T:
        """Call a route and return its response. Raises Refused with its message."""
        content = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        key = self.world.key if self.world else ""
        status, answer = await self.control.answer(method, f"/_sim/{path}", query, content, host=self.host, key=key)
        if status >= 400:
            refusal: dict[str, Any] = msgspec.json.decode(answer)
            raise Refused(status, refusal["message"], refusal["error"])
        return responses.decode(answer, kind)

    @property
    def shown_world(self) -> World:
        """The world in the path, for pages of a world."""
        if self.world is None:
            raise LookupError(f"{self.target} names no world")
        return self.world

    @property
    def here(self) -> str:
        return f"{BASE}/worlds/{self.path['number']}"


class View(msgspec.Struct, frozen=True):
    """A template and its context."""

    template: str
    context: dict[str, Any]


class ActionResult(msgspec.Struct, frozen=True):
    """The message of an action that was carried out, and the page to go to, if any."""

    text: str
    to: str = ""
    is_good: bool = True
    """Whether the action succeeded: a webhook may be posted but not accepted."""


def clock_text(world: World) -> str:
    """The time of the world, to the second where its clock runs."""
    text = timestamp(world.clock.now())
    return f"{text[:10]} {text[11:19] if world.clock.rate else text[11:23]}"


def checksum(world: World, worlds: Worlds) -> str:
    """A checksum of everything that a page shows: while it is the same, the page is up to date."""
    with worlds.lock:
        account, now = world.account, world.clock.now()
        rules = [(each.number, each.matched, *each.used) for each in world.script.listed()]
        statuses = [status_span(each.accepted, each.plan, now).status for each in world.generations()[-MOST_LINES:]]
        shown = (
            world.journal.total, [each.cut for each in world.journal.beyond(world.journal.total - MOST_LINES)],
            world.accepted, statuses, world.next_due(), len(world.deliveries()), world.policy, rules,
            account.ledger.balance(now), account.suspended, account.model_enabled, 0 if world.clock.rate else now,
        )  # fmt: skip
    return f"{crc32(repr(shown).encode(errors='replace')):08x}"
