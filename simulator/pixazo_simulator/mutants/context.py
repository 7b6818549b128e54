"""What an editor may know beside the exchange: the caller's world as it is now, and what was remembered about it."""

from __future__ import annotations

from typing import Any

import msgspec

from pixazo_simulator.gateway import serve_media
from pixazo_simulator.spec import Policy, Refusal, finish, http_date, media_path, refusal_answer
from pixazo_simulator.world import Generation, World, Worlds

from .messages import Members, Reply, Request

MOST_MEMORIES = 100_000
"""Facts remembered about one world; beyond that the oldest is forgotten."""


class Memory:
    """What the editors of one server remember about one world, under keys that they choose."""

    __slots__ = ("_facts",)

    def __init__(self) -> None:
        self._facts: dict[tuple[object, ...], Any] = {}

    def get(self, *key: object) -> Any:
        """The fact remembered under this key, or None."""
        return self._facts.get(key)

    def put(self, fact: object, *key: object) -> None:
        """Remember a fact under a key."""
        if key not in self._facts and len(self._facts) >= MOST_MEMORIES:
            del self._facts[next(iter(self._facts))]
        self._facts[key] = fact

    def count(self, *key: object) -> int:
        """How often this key has been counted, including this time."""
        number = int(self.get(*key) or 0) + 1
        self.put(number, *key)
        return number


class Context:
    """The caller's world, or for a caller without a key the world that owns the request id in the path, or none.

    `known` says whether the caller's own key opens a world; `memory` is that world's.
    """

    __slots__ = ("_world", "_worlds", "known", "memory")

    def __init__(self, worlds: Worlds, world: World | None, memory: Memory, *, known: bool) -> None:
        self._worlds = worlds
        self._world = world
        self.memory = memory
        self.known = known

    @property
    def key(self) -> str:
        """A key that is accepted: that of the world, else the first of the server."""
        return self._world.key if self._world else self._worlds.settings.keys[0]

    @property
    def now(self) -> int:
        """The instant on the clock of the world, in UTC milliseconds."""
        return self._world.clock.now() if self._world else self._worlds.clock.now()

    @property
    def policy(self) -> Policy:
        """The policy that applies to the caller."""
        return self._world.policy if self._world else self._worlds.settings.policy

    @property
    def balance(self) -> int:
        """The balance of the wallet, in millionths of a dollar."""
        return self._world.account.ledger.balance(self.now) if self._world else 0

    @property
    def suspended(self) -> bool:
        """Whether the caller's key is suspended."""
        return self._world is not None and self._world.account.suspended

    @property
    def broken(self) -> bool:
        """Whether the gateway fails for the caller's key, as for `sim-broken`."""
        return self._world is not None and self._world.account.broken

    def throttle(self) -> int | None:
        """Count one more call against the rate limit: None if it is allowed, else the whole seconds to wait."""
        limit = self.policy.rate_limit
        return self._world.account.quota.take(limit, self.now) if self._world and limit else None

    def ends(self, request_id: str) -> int | None:
        """The instant at which a generation ends; None if the world has no such generation."""
        found = self._generation(request_id)
        return finish(found.accepted, found.plan) if found else None

    def peek(self, request_id: str, at: int) -> Members | None:
        """The status envelope of a generation as it was or will be at another instant; None as above."""
        found = self._generation(request_id)
        if found is None or self._world is None:
            return None
        members: Members = msgspec.json.decode(self._world.status_body(found, found.origin, at))
        return members

    def video(self, request_id: str, request: Request) -> Reply | None:
        """The video of a generation, whether it has ended or not; None if the request is for anything else."""
        found = self._generation(request_id)
        if found is None or request.path != media_path(request_id, self.policy):
            return None
        answer = serve_media(found, request.method, list(request.headers), self.policy)
        length = [] if answer.status == 304 else [(b"content-length", b"%d" % len(answer.body))]
        return Reply(answer.status, (*answer.headers, *length, (b"date", http_date(self.now))), answer.body)

    def owner(self, request_id: str) -> str | None:
        """The key of the world that has this generation."""
        owners = (
            world.key
            for world in self._worlds
            if isinstance(world.generation(request_id, world.clock.now()), Generation)
        )
        return next(owners, None)

    def undelivered(self, request_id: str) -> bool:
        """Whether an attempt to deliver a webhook about a generation has failed last."""
        deliveries = self._world.deliveries() if self._world else ()
        attempted = [each for each in deliveries if each.request_id == request_id and each.attempts]
        return any(not delivery.attempts[-1].succeeded for delivery in attempted)

    def refusal(self, refusal: Refusal, request: Request) -> Reply:
        """A refusal in the words of the policy."""
        realm = f"http://{request.header('host') or 'localhost'}{request.path}"
        answer = refusal_answer(refusal, self.policy, realm)
        more = ((b"content-length", str(len(answer.body)).encode()), (b"date", http_date(self.now)))
        return Reply(answer.status, (*answer.headers, *more), answer.body)

    def _generation(self, request_id: str) -> Generation | None:
        found = self._world.generation(request_id, self.now) if self._world else None
        return found if isinstance(found, Generation) else None
