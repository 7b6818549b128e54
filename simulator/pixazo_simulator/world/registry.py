"""The worlds of one server: which key opens which."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from functools import partial
from threading import RLock
from types import coroutine
from typing import Any, ParamSpec, TypeVar

import msgspec

from pixazo_simulator import spec
from pixazo_simulator.script import Rule, Script

from .clock import Clock, starting
from .commands import ChangeWorld, CloseWorld, RecordExchange
from .functions import WorldFunctions, seeded_random
from .journal import Exchange, Journal
from .world import Bounds, World

DEFAULT_KEY = "sim-key"
BRIEF_LIMIT = spec.RateLimit(1000, 2)
"""The limit of the key `sim-throttled-briefly`, used up when its world opens."""
KEPT_FREE = 0.1
"""The share of `most_worlds` that no key opens at first use: it is left for worlds that are created."""
T = TypeVar("T")
P = ParamSpec("P")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every world of a server starts with, its script too; the balance is in millionths of a US dollar.

    Its clock starts at `start`: `now`, an instant of RFC 3339, or None: a manual one at 2026-03-31T10:00:00Z, as on the vendor's
    page, any other one now.

    No world may send webhooks to other hosts than the `webhook_allow` of `policy`. Callers beyond loopback may use `/_sim` only with the
    `control_token`, which all callers must send where there is one, or when it is `control_open`; `control_hosts` are names besides
    those of loopback by which it may be called. `webhook_ca` is the path of a PEM file with authorities of https receivers.
    `log_requests` has every call of the gateway logged, not only those that are refused.
    """

    keys: tuple[str, ...] = (DEFAULT_KEY,)
    policy: spec.Policy = spec.PROFILES["documented"]
    clock: Callable[[], Clock] = Clock.manual
    start: str | None = None
    balance: int = spec.micros("100.00")
    seed: int = 0
    open_keys: bool = False
    magic: bool = True
    bounds: Bounds = Bounds()
    most_worlds: int = 10_000
    functions: WorldFunctions = WorldFunctions()
    script: tuple[Rule, ...] = ()
    control_token: str | None = None
    control_open: bool = False
    control_hosts: tuple[str, ...] = ()
    webhook_ca: str | None = None
    log_requests: bool = False


def check_key(key: str) -> None:
    """Raise ValueError with the remedy unless a header can carry the key as it is."""
    if not key.strip() or key != key.strip() or not key.isascii() or not key.isprintable():
        raise ValueError("the key cannot be sent as a header: use printable ASCII without outer spaces")


