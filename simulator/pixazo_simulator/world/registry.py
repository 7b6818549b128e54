"""The worlds of one server: which key opens which."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from threading import RLock
from types import MappingProxyType, coroutine
from typing import Any, ClassVar, Literal, ParamSpec, TypeVar

import msgspec

from pixazo_simulator import spec
from pixazo_simulator.script import Rule, Script, plain_rules

from . import commands
from .account import Account, Ledger
from .clock import Begun, Clock, StoredTime, real_date, starting
from .commands import ChangeWorld, Command, CommandLog, CreateWorld, RecordExchange, ServerCommand
from .generations import Bounds, WorldFunctions, seeded_random
from .journal import Exchange, Journal
from .part import Part, Row, restore, rows
from .world import World

__all__ = ["DEFAULT_KEY", "Forks", "KeyTakenError", "Settings", "Worlds", "check_key", "operations_by_name"]

DEFAULT_KEY = "sim-key"
BRIEF_LIMIT = spec.RateLimit(1000, 2)
"""The limit of the key `sim-throttled-briefly`, used up when its world opens."""
KEPT_FREE = 0.1
"""The share of `most_worlds` that keys cannot open at first use: it is reserved for worlds that are created."""
T = TypeVar("T")
P = ParamSpec("P")


class KeyTakenError(ValueError):
    """The key of a new world opens another one."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every world of a server starts with, including its script; the balance is in millionths of a US dollar.

    Its clock starts at `start`: `now`, an RFC 3339 instant, or None: a manual one at 2026-03-31T10:00:00Z, as on the vendor's
    page, any other one now.

    Worlds may send webhooks only to the hosts in `webhook_allow` of `policy`. Callers beyond loopback may use `/_sim` only with the
    `control_token`, which all callers must send if there is one, or if it is `control_open`; `control_hosts` are names besides
    those of loopback under which it may be called. `webhook_ca` is the path of a PEM file with authorities of https receivers.
    `models` are operations besides the page's two. `log_requests` logs every call of the gateway, not only refused ones.
    `scheme` is that of its port, which the simulator sets itself.
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
    models: tuple[spec.Operation, ...] = ()
    control_token: str | None = None
    control_open: bool = False
    control_hosts: tuple[str, ...] = ()
    webhook_ca: str | None = None
    log_requests: bool = False
    scheme: Literal["http", "https"] = "http"

    def __post_init__(self) -> None:
        """Raise TypeError for one string in place of several: each of its letters would be a key, or a host."""
        for name in ("keys", "control_hosts"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name} is one string: give a tuple of strings")


class SavedServer(msgspec.Struct, frozen=True):
    """What is kept besides worlds: their numbers, former keys, counts, the latest instant, the latest change of settings."""

    worlds: tuple[int, ...]
    former: dict[str, str]
    made: int
    opened: int
    latest: int
    changed: commands.ChangeSettings | None = None


def operations_by_name(models: Iterable[spec.Operation]) -> Mapping[str, spec.Operation]:
    """The page's operations and these by name. Raises ValueError with the remedy where two have one path."""
    found = dict(spec.OPERATIONS)
    paths = {each.path: each for each in found.values()}
    for each in models:
        if (other := paths.get(each.path) or found.get(each.name)) is not None:
            raise ValueError(
                f"model {each.model}: POST {each.path} is also in model {other.model}: serve one of the two"
            )
        is_taken = (endpoint := spec.classify("POST", each.path)).name is not None or endpoint == spec.Unrouted("GET")
        if is_taken or each.path.startswith(spec.CONTROL_PREFIX):
            raise ValueError(f"model {each.model}: path {each.path} is a route of the gateway itself: give another")
        paths[each.path] = found[each.name] = each
    return MappingProxyType(found)  # forks of worlds share it


def check_key(key: str, name: str = "the key") -> str:
    """The key, if a header can carry it as it is. Raises ValueError with the remedy, which calls it by this name."""
    if not key.strip() or key != key.strip() or not key.isascii() or not key.isprintable():
        raise ValueError(f"{name} cannot be sent as a header: use printable ASCII without leading or trailing spaces")
    return key


