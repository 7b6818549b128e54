"""One change at work in one server: its editors, and what they remember of each world."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from pixazo_simulator.spec import KEY_HEADER
from pixazo_simulator.webhooks import Parcel
from pixazo_simulator.world import Generation, Journal, World, Worlds

from .context import Memory, Scene
from .messages import Reply, Request
from .mutant import Mutant, Variant


class Editing:
    """The editors of a mutant or variant over the worlds of one server; servers share nothing."""

    def __init__(self, change: Mutant | Variant, worlds: Worlds) -> None:
        self.edits = change.edits
        self.reason = f"edited by {type(change).__name__.lower()} {change.name}"
        self._worlds = worlds
        self._memories: WeakKeyDictionary[World, Memory] = WeakKeyDictionary()
        self._unmatched = Memory()

    def world(self, request: Request) -> World | None:
        """The world that the caller's key opens."""
        return self._worlds.find((request.header(KEY_HEADER) or "").strip())

    def scene(self, request: Request) -> Scene:
        """What the editors may know about a request."""
        caller = self.world(request)
        world = caller or self._owner(request)
        return Scene(self._worlds, world, self._memory(world), known=caller is not None)

    def record(self, request: Request, reply: Reply) -> None:
        """Let the journal tell what was answered without asking the gateway."""
        world = self.world(request) or request.door
        now = world.clock.now() if world else self._worlds.unmatched_clock.now()
        headers = list(request.headers)
        self._journal(world).record(
            now, request.method, request.path, headers, request.body, reply.status, reply.body, self.reason,
            list(reply.headers),
        )  # fmt: skip

    def amend(self, heard: Request, edited: Reply) -> None:
        """Let the journal tell what is really answered; the request stands there as the gateway heard it."""
        if heard.media_id is None:  # bodies of media are not kept
            self._journal(self.world(heard) or heard.door).amend(
                edited.status, list(edited.headers), edited.body, self.reason
            )

    def callback(self, world: World, parcel: Parcel) -> tuple[Parcel, ...]:
        """What is posted instead of a parcel."""
        return self.edits.callback(parcel, Scene(self._worlds, world, self._memory(world), known=True))

    def charge(self, request: Request, amount: int) -> None:
        """Take money from the wallet of the caller."""
        world = self.world(request)
        if world and amount:
            world.standing.ledger.debit(world.clock.now(), amount, request.read_id or "")

    def _journal(self, world: World | None) -> Journal:
        return world.journal if world else self._worlds.unmatched

    def _owner(self, request: Request) -> World | None:
        wanted = request.read_id or request.media_id
        owned = (world for world in self._worlds if isinstance(world.generation(wanted), Generation)) if wanted else ()
        return next(iter(owned), None)

    def _memory(self, world: World | None) -> Memory:
        return self._unmatched if world is None else self._memories.setdefault(world, Memory())
