"""Our own routes under /_sim: worlds, clock, wallet, ledger, journal, deliveries, health."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .clock import LAST_INSTANT, SECOND, clock_factory
from .courier import Courier
from .doors import Doors
from .image import ImageFacts
from .invitation import INVITATION_PATH, invitation
from .journal import Exchange, Journal
from .ledger import micros
from .policy import PROFILES, Policy, nearest
from .script import MOST_RULES, Rule, Script
from .told import told_delivery, told_entry, told_exchange, told_fallen, told_generation, told_world
from .wire import KEY_HEADER, timestamp
from .world import World
from .worlds import Worlds

__all__ = ["Control"]

T = TypeVar("T", bound=msgspec.Struct)

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of a control request."""
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
MOST_LISTED = 1000
"""Exchanges, entries or deliveries in one answer, unless `limit` asks for fewer."""

Scalar = str | int | float | bool | list[Any]


class NewWorld(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/worlds`; what is left out comes from the server's own settings."""

    key: str | UnsetType = UNSET
    balance: str | UnsetType = UNSET
    profile: str | UnsetType = UNSET
    policy: dict[str, Scalar] = {}
    clock: str | UnsetType = UNSET
    seed: int | UnsetType = UNSET
    images: dict[str, ImageFacts] = {}
    script: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=MOST_RULES)] = ()


class NewScript(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `PUT /_sim/script`."""

    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=MOST_RULES)]


class WorldChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `PATCH /_sim/world`; what is left out stays."""

    balance: str | UnsetType = UNSET
    policy: dict[str, Scalar] = {}
    suspended: bool | UnsetType = UNSET
    model_enabled: bool | UnsetType = UNSET
    images: dict[str, ImageFacts] | UnsetType = UNSET


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/clock/advance`."""

    seconds: float


class NewDoor(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /_sim/doors`: the host names that are hard-coded in the app under test."""

    hosts: list[str]


class ControlError(Exception):
    """A control request that cannot be carried out: HTTP status, and what to do instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The control routes over the worlds of one server."""

    def __init__(self, worlds: Worlds, courier: Courier, doors: Doors) -> None:
        self._worlds = worlds
        self._courier = courier
        self._doors = doors

    def routes(self) -> list[Route]:
        """The route table; every route answers JSON."""
        table: list[tuple[str, str, Callable[[Request], Awaitable[tuple[int, Any]]]]] = [
            ("/_sim/health", "GET", self.health),
            ("/_sim/worlds", "POST", self.create_world),
            ("/_sim/world", "GET", self.read_world),
            ("/_sim/world", "PATCH", self.change_world),
            ("/_sim/world", "DELETE", self.delete_world),
            ("/_sim/clock", "GET", self.read_clock),
            ("/_sim/clock/advance", "POST", self.advance_clock),
            ("/_sim/ledger", "GET", self.read_ledger),
            ("/_sim/generations", "GET", self.read_generations),
            ("/_sim/journal", "GET", self.read_journal),
            ("/_sim/lobby", "GET", self.read_lobby),
            ("/_sim/deliveries", "GET", self.read_deliveries),
            ("/_sim/script", "GET", self.read_script),
            ("/_sim/script", "PUT", self.set_script),
            ("/_sim/script", "DELETE", self.clear_script),
            ("/_sim/script/rules", "POST", self.add_rule),
            ("/_sim/script/rules/{number:int}", "PUT", self.replace_rule),
            ("/_sim/script/rules/{number:int}", "DELETE", self.remove_rule),
            ("/_sim/doors", "POST", self.open_door),
            ("/_sim/doors/{door}", "DELETE", self.close_door),
        ]
        routes = [Route(path, _json(endpoint), methods=[method]) for path, method, endpoint in table]
        unknown = _json(_unknown_route(tuple(dict.fromkeys(f"{method} {path}" for path, method, _ in table))))
        invitation = Route(INVITATION_PATH, _json(self.invite), methods=["GET"])
        return [*routes, Route("/_sim{rest:path}", unknown, methods=list(_METHODS)), invitation]

    async def health(self, _: Request) -> tuple[int, Any]:
        """Whether the server answers, and how many worlds it holds."""
        return 200, {"status": "ok", "worlds": len(self._worlds)}

    async def invite(self, _: Request) -> tuple[int, Any]:
        """What a contract suite needs to know to judge more: accounts, prompts, capabilities."""
        if not self._worlds.settings.magic:
            raise ControlError(404, "this simulator knows no magic keys or prompts: start it without --no-magic")
        return 200, invitation(self._worlds.fresh_number())

    async def create_world(self, request: Request) -> tuple[int, Any]:
        """Open a world for a key, which is made up when none is given."""
        wish = await _body(request, NewWorld)
        key = self._worlds.fresh_key() if wish.key is UNSET else wish.key
        if not key.strip() or key != key.strip() or not key.isascii() or not key.isprintable():
            raise ControlError(400, f"key {key!r} cannot be sent as a header: use printable ASCII without outer spaces")
        with _readable():
            world = self._worlds.create(
                key,
                policy=_policy(wish, self._worlds.settings.policy),
                clock=None if wish.clock is UNSET else clock_factory(wish.clock)(),
                balance=None if wish.balance is UNSET else micros(wish.balance),
                seed=None if wish.seed is UNSET else wish.seed,
            )
        world.standing.images = wish.images
        for rule in wish.script:
            world.script.add(rule)
        return 201, {"key": key} | told_world(world)

    async def read_world(self, request: Request) -> tuple[int, Any]:
        """The world of the caller."""
        return 200, told_world(self._world(request))

    async def change_world(self, request: Request) -> tuple[int, Any]:
        """Change balance, policy or switches; nothing changes when one of the wishes is wrong."""
        world, wish = self._world(request), await _body(request, WorldChange)
        with _readable():
            policy = world.policy.changed(wish.policy)
            balance = None if wish.balance is UNSET else micros(wish.balance)
        world.set_policy(policy)
        if balance is not None:
            world.standing.ledger.adjust(world.clock.now(), balance)
        if wish.suspended is not UNSET:
            world.standing.suspended = wish.suspended
        if wish.model_enabled is not UNSET:
            world.standing.model_enabled = wish.model_enabled
        if wish.images is not UNSET:
            world.standing.images = wish.images
        return 200, told_world(world)

    async def delete_world(self, request: Request) -> tuple[int, Any]:
        """Forget the world of the caller and close its doors."""
        world = self._world(request)
        self._worlds.delete(world.key)
        await self._doors.close_all(world)
        return 200, {"deleted": True}

    async def read_clock(self, request: Request) -> tuple[int, Any]:
        """What time it is in the world of the caller."""
        clock = self._world(request).clock
        return 200, {"now": timestamp(clock.now()), "clock": str(clock)}

    async def advance_clock(self, request: Request) -> tuple[int, Any]:
        """Let time pass and tell what fell due; callbacks that fell due have been attempted when this answers."""
        world, wish = self._world(request), await _body(request, Advance)
        left = (LAST_INSTANT - world.clock.now()) / SECOND
        if not 0 <= wish.seconds <= left:
            raise ControlError(
                400, f"seconds {wish.seconds:g} is not a number from 0 to {left:.0f}: a clock is never turned back"
            )
        fallen = await self._courier.advance(world, round(wish.seconds * SECOND))
        return 200, {
            "now": timestamp(world.clock.now()),
            "events": [told_fallen(world, each) for each in fallen],
        }

    async def read_ledger(self, request: Request) -> tuple[int, Any]:
        """The balance and the latest entries that it folds from."""
        world, ledger = self._world(request), self._world(request).standing.ledger
        entries = ledger.entries(world.clock.now())
        listed = [told_entry(entry) for entry in entries[-_limit(request) :]]
        return 200, {"balance": told_world(world)["balance"], "total": len(entries), "entries": listed}

    async def read_generations(self, request: Request) -> tuple[int, Any]:
        """The latest generations and their statuses."""
        world = self._world(request)
        generations = world.generations()
        listed = [told_generation(world, each) for each in generations[-_limit(request) :]]
        return 200, {"total": len(generations), "generations": listed}

    async def read_journal(self, request: Request) -> tuple[int, Any]:
        """The latest exchanges; `method`, `path` (a part of the target), `status` and `after` (a number) filter them."""
        world = self._world(request)
        return 200, _told_journal(request, world.journal, *world.secrets)

    async def read_lobby(self, request: Request) -> tuple[int, Any]:
        """The calls that reached no world, such as those with an unknown key."""
        return 200, _told_journal(request, self._worlds.lobby)

    async def read_script(self, request: Request) -> tuple[int, Any]:
        """The rules, and how often each of their steps was used."""
        return 200, _told_script(self._world(request).script)

    async def set_script(self, request: Request) -> tuple[int, Any]:
        """Other rules in the place of all that there are."""
        script, wish = self._world(request).script, await _body(request, NewScript)
        script.clear()
        for rule in wish.rules:
            script.add(rule)
        return 200, _told_script(script)

    async def clear_script(self, request: Request) -> tuple[int, Any]:
        """Forget every rule."""
        self._world(request).script.clear()
        return 200, {"deleted": True}

    async def add_rule(self, request: Request) -> tuple[int, Any]:
        """Append a rule."""
        script, rule = self._world(request).script, await _body(request, Rule)
        with _readable():
            return 201, {"number": script.add(rule)}

    async def replace_rule(self, request: Request) -> tuple[int, Any]:
        """Another rule in the place of one."""
        script, rule, number = self._world(request).script, await _body(request, Rule), request.path_params["number"]
        if number not in script.rules():
            raise ControlError(404, f"no rule has the number {number}: GET /_sim/script lists them")
        script.replace(number, rule)
        return 200, {"number": number}

    async def remove_rule(self, request: Request) -> tuple[int, Any]:
        """Forget one rule."""
        script, number = self._world(request).script, request.path_params["number"]
        if number not in script.rules():
            raise ControlError(404, f"no rule has the number {number}: GET /_sim/script lists them")
        script.remove(number)
        return 200, {"deleted": True}

    async def read_deliveries(self, request: Request) -> tuple[int, Any]:
        """The latest callbacks, delivered or pending, with every attempt."""
        world = self._world(request)
        deliveries = world.deliveries()
        listed = [told_delivery(world, each) for each in deliveries[-_limit(request) :]]
        return 200, {"total": len(deliveries), "deliveries": listed}

    async def open_door(self, request: Request) -> tuple[int, Any]:
        """Open a TLS port that leads into the world of the caller, with a certificate for the hosts asked for."""
        world, wish = self._world(request), await _body(request, NewDoor)
        with _readable():
            door = await self._doors.open(world, wish.hosts)
        return 201, {"door": door.name, "port": door.port, "ca_pem": door.ca_pem}

    async def close_door(self, request: Request) -> tuple[int, Any]:
        """Close a door of the caller's world and reset the connections through it."""
        name = request.path_params["door"]
        if not await self._doors.close(self._world(request), name):
            raise ControlError(404, f"this world has no door {name[:40]!r}: open one with POST /_sim/doors")
        return 200, {"closed": True}

    def _world(self, request: Request) -> World:
        key = request.headers.get(KEY_HEADER, "").strip()
        if not key:
            raise ControlError(401, f"no world named: send its key in the header {KEY_HEADER}")
        world = self._worlds.find(key)
        if world is None:
            raise ControlError(404, "no world has this key: create one with POST /_sim/worlds")
        return world


def _told_script(script: Script) -> Any:
    return {
        "rules": [
            {"number": number, "label": f"rule {number}: {rule}", "rule": rule.told(), "used": used}
            for number, (rule, used) in script.rules().items()
        ]
    }


def _told_journal(request: Request, journal: Journal, *keys: str) -> Any:
    keep, limit = _filter(request), _limit(request)
    found = [exchange for exchange in journal if keep(exchange)]
    found = found[:limit] if "after" in request.query_params else found[-limit:]
    listed = [told_exchange(exchange, *keys) for exchange in found]
    return {"total": journal.total, "dropped": journal.dropped, "exchanges": listed}


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class _readable:  # noqa: N801 - reads as a phrase where it is used
    """Turns the ValueError of a reader into an answer."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, ValueError):
            raise ControlError(400, str(error)) from None


def _json(endpoint: Callable[[Request], Awaitable[tuple[int, Any]]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            _guard(request)
            status, told = await endpoint(request)
        except ControlError as error:
            status, told = error.status, {"error": "Control request refused", "message": str(error)}
        return Response(msgspec.json.encode(told), status, media_type="application/json")

    return answer


def _guard(request: Request) -> None:
    """Answer only loopback names, so that no web page reaches us by DNS rebinding or a request across sites."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if not _is_loopback_name(host):
        raise ControlError(403, f"Host {host[:80]!r} is not a loopback name: call /_sim as localhost or 127.0.0.1")
    if origin is not None and not _is_loopback_name(origin.partition("://")[2]):
        raise ControlError(
            403, f"Origin {origin[:80]!r} is not a loopback name: call /_sim from a page of this machine"
        )


def _is_loopback_name(host: str) -> bool:
    name, _, port = host.lower().rpartition(":")
    return (name if port.isdigit() else host.lower()) in _LOOPBACK_NAMES


def _unknown_route(known: tuple[str, ...]) -> Callable[[Request], Awaitable[tuple[int, Any]]]:
    async def refuse(request: Request) -> tuple[int, Any]:
        asked = f"{request.method} {request.url.path}"
        raise ControlError(
            404, f"{asked[:120]} is no control route{nearest(asked, known)}: known are {', '.join(known)}"
        )

    return refuse


async def _body(request: Request, shape: type[T]) -> T:
    """The body as `shape`; an unknown member is refused with the nearest known name."""
    taken = bytearray()
    async for chunk in request.stream():
        taken += chunk
        if len(taken) > BODY_LIMIT:
            raise ControlError(413, f"the body is larger than {BODY_LIMIT} bytes")
    try:
        return msgspec.json.decode(bytes(taken) or b"{}", type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ControlError(400, f"the body does not fit: {_hint(str(error), shape)}") from None


def _hint(message: str, shape: type[msgspec.Struct]) -> str:
    known = shape.__struct_fields__
    _, found, rest = message.partition("unknown field `")
    near = nearest(rest.partition("`")[0], known) if found else ""
    return f"{message}{near}; known members are {', '.join(known)}"


def _policy(wish: NewWorld, default: Policy) -> Policy:
    if wish.profile is UNSET:
        return default.changed(wish.policy)
    if wish.profile not in PROFILES:
        raise ValueError(
            f"profile {wish.profile!r} is not one of {', '.join(PROFILES)}{nearest(wish.profile, tuple(PROFILES))}"
        )
    return PROFILES[wish.profile].changed(wish.policy)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(MOST_LISTED))
    if not (re.fullmatch(r"[0-9]{1,4}", text) and 1 <= int(text) <= MOST_LISTED):
        raise ControlError(400, f"limit {text[:20]!r} is not a number from 1 to {MOST_LISTED}")
    return int(text)


def _filter(request: Request) -> Callable[[Exchange], bool]:
    asked = request.query_params
    for name in asked:
        if name not in ("method", "path", "status", "after", "limit"):
            raise ControlError(400, f"filter {name[:40]!r} is not one of method, path, status, after, limit")
    if not re.fullmatch(r"[1-9][0-9]{2}", asked.get("status", "200")):
        raise ControlError(400, f"status {asked['status'][:20]!r} is not a status code such as 404")

    after = asked.get("after", "0")
    if not re.fullmatch(r"[0-9]{1,15}", after):
        raise ControlError(400, f"after {after[:20]!r} is not the number of an exchange")

    def keep(exchange: Exchange) -> bool:
        return (
            exchange.number > int(after)
            and asked.get("method", exchange.method).upper() == exchange.method
            and asked.get("path", "") in exchange.target
            and asked.get("status", str(exchange.status)) == str(exchange.status)
        )

    return keep
