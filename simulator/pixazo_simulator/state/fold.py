"""Carries out the entries of a log: the state of the worlds is the fold of them, in any process and at any time."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pixazo_simulator.gateway import Request, Response
from pixazo_simulator.world import AdvanceClock, ServerCommand, StoredTime, TakeTransitions, World, Worlds

from .entries import AnswerRequest, Entry

Answer = Callable[[Request, int | None], Response]
"""Answers and journals a request of the gateway; refuses it if a number is given, the number of bytes of bodies in memory."""


class Fold:
    """Worlds with a time of their own, which change only through the entries that are carried out here."""

    def __init__(self, worlds: Worlds, answer: Answer, count: int = 0) -> None:
        self.worlds = worlds
        self.time: StoredTime = worlds.time or StoredTime()
        self.count = count
        """How many entries were carried out, including those that led to the initial state."""
        self._answer = answer

    def carry_out(self, entry: Entry, target: World | Request | None = None) -> object:
        """Carry out an entry at its instant, or that of one before it if that was later.

        Returns the outcome, or the exception that the command raised. The `target` is what the entry is about, where that is available.
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
                time.command = None

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
        if not isinstance(
            command, AdvanceClock | TakeTransitions
        ):  # they name the instant until which something happens
            command = msgspec.structs.replace(command, at=world.clock.now())
        return world.apply(command)
