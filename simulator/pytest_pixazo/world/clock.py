"""The time of a world, as a test reads and advances it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from .forecast import coming
from .values.generation import Generation

if TYPE_CHECKING:
    from pixazo_simulator.control import ControlClient


__tracebackhide__ = True  # a failure belongs to the line of the test


class Transition(msgspec.Struct, frozen=True, tag_field="kind", tag="transition"):
    """A generation entered a status."""

    at: datetime
    request_id: str
    status: str


class WebhookAttempt(msgspec.Struct, frozen=True, tag_field="kind", tag="webhook"):
    """A callback was tried: the status that its receiver answered, or what went wrong."""

    at: datetime
    request_id: str
    url: str
    status: int | None = None
    problem: str | None = None


Event = Transition | WebhookAttempt


class Clock:
    """The clock of a world. It can be advanced, never turned back.

    `sleep` and `monotonic` are for an app, or a client, that takes such functions: seconds pass, or are told, at once.
    """

    def __init__(
        self,
        control: ControlClient,
        *,
        sleep: Callable[[float], object] | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self._control = control
        self.sleep = sleep or control.advance
        self.monotonic = monotonic or self._read

    @property
    def now(self) -> datetime:
        """The instant, in UTC."""
        return msgspec.convert(self._control.clock()["now"], datetime)

    def _read(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> list[Event]:
        """Let time pass and return what fell due, in order; callbacks that fell due have been attempted.

        Raises ControlError for a negative number of seconds, and when more callbacks are due than one advance attempts: the
        clock has stopped before the end, and `told["events"]` of the error is what fell due until then.
        """
        return msgspec.convert(self._control.advance(seconds), list[Event])

    def run_until(
        self, condition: Callable[[], object] | None = None, *, step: float = 1.0, limit: float = 3600.0
    ) -> list[Event]:
        """Advance by `step` seconds at a time until the condition holds, by default until every generation has ended.

        Returns all that fell due. Raises TimeoutError after `limit` seconds of this clock, with the generations that still run.
        """
        holds = condition or self._has_settled
        events: list[Event] = []
        passed = 0.0
        while not holds():
            if passed >= limit:
                raise TimeoutError(
                    f"the condition does not hold after {limit:g} s of the world's clock:"
                    f" {self.running() or 'every generation has ended'}"
                )
            events += self.advance(step)
            passed += step
        return events

    def _generations(self) -> list[Generation]:
        return msgspec.convert(self._control.generations()["generations"], list[Generation])

    def _has_settled(self) -> bool:
        return all(each.is_terminal for each in self._generations())

    def running(self) -> str | None:
        """What each generation that has not ended is, and what it comes to, in one line; None when all have."""
        running = [each for each in self._generations() if not each.is_terminal]
        return coming(running, self.now) if running else None

    def __repr__(self) -> str:
        told = self._control.clock()
        return f"<{told['clock']} clock at {told['now']}>"
