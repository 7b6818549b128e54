"""What the log keeps: each command as bytes, with process and instant; and how it is carried out (worlds are a fold of entries)."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

import msgspec

from pixazo_simulator.gateway import Request, Response
from pixazo_simulator.spec import Header
from pixazo_simulator.world import AdvanceClock, Command, ServerCommand, StoredTime, TakeTransitions, World, Worlds

FORMAT = 1
"""The version of the format of entries and states."""


class AnswerRequest(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """A request of the gateway, with its body as it was read (see `Request`), to be answered and journalled.

    `listener` is the number of the world whose TLS listener it came through; it is refused for `held` bytes of bodies in memory.
    """

    method: str
    path: str
    query: bytes
    headers: tuple[Header, ...]
    scheme: str
    server: tuple[str, int | None]
    listener: int | None = None
    header_bytes: int | None = None
    body: bytes | None = b""
    received: int = 0
    held: int | None = None

    @classmethod
    def of(cls, request: Request, held: int | None = None) -> AnswerRequest:
        """The command that answers a request."""
        return cls(
            request.method, request.path, request.query, tuple(request.headers), request.scheme, request.server,
            request.listener.number if request.listener else None, request.header_bytes, request.body, request.received, held,
        )  # fmt: skip

    def request(self, worlds: Worlds) -> Request:
        """The request, as it was before it was routed."""
        listener: World | None = None if self.listener is None else worlds.numbered(self.listener)
        return Request(
            self.method, self.path, self.query, self.headers, self.scheme, self.server, listener, self.header_bytes,
            self.body, self.received,
        )  # fmt: skip


if TYPE_CHECKING:
    LoggedCommand = AnswerRequest | Command[Any] | ServerCommand[Any]
else:  # every command that is logged; msgspec tells them apart by their names
    _commands = (kind for base in (Command, ServerCommand) for kind in base.__subclasses__())
    # A request of the gateway is logged itself, not the commands that are made of it.
    _logged = (kind for kind in _commands if kind.__name__ != "ScriptedRequest")
    LoggedCommand = reduce(lambda kinds, kind: kinds | kind, _logged, AnswerRequest)


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A command in the log, appended `at` an instant of real time (UTC milliseconds) by a `process`, as its entry `number`.

    `world` is the number of the world that it is for; None: it is for the server.
    """

    process: str
    number: int
    at: int
    world: int | None
    command: LoggedCommand


_decoder = msgspec.msgpack.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The entry as bytes. Raises ValueError for a command that contains a number of more than 64 bits."""
    try:
        return msgspec.msgpack.encode(entry)
    except OverflowError as error:
        raise ValueError(f"the command cannot be kept: {error}") from None


def decode(data: bytes) -> Entry:
    """The entry that these bytes encode. Raises ValueError for any other bytes."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"this is not an entry of a log: {error}") from None


Answering = Callable[[Request, int | None], Response]
"""Answers and journals a request of the gateway; refuses it if a number is given, the number of bytes of bodies in memory."""


class Fold:
    """Worlds that change only through the entries carried out here; if it `stands`, their clocks stand still between these."""

    def __init__(self, worlds: Worlds, answer: Answering, count: int = 0, *, stands: bool = False) -> None:
        self.worlds = worlds
        self.time: StoredTime = worlds.time or StoredTime()
        self.count = count
        """How many entries were carried out, including those that led to the initial state."""
        self._answer, self._stands = answer, stands
        self.time.command = self.time.latest if stands else None

    def carry_out(self, entry: Entry, target: World | Request | None = None) -> object:
        """Carry out an entry at its instant, or that of one before it if that was later; `target` is what it is about, if available.

        Returns the outcome, or the exception that the command raised.
        """
        time = self.time
        with self.worlds.lock:
            time.latest = time.command = max(time.latest, entry.at)
            self.count += 1
            try:
                return self._outcome(entry, target)
            except Exception as error:  # noqa: BLE001 - the appender of the entry gets it
                return error
            finally:
                time.command = time.latest if self._stands else None

    def _outcome(self, entry: Entry, target: World | Request | None) -> object:
        command = entry.command
        if isinstance(command, AnswerRequest):
            request = target if isinstance(target, Request) else command.request(self.worlds)
            return self._answer(request, command.held)
        if isinstance(command, ServerCommand):
            return self.worlds.carry_out(command)
        world = target if isinstance(target, World) else self.worlds.numbered(entry.world or 0)
        if world is None:
            return None
        # These two name the instant until which something happens.
        if not isinstance(command, AdvanceClock | TakeTransitions):
            command = msgspec.structs.replace(command, at=world.clock.now())
        return world.apply(command)