class Worlds:
    """Worlds by API key, a journal of the requests that matched none, and the video files that all of them serve, by name.

    Several threads may use them: whoever reads or changes them holds the `lock` (re-entrant) during that step, and never while it waits.
    """

    def __init__(self, settings: Settings, videos: Mapping[str, bytes] | None = None) -> None:
        self.lock = RLock()
        self.settings = settings
        self.videos = videos or {}
        self.script = Script()
        self.script.set(settings.script)
        self.unmatched = Journal(settings.bounds.journal)
        self._new_clock = starting(settings.clock, settings.start)
        self.clock = self._new_clock()
        self._worlds: dict[str, World] = {}
        self._former: OrderedDict[str, str] = OrderedDict()
        self._made = self._opened = self._forgotten = 0
        self.unavailable: str | None = None
        """Why what keeps these worlds cannot be used now, and the remedy; None: it can."""
        self.redactor = spec.Redactor([settings.control_token] if settings.control_token else [])
        for key in settings.keys:
            check_key(key)
            self.create(key)

    def in_steps(
        self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """Call a coroutine function, which then holds the lock whenever it runs, and releases it whenever it waits."""

        async def run() -> T:
            return await _in_steps(function(*args, **kwargs), self.lock)

        run.__qualname__ = function.__qualname__  # by which a server that stops names what did not end
        return run()

    def fresh_number(self) -> int:
        """A number never given before."""
        self._made += 1
        return self._made

    def fresh_key(self) -> str:
        """A key that opens no world yet; the same seed gives the same keys in the same order."""
        while True:
            key = f"sim-{seeded_random(self.settings.seed, 'world', self.fresh_number()).getrandbits(64):016x}"
            if key not in self._worlds:
                return key

    def create(
        self,
        key: str | None,
        *,
        policy: spec.Policy | None = None,
        clock: Clock | None = None,
        balance: int | None = None,
        seed: int | None = None,
        script: Script | None = None,
        name: str | None = None,
    ) -> World:
        """A new world for `key`, or for one that is made up; what is not given comes from the settings.

        Its draws depend on its `name`, if it has one, so that worlds of one name and seed are alike whatever their keys are; but of
        those that are open at the same time only one, since no two may have the same ids.
        Raises ValueError when the key has one already, or when there are as many as the bound `most_worlds` allows.
        """
        if key in self._worlds:
            raise ValueError("the key has a world already: delete it first, or choose another key")
        settings = self.settings
        if len(self) >= settings.most_worlds:
            raise ValueError(f"{settings.most_worlds} worlds are open already (setting most_worlds): delete one first")
        key = self.fresh_key() if key is None else key
        self._opened += 1
        if clock is None:
            clock = self._new_clock()
            if not clock.rate:  # as far on as the server's own, which moves when every world is advanced
                clock.advance_to(clock.start + self.clock.now() - self.clock.start)
        world = World(
            key,
            policy=policy or settings.policy,
            clock=clock,
            seed=settings.seed if seed is None else seed,
            balance=settings.balance if balance is None else balance,
            magic=settings.magic,
            bounds=settings.bounds,
            functions=settings.functions,
            redactor=self.redactor,
            rules=self.script.fork() if script is None else script,
            name=name,
            source=None if name is None or any(each.source == name for each in self._worlds.values()) else name,
            number=self._opened,
        )
        self._former.pop(key, None)
        self._worlds[key] = world
        self.redactor.add(key)
        return world

    def permitted(self, policy: spec.Policy) -> spec.Policy:
        """The policy, if it lets webhooks go only where those of this server may. Raises ValueError with the remedy."""
        limit = self.settings.policy.webhook_allow
        if beyond := [host for host in policy.webhook_allow if host not in limit]:
            raise ValueError(
                f"policy field webhook_allow: {', '.join(beyond)} is beyond the limit of this server, which is "
                f"{', '.join(limit) or 'loopback only'}: start it with --webhook-allow {beyond[0]} or Settings(policy=...), in pytest set pixazo_webhook_allow"
            )
        return policy

    def delete(self, key: str) -> World | None:
        """Forget a world; its key is unknown from now on, but for the name that the world had (see `former`)."""
        world = self._worlds.pop(key, None)
        if world:
            self._forgotten += world.accepted
            world.apply(CloseWorld(world.clock.now()))
            for each in (key, *(generation.request_id for generation in world.generations())) if world.name else ():
                self._former[each] = world.name or ""
            while len(self._former) > spec.MOST_REMEMBERED:
                self._former.popitem(last=False)
        return world

    def former(self, key: str) -> str | None:
        """The name of the deleted world that `key` opened, or whose generation had this request id; the last 10,000 are remembered."""
        return self._former.get(key)

    def missing(self, key: str, words: str) -> str:
        """That no world has a key, which is called so, and the remedy."""
        gone = f" (that of {former}, which had it, was deleted)" if (former := self.former(key)) else ""
        return f"no world has {words}{gone}: create one with POST /_sim/worlds"

    def get(self, key: str) -> World | None:
        """The world that `key` opened before."""
        return self._worlds.get(key)

    def find(self, key: str) -> World | None:
        """The world that `key` opens; magic keys, and any key of a server with open keys, open one at first use.

        The key of a deleted world with a name opens none: what still sends it is a remainder of what the world was for.
        """
        world, most = self._worlds.get(key), self.settings.most_worlds
        if world or not key.strip() or key in self._former or len(self) >= most - int(most * KEPT_FREE):
            return world
        if self.settings.magic and (kind := spec.read_key(key)):
            return self._magic(key, kind)
        return self.create(key) if self.settings.open_keys else None

    def _magic(self, key: str, kind: str) -> World:
        price = self.settings.policy.price.of("generate", spec.DEFAULT_DURATION, spec.DEFAULT_RESOLUTION)
        balances = {"sim-empty-wallet": 0, "sim-one-video": price, "sim-two-videos": 2 * price}
        world = self.create(key, balance=balances.get(kind))
        limits = {"sim-throttled": spec.RateLimit(0, 1), "sim-throttled-briefly": BRIEF_LIMIT}
        world.apply(
            ChangeWorld(
                world.clock.now(),
                policy=msgspec.structs.replace(world.policy, rate_limit=limits[kind]) if kind in limits else None,
                suspended=kind == "sim-suspended",
                broken=kind == "sim-broken",
                model_enabled=kind != "sim-disabled-model",
                exhausted=kind == "sim-throttled-briefly",
            )
        )
        return world

    def holder(self, identity: str) -> World | None:
        """The world that has accepted the generation with this request id."""
        return next((world for world in self._worlds.values() if world.generation_of(identity)), None)

    def record(self, world: World | None, exchange: Exchange, header_bytes: int | None) -> None:
        """Enter an exchange in the journal of the world that the request reached, None: of the requests that matched none."""
        if world:
            world.apply(RecordExchange(exchange.at, exchange, header_bytes))
        else:
            self.unmatched.record(exchange, header_bytes)

    def reader_of(self, identity: str) -> World | None:
        """The world in which the generation with this request id can be read now, by that world's own clock."""
        world = self.holder(identity)
        return world if world and world.readable(identity, world.clock.now()) else None

    @property
    def generations(self) -> int:
        """How many generations all worlds have accepted, those that were deleted, too."""
        return self._forgotten + sum(world.accepted for world in self)

    def __iter__(self) -> Iterator[World]:
        return iter(tuple(self._worlds.values()))

    def __len__(self) -> int:
        return len(self._worlds)


@coroutine
def _in_steps(work: Coroutine[Any, Any, T], lock: RLock) -> Generator[Any, Any, T]:
    step: Callable[[], Any] = partial(work.send, None)
    while True:
        with lock:
            try:
                awaited = step()
            except StopIteration as end:
                result: T = end.value
                return result
        try:
            step = partial(work.send, (yield awaited))
        except BaseException as error:  # noqa: BLE001 - such as a cancellation: it is for the coroutine
            step = partial(work.throw, error)


class Forks(Worlds):
    """The worlds of a server as they are now, each forked when it is first looked up.

    Whatever happens to the forks, the real worlds stay as they are, and none is opened among them.
    """

    def __init__(self, real: Worlds) -> None:
        super().__init__(msgspec.structs.replace(real.settings, keys=(), script=()), real.videos)
        self.script = real.script
        self.redactor = spec.Redactor(parent=real.redactor)
        self.unmatched, self.clock = real.unmatched.fork(), Clock.manual(real.clock.now())
        self._former = real._former  # noqa: SLF001 - of the same class
        self._real = real

    def find(self, key: str) -> World | None:
        """The fork of the world that `key` opens, or a world that it would open at first use."""
        if key not in self._worlds and (real := self._real.get(key)):
            self._worlds[key] = real.fork_at(real.clock.now())
        return super().find(key)

    def holder(self, identity: str) -> World | None:
        """The fork of the world that has accepted the generation; no other world is forked for the search."""
        real = self._real.holder(identity)
        return self.find(real.key) if real else None

    def __iter__(self) -> Iterator[World]:
        for real in self._real:
            self.find(real.key)
        return super().__iter__()

    def __len__(self) -> int:
        return len(self._real)
