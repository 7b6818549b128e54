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


class Asked(msgspec.Struct, frozen=True):
    """One call of a page or of an action: `target` is its path and query, `world` the one that the path names, if it names one."""

    calls: Calls
    worlds: Worlds
    gateway: ASGIApp
    path: dict[str, Any]
    query: dict[str, str]
    form: dict[str, str]
    target: str
    world: World | None
    seen: str
    """What was so when it was asked (see `events.seen`)."""

    @property
    def shown(self) -> World:
        """The world that the path names, for the pages of which it names one."""
        if self.world is None:
            raise LookupError(f"{self.target} names no world")
        return self.world

    @property
    def here(self) -> str:
        """The path of the page of the world."""
        return f"{BASE}/worlds/{self.path['number']}"


class Shown(msgspec.Struct, frozen=True):
    """A template, and what it is filled with."""

    template: str
    context: dict[str, Any]


class Done(msgspec.Struct, frozen=True):
    """What an action says when it was carried out, and the page to go to, if any."""

    text: str
    to: str = ""
    is_good: bool = True
    """Whether what it did has come to a good end."""