class Worlds:
    """Worlds by API key, a journal of the requests that matched none, and the video files that all of them serve, by name.

    Several threads may use them: a thread that reads or changes them holds the `lock` (re-entrant) during that step, and never while it waits.

    Where a log keeps the commands, `begun` says when they began: then everything that happens is a command that the log carries out
    (`apply`, `perform`), and clocks use the time at which it was logged.
    """

    def __init__(
        self, settings: Settings, videos: Mapping[str, bytes] | None = None, begun: Begun | None = None
    ) -> None:
        self.lock = RLock()
        self.log: CommandLog | None = None
        self.begun, self.time = begun, StoredTime() if begun else None
        self.settings = settings
        self.videos = videos or {}
        self.operations = operations_by_name(settings.models)
        self.script = self._script(settings.script)
        self.unmatched = Journal(settings.bounds.journal)
        if begun and self.time:
            self._new_clock = Clock(begun.start, settings.clock().rate, self.time, begun.at / spec.SECOND).fork
        else:
            self._new_clock = starting(settings.clock, settings.start)
        self.clock = self._new_clock()
        self._worlds: dict[str, World] = {}
        self._numbered: dict[int, World] = {}
        self._sources: dict[str, int] = {}
        """How many worlds draw from a source."""
        self._former: OrderedDict[str, str] = OrderedDict()
        self._made = self._opened = self._forgotten = 0
        self._changed: commands.ChangeSettings | None = None
        self.redactor = spec.Redactor([settings.control_token] if settings.control_token else [])
        for key in settings.keys:
            check_key(key)
        if begun is None:
            self.create_first()

    def create_first(self) -> None:
        """Create the worlds of the keys of the settings; where there is a log, its reader does this, if it has no state."""
        if self.time and self.begun:
            self.time.command = self.time.latest = self.begun.at
        for key in self.settings.keys:
            self.create(CreateWorld(key=key))
        if self.time:
            self.time.command = None

    def now(self) -> int:
        """The present instant of real time (UTC milliseconds); while a command is carried out, that at which it was logged."""
        return int(real_date() * spec.SECOND) if self.time is None else int(self.time() * spec.SECOND)

    def _clock(self, start: int = 0, rate: float = 0) -> Clock:
        return Clock(start, rate, self.time) if self.time else Clock(start, rate)

    def _script(self, rules: tuple[Rule, ...]) -> Script:
        script = Script(operations=self.operations)
        script.set(rules)
        return script

    async def apply(self, world: World, command: Command[T]) -> T:
        """Carry out a command for a world, through the log if there is one, and return its outcome.

        Raises what the command raises, and StateUnavailableError.
        """
        if self.log is None:
            return world.apply(command)
        outcome: T = await self.log.append(world, command)
        return outcome

    async def perform(self, command: ServerCommand[T]) -> T:
        """The same for a command of the server."""
        if self.log is None:
            return self.carry_out(command)
        outcome: T = await self.log.append(None, command)
        return outcome

    async def opened(self, key: str) -> World | None:
        """The world that a key opens, also where only other processes know it, or where it must be agreed with them."""
        if self.log is None:
            return self.find(key)
        if (world := self.get(key)) is None:
            await self.log.catch_up()
            world = self.get(key)
        return await self.perform(commands.OpenWorld(key=key)) if world is None and self._opens(key) else world

    def carry_out(self, command: ServerCommand[T]) -> T:
        """Carry out a command of the server and return its outcome, whose type its class names."""
        outcome: T = self._CARRY_OUT[type(command)](self, command)
        return outcome

    def _change_settings(self, command: commands.ChangeSettings) -> None:
        self.script, self._changed = self._script(command.rules), command
        self.settings = msgspec.structs.replace(self.settings, policy=command.policy, script=command.rules)

    async def follow(self, policy: spec.Policy, rules: tuple[Rule, ...]) -> int:
        """Set the policy and rules of later worlds, and of those that have their original ones; returns how many worlds changed.

        Raises ValueError for rules that are refused: then nothing has changed.
        """
        before, rules = self.settings, plain_rules(rules)
        originals = before.script, plain_rules(before.script)
        await self.perform(commands.ChangeSettings(policy=policy, rules=rules))
        changed = set[int]()
        for world in [*self]:
            now = world.clock.now()
            if rules not in originals and tuple(entry.rule for entry in world.script.listed()) in originals:
                await self.apply(world, commands.SetRules(now, rules))
                changed.add(world.number)
            if policy != before.policy and world.policy == before.policy:
                await self.apply(world, ChangeWorld(now, policy=policy))
                changed.add(world.number)
        return len(changed)

    def _advance(self, command: commands.AdvanceServer) -> list[int]:
        self.clock.advance_to(self.clock.now() + command.milliseconds)
        idly = commands.AdvanceIdly(0, command.milliseconds, command.most)
        others = (world for world in self if world.number != command.but)
        return [world.number for world in others if world.apply(idly) is None]

    def _create(self, command: CreateWorld) -> tuple[World, list[str]]:
        world = self.create(command)
        world.account.images = dict(command.images)
        if not command.generations:
            return world, []
        try:
            begun = world.apply(commands.BeginWithGenerations(world.clock.now(), command.generations, command.origin))
        except ValueError:
            self.delete(world.key)
            raise
        return world, begun

    def in_steps(
        self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """Call a coroutine function, which then holds the lock whenever it runs, and releases it whenever it waits."""

        async def run() -> T:
            return await _in_steps(function(*args, **kwargs), self.lock)

        run.__qualname__ = function.__qualname__  # a server that stops uses it to name what did not end
        return run()

    def fresh_number(self) -> int:
        self._made += 1
        return self._made

    def fresh_key(self) -> str:
        """A key that opens no world yet; the same seed gives the same keys in the same order."""
        while True:
            key = f"sim-{seeded_random(self.settings.seed, 'world', self.fresh_number()).getrandbits(64):016x}"
            if key not in self._worlds:
                return key

    def create(self, wanted: CreateWorld) -> World:
        """A new world for a key, or for a generated one, without images and generations; what is not given comes from the settings.

        Its draws depend on its `name`, if it has one, so worlds with one name and seed are alike whatever their keys are; but of
        those that are open at the same time only one does this, since no two may have the same ids. Raises KeyTakenError when the
        key has a world, and ValueError beyond `most_worlds`.
        """
        script = self.script.fork() if wanted.rules is None else self._script(wanted.rules)
        if wanted.key in self._worlds:
            raise KeyTakenError("the key has a world already: delete it first, or choose another key")
        settings, name = self.settings, wanted.name
        seed = settings.seed if wanted.seed is None else wanted.seed
        if not -(2**63) <= seed < 2**64:  # MessagePack, as which worlds are saved, has no longer ones
            raise ValueError("the seed has more than 64 bits: give a number nearer to 0")
        if len(self) >= settings.most_worlds:
            raise ValueError(f"{settings.most_worlds} worlds are open already (setting most_worlds): delete one first")
        key = self.fresh_key() if wanted.key is None else wanted.key
        self._opened += 1
        if wanted.clock is not None:
            rate, start = wanted.clock
            clock = self._clock(start, rate)
        else:
            clock = self._new_clock()
            if not clock.rate:  # as far advanced as the server's own, which moves when every world is advanced
                clock.advance_to(clock.start + self.clock.now() - self.clock.start)
        balance = settings.balance if wanted.balance is None else wanted.balance
        policy = wanted.policy or settings.policy
        source = "" if name is None or name in self._sources else name
        world = self._made_world(
            key, clock, balance, policy=policy, seed=seed, script=script, name=name, source=source, number=self._opened
        )
        self._former.pop(key, None)
        self._enter(world)
        return world

    def _made_world(self, key: str, clock: Clock, balance: int, **members: Any) -> World:
        magic, bounds, functions = self.settings.magic, self.settings.bounds, self.settings.functions
        account = Account(Ledger.opened(balance, clock.now()), magic, functions.affords)
        return World(
            key=key, clock=clock, account=account, bounds=bounds, functions=functions, redactor=self.redactor,
            operations=self.operations, **members,
        )  # fmt: skip

    def _enter(self, world: World) -> None:
        self._worlds[world.key] = self._numbered[world.number] = world
        spec.count_by(self._sources, world.source, 1)
        self.redactor.add(world.key)

    def _adopt(self, command: commands.AdoptWorld) -> World:
        world = self.create(CreateWorld(key=command.key or self.fresh_key(), clock=(0, 0), name=command.name))
        key, number = world.key, world.number
        spec.count_by(self._sources, world.source, -1)
        try:
            restore(world, command.state)
            world.begin_anew(key, number, command.name)
            self._check(world)
        except Exception:
            del self._worlds[key], self._numbered[number]
            self.redactor.forget(key)
            raise
        spec.count_by(self._sources, world.source, 1)
        return world

    def _check(self, world: World) -> None:
        """Raise ValueError with the remedy for the state of a world that could not have come about here."""
        self.permitted(world.policy).check()
        self._script(tuple(each.rule for each in world.script.listed()))
        if not (0 <= world.clock.rate < float("inf") and 0 <= world.clock.now() <= spec.LAST_INSTANT):
            raise ValueError("the clock of the log reads no instant of the years 1970 to 9999: export the world again")
        for each in world.generations():
            if each.operation not in self.operations:
                raise ValueError(f"operation {spec.unknown_operation(each.operation, self.operations)}")
        for delivery in world.deliveries():
            is_known = world.generation_of(delivery.request_id) is not None
            if problem := spec.url_problem(delivery.url) if is_known else "its generation is missing":
                raise ValueError(f"webhook {delivery.number} of the log: {problem}: export the world again")

    def saved(self) -> Iterator[Row]:
        """The state of all worlds as it is now, as rows; any thread may take them, while others change the worlds."""
        parts: dict[str, Part] = {str(world.number): world.fork() for world in self._worlds.values()}
        parts |= {"clock": self.clock.fork(), "unmatched": self.unmatched.fork()}
        latest = self.time.latest if self.time else 0
        server = SavedServer(tuple(self._numbered), dict(self._former), self._made, self._opened, latest, self._changed)
        others = (Row(f"{name}.{path}", data) for name, part in parts.items() for path, data in rows(part))
        return chain([Row("", msgspec.msgpack.encode(server))], others)

    def restore(self, saved: Iterable[Row]) -> None:
        """Restore the state in the rows where there is no world yet. Raises ValueError for rows that are not such a state."""
        by_part: dict[str, list[Row]] = {}
        for path, data in saved:
            name, _, rest = path.partition(".")
            by_part.setdefault(name, []).append(Row(rest, data))
        try:
            ((_, data),) = by_part.pop("")
            server = msgspec.msgpack.decode(data, type=SavedServer)
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            raise ValueError(f"this is not the state of a server: {type(error).__name__} {error}") from None
        if server.changed:
            self._change_settings(server.changed)
        restore(self.clock, by_part.pop("clock", ()))
        restore(self.unmatched, by_part.pop("unmatched", ()))
        self._former, self._made, self._opened = OrderedDict(server.former), server.made, server.opened
        if self.time:
            self.time.latest = server.latest
        for number in server.worlds:
            world = self._made_world("", self._clock(), 0, policy=self.settings.policy, seed=0, script=self._script(()))
            restore(world, by_part.pop(str(number), ()))
            world.redact()
            self._enter(world)

    def permitted(self, policy: spec.Policy) -> spec.Policy:
        """The policy, if it sends webhooks only where this server may send them. Raises ValueError with the remedy."""
        limit = self.settings.policy.webhook_allow
        if beyond := [host for host in policy.webhook_allow if host not in limit]:
            raise ValueError(
                f"policy field webhook_allow: {', '.join(beyond)} is beyond the limit of this server, which is "
                f"{', '.join(limit) or 'loopback only'}: start it with --webhook-allow {beyond[0]} or Settings(policy=...), in pytest set pixazo_webhook_allow"
            )
        return policy

    def delete(self, key: str) -> None:
        """Forget a world; its key is unknown from now on, except for the name of the world (see `former`)."""
        if (world := self._worlds.pop(key, None)) is None:
            return
        del self._numbered[world.number]
        spec.count_by(self._sources, world.source, -1)
        self._forgotten += world.accepted
        world.close()
        if world.name:
            for each in (key, *(generation.request_id for generation in world.generations())):
                self._former[each] = world.name
        while len(self._former) > spec.MOST_REMEMBERED:
            self._former.popitem(last=False)

    def former(self, key: str) -> str | None:
        """The name of the deleted world that `key` opened, or whose generation had this request id; the last 10,000 are remembered."""
        return self._former.get(key)

    def missing(self, key: str, words: str) -> str:
        """The message that no world has a key, described by `words`, with the remedy."""
        gone = f" (that of {former}, which had it, was deleted)" if (former := self.former(key)) else ""
        return f"no world has {words}{gone}: create one with POST /_sim/worlds"

    def numbered(self, number: int) -> World | None:
        """The world with this number, as long as it exists."""
        return self._numbered.get(number)

    def get(self, key: str) -> World | None:
        """The world that `key` has already opened."""
        return self._worlds.get(key)

    def find(self, key: str) -> World | None:
        """The world that `key` opens; magic keys, and any key of a server with open keys, open one at first use.

        The key of a deleted world with a name opens none: whatever still sends it is left over from the test of that world.
        """
        world = self._worlds.get(key)
        # Where there is a log only a command opens a world.
        if world or not self._opens(key) or (self.time and self.time.command is None):
            return world
        kind = spec.read_key(key) if self.settings.magic else None
        return self._magic(key, kind) if kind else self.create(CreateWorld(key=key))

    def _opens(self, key: str) -> bool:
        """Whether a key that opens no world yet opens one at first use."""
        most = self.settings.most_worlds
        if not key.strip() or key in self._former or len(self) >= most - int(most * KEPT_FREE):
            return False
        return self.settings.open_keys or (self.settings.magic and spec.read_key(key) is not None)

    def _magic(self, key: str, kind: str) -> World:
        price = self.settings.policy.price.of(spec.TEXT_TO_VIDEO.name, spec.DEFAULT_DURATION, spec.DEFAULT_RESOLUTION)
        balances = {"sim-empty-wallet": 0, "sim-one-video": price, "sim-two-videos": 2 * price}
        world = self.create(CreateWorld(key=key, balance=balances.get(kind)))
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
        for world in self._worlds.values():  # there may be 10,000, so none is called
            if identity in world._generations:  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
                return world
        return None

    def record(self, world: World | None, exchange: Exchange, header_bytes: int | None) -> int:
        """Enter an exchange in the journal of the world that it reached (None: of requests for none); returns its number."""
        if world:
            return world.apply(RecordExchange(exchange.at, exchange, header_bytes))
        self.unmatched.record(exchange, header_bytes)
        return self.unmatched.total

    def reader_of(self, identity: str) -> World | None:
        """The world in which the generation with this request id can be read now, by that world's own clock."""
        world = self.holder(identity)
        return world if world and world.readable(identity, world.clock.now()) else None

    @property
    def generations(self) -> int:
        """How many generations all worlds have accepted, including deleted ones."""
        return self._forgotten + sum(world.accepted for world in self)

    def __iter__(self) -> Iterator[World]:
        return iter(tuple(self._worlds.values()))

    def __len__(self) -> int:
        return len(self._worlds)

    # A table, not a method of each command: commands are values, which a log keeps, and know no world.
    _CARRY_OUT: ClassVar[Mapping[type[Any], Callable[[Any, Any], Any]]] = {
        CreateWorld: _create,
        commands.OpenWorld: lambda worlds, command: worlds.find(command.key),
        commands.AdoptWorld: _adopt,
        commands.DeleteWorld: lambda worlds, command: worlds.delete(command.key),
        commands.AdvanceServer: _advance,
        commands.ChangeSettings: _change_settings,
        commands.TakeNumber: lambda worlds, _: worlds.fresh_number(),
    }


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
        except GeneratorExit:  # nothing awaits it; garbage collection may have closed the coroutine before
            with lock:
                work.close()
            raise
        except BaseException as error:  # noqa: BLE001 - such as a cancellation: it is for the coroutine
            step = partial(work.throw, error)


class Forks(Worlds):
    """The worlds of a server as they are now, each forked when it is first looked up, so the real ones never change."""

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
