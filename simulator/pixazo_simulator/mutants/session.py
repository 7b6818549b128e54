"""The edits of one mutant or variant in one server, and what they remember about each world."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from pixazo_simulator.spec import KEY_HEADER
from pixazo_simulator.webhooks import WebhookRequest
from pixazo_simulator.world import World, Worlds

from .context import Context, Memory
from .messages import Request
from .mutant import Mutant, Variant


class EditSession:
    """The edits of a mutant or variant over the worlds of one server; servers share nothing."""

    def __init__(self, change: Mutant | Variant, worlds: Worlds) -> None:
        self.edits = change.edits
        self.reason = f"edited by {type(change).__name__.lower()} {change.name}"
        self._worlds = worlds
        self._memories: WeakKeyDictionary[World, Memory] = WeakKeyDictionary()
        self._elsewhere = Memory()

    def world(self, request: Request) -> World | None:
        """The world that the caller's key opens."""
        return self._worlds.find((request.header(KEY_HEADER) or "").strip())

    def context(self, request: Request) -> Context:
        """What the editors may know about a request."""
        caller = self.world(request)
        world = caller or self._owner(request)
        return Context(self._worlds, world, self._memory(world), known=caller is not None)

    def callback(self, world: World, webhook: WebhookRequest) -> tuple[WebhookRequest, ...]:
        """What is delivered instead of a webhook."""
        return self.edits.callback(webhook, Context(self._worlds, world, self._memory(world), known=True))

    def _owner(self, request: Request) -> World | None:
        wanted = request.read_id or request.media_id
        return self._worlds.holder(wanted) if wanted else None

    def _memory(self, world: World | None) -> Memory:
        return self._elsewhere if world is None else self._memories.setdefault(world, Memory())
