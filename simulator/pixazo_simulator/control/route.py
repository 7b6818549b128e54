"""One of our own routes as a value: how it is called, what it takes, what it answers."""

from __future__ import annotations

import re
from asyncio import Lock
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar, get_args, get_type_hints

from pixazo_simulator.spec import KEY_HEADER, beginning
from pixazo_simulator.webhooks import Dispatcher
from pixazo_simulator.world import World, Worlds

W = TypeVar("W")
TOKEN_HEADER = "X-Pixazo-Control-Token"  # noqa: S105 - its name
"""In which the control token is sent, where the server has one."""
_NUMBER = "{number}"
_LONGEST_MESSAGE = 4000
_READS = ("GET", "DELETE")


class Refused(Exception):  # noqa: N818 - it is an answer
    """A control request that cannot be carried out: HTTP status, what to do instead, and what else is told."""

    def __init__(self, status: int, message: str, error: str = "Control request refused", **more: object) -> None:
        message = beginning(message, _LONGEST_MESSAGE)
        super().__init__(message)
        self.status = status
        self.told: dict[str, object] = {"error": error, "message": message, **more}


@dataclass(frozen=True, slots=True)
class TlsListener:
    """An open door: its number, its port on 127.0.0.1, and the certificate (PEM) of the authority to trust."""

    number: int
    port: int
    ca_pem: str


class TlsListeners(Protocol):
    """The TLS ports of a server, each of which leads into one world; `server.tls` has them."""

    async def open(self, world: World, hosts: Sequence[str]) -> TlsListener:
        """Open one with a certificate for these hosts. Raises ValueError with the remedy, or LookupError for a deleted world."""
        ...

    async def close(self, world: World, number: int) -> bool:
        """Close one of this world; False when it has none of this number."""
        ...

    async def close_all(self, world: World | None = None) -> None:
        """Close those of a world for good, or all."""
        ...


@dataclass(frozen=True, slots=True)
class ControlRequest(Generic[W]):
    """One call of a control route: host and port that were called, the caller's key, the `number` in the path, the wish.

    `looking` is held by whoever looks through a world for what is waited for.
    """

    worlds: Worlds
    dispatcher: Dispatcher
    doors: TlsListeners
    routes: tuple[ControlRoute, ...]
    host: str
    key: str
    number: int
    wish: W
    looking: Lock

    @property
    def world(self) -> World:
        """The world of the caller. Raises Refused when there is none."""
        return world_of(self.key, self.worlds)


@dataclass(frozen=True)
class ControlRoute:
    """A control route; its name is the operationId, and in snake case the method of ControlClient.

    `carry_out` does it. What it wishes (a body, or the query where the method has none) and what it answers stand in its
    signature, what it does in its docstring. `worldly` says that it needs a key, `refusals` are codes of its own with their
    shapes, `example` is a body and `answer` what is answered. `reveals` are the members of the answer that are told although they
    are secrets; any other text is told without keys.
    """

    method: str
    path: str
    carry_out: Callable[[ControlRequest[Any]], Awaitable[object]]
    status: int = 200
    worldly: bool = True
    refusals: Mapping[int, Any] = field(default_factory=dict[int, Any])
    example: object = None
    answer: object = None
    reveals: tuple[str, ...] = ()

    @cached_property
    def name(self) -> str:
        """The operationId, such as `createWorld`."""
        first, *rest = self.carry_out.__name__.strip("_").split("_")
        return first + "".join(word.capitalize() for word in rest)

    @cached_property
    def reads_query(self) -> bool:
        """Whether what it wishes stands in the query."""
        return self.method in _READS

    @cached_property
    def is_numbered(self) -> bool:
        """Whether a number stands in its path."""
        return _NUMBER in self.path

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches its path, with the number as a group."""
        return re.compile(re.escape(self.path).replace(re.escape(_NUMBER), "([0-9]{1,15})"))

    @cached_property
    def wish(self) -> type[Any]:
        """The shape of what it is asked."""
        kind: type[Any] = get_args(get_type_hints(self.carry_out)["request"])[0]
        return kind

    @cached_property
    def told(self) -> Any:
        """The shape of what it answers."""
        return get_type_hints(self.carry_out, include_extras=True)["return"]


def world_of(key: str, worlds: Worlds) -> World:
    """The world that the key opens. Raises Refused when there is none."""
    if not key:
        raise Refused(401, f"no world named: send its key in the header {KEY_HEADER}")
    world = worlds.find(key)
    if world is None:
        raise Refused(404, "no world has this key: create one with POST /_sim/worlds")
    return world


@contextmanager
def readable() -> Generator[None]:
    """Turn the ValueError of a reader, which names the remedy, into an answer."""
    try:
        yield
    except ValueError as error:
        raise Refused(400, str(error)) from None


def route(
    method: str,
    path: str,
    *,
    answer: object,
    example: object = None,
    status: int = 200,
    worldly: bool = True,
    refusals: Mapping[int, Any] | None = None,
    reveals: tuple[str, ...] = (),
) -> Callable[[Callable[[ControlRequest[W]], Awaitable[object]]], ControlRoute]:
    """Make a route of the function that carries it out; for its members see ControlRoute."""

    def made(carry_out: Callable[[ControlRequest[W]], Awaitable[object]]) -> ControlRoute:
        return ControlRoute(method, path, carry_out, status, worldly, refusals or {}, example, answer, reveals)

    return made
