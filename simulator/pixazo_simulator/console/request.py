"""A request to the console as its pages and actions get it, and their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pixazo_simulator.spec import CONSOLE_PATH
from pixazo_simulator.world import World

from .calls import Calls

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from pixazo_simulator.world import Worlds

BASE = CONSOLE_PATH


class ConsoleRequest(msgspec.Struct, frozen=True):
    """One call of a page or of an action: `target` is its path and query, `world` the world in the path, if there is one."""

    calls: Calls
    worlds: Worlds
    gateway: ASGIApp
    path: dict[str, Any]
    query: dict[str, str]
    form: dict[str, str]
    target: str
    world: World | None
    checksum: str
    """The `events.checksum` of the world at the time of the request."""

    @property
    def shown_world(self) -> World:
        """The world in the path, for pages of a world."""
        if self.world is None:
            raise LookupError(f"{self.target} names no world")
        return self.world

    @property
    def here(self) -> str:
        """The path of the page of the world."""
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
    """Whether the action succeeded: a webhook may be posted and not be accepted."""
