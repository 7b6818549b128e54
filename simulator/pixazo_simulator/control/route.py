"""One control route as a value: how it is called, what it takes, what it returns."""

from __future__ import annotations

import re
from asyncio import Lock
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar, get_args, get_type_hints

import msgspec

from pixazo_simulator.spec import KEY_HEADER
from pixazo_simulator.state import Scratch
from pixazo_simulator.webhooks import Dispatcher
from pixazo_simulator.world import Command, KeyTakenError, World, Worlds

from .metrics import Traffic
from .schema.responses import Refusal, TlsListener

R = TypeVar("R")
T = TypeVar("T")


class Refused(Exception):  # noqa: N818 - it is a response
    """A control request that cannot be carried out, with the status code and the reason, or the whole body of the response."""

    def __init__(self, status: int, reason: str | Refusal, error: str = "Control request refused") -> None:
        super().__init__(reason.message if isinstance(reason, Refusal) else reason)
        self.status = status
        self.reason = reason
        self.error = error


class TlsListeners(Protocol):
    """The TLS listeners of a server, each of which serves one world; the package `server` has them."""

    async def open(self, world: World, hosts: Sequence[str]) -> TlsListener:
        """Open one with a certificate for these hosts. Raises ValueError with the remedy, LookupError for a deleted world."""
        ...

    async def close(self, world: World, number: int) -> bool:
        """Close one of this world and reset its connections; False when it has none of this number."""
        ...

    async def close_all(self, world: World | None = None) -> None:
        """Close those of a world permanently, or all."""
        ...


class ControlRequest(msgspec.Struct, Generic[R], frozen=True):
    """One call of a control route.

    Of the server: `scratch` makes worlds to try something on, `look_lock` is held while one waiting request looks through a world, `past`
    is the latest replayed world by number and position, for which a page of the console asks several times. Of the call: the `host` and
    port that were called, the `key` of the caller, the `number` in the path, the decoded `body`, or query of a method without body.
    """

    worlds: Worlds
    dispatcher: Dispatcher
    tls_listeners: TlsListeners
    scratch: Scratch
    traffic: Traffic
    look_lock: Lock
    past: dict[tuple[int, int], World]
    host: str
    key: str
    number: int
    body: R

    @property
    def world(self) -> World:
        """The world of the caller. Raises Refused when there is none."""
        return world_of(self.key, self.worlds)

    async def apply(self, command: Callable[[int], Command[T]], unknown: str = "") -> T:
        """Carry out a command, which is made of the present instant, for the world of the caller; returns its outcome.

        Raises Refused for a value that is refused, and with the message `unknown` where nothing has the number in the path.
        """
        world = self.world
        with refuse_errors(unknown.format(self.number)):
            return await self.worlds.apply(world, command(world.clock.now()))


class ControlRoute(msgspec.Struct, frozen=True, dict=True):
    """A control route; its name is the operationId, and in snake case the method of ControlClient.

    The signature of `carry_out` has the types of body (or query) and response, its docstring is the description. `needs_world`: a
    key must be sent. `refusals` are its own status codes with their types. `at_once`: a short request needs no event loop, so a
    caller in this process carries it out in its own thread. `local`: it reports on this process only. `reveals` are members of
    the response that are shown as they are: keys that the caller may know, or data from which `state` has taken the keys.
    """

    method: str
    path: str
    carry_out: Callable[[ControlRequest[Any]], Coroutine[Any, Any, object]]
    status: int = 200
    needs_world: bool = True
    refusals: Mapping[int, Any] = {}
    reveals: tuple[str, ...] = ()
    at_once: bool = False
    local: bool = False

    @cached_property
    def name(self) -> str:
        """The operationId, such as `createWorld`."""
        first, *rest = self.carry_out.__name__.split("_")
        return first + "".join(word.capitalize() for word in rest)

    @cached_property
    def reads_query(self) -> bool:
        """Whether it takes a query in place of a body."""
        return self.method in ("GET", "DELETE")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches its path, with the number as a group."""
        return re.compile(re.escape(self.path).replace(re.escape("{number}"), "([0-9]{1,15})"))

    @cached_property
    def request_type(self) -> type[Any]:
        """The type of its body, or query."""
        kind: type[Any] = get_args(get_type_hints(self.carry_out)["request"])[0]
        return kind

    @cached_property
    def response_type(self) -> Any:
        return get_type_hints(self.carry_out, include_extras=True)["return"]


def world_of(key: str, worlds: Worlds) -> World:
    """The world that the key opens. Raises Refused when there is none."""
    if not key:
        raise Refused(401, f"no world specified: send its key in the header {KEY_HEADER}")
    world = worlds.find(key)
    if world is None:
        raise Refused(404, worlds.missing(key, "this key"))
    return world


@contextmanager
def refuse_errors(unknown: str = "") -> Generator[None]:
    """Turn a ValueError into a 400 (409: the key is taken), and a KeyError into a 404 with the message `unknown`, if given."""
    try:
        yield
    except KeyError:
        if not unknown:
            raise
        raise Refused(404, unknown) from None
    except ValueError as error:
        raise Refused(409 if isinstance(error, KeyTakenError) else 400, str(error)) from None


def route(
    method: str, path: str, **members: Any
) -> Callable[[Callable[[ControlRequest[R]], Coroutine[Any, Any, object]]], ControlRoute]:
    """Make a route of the function that carries it out; for `members` see ControlRoute."""
    return lambda carry_out: ControlRoute(method, path, carry_out, **members)
