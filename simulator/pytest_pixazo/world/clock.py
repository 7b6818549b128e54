"""The time of a world, as a test reads and advances it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pixazo_simulator.control import ControlClient, Event

from .text import generations_ahead

__tracebackhide__ = True  # a failure belongs to the line of the test


class Clock:
    """The clock of a world. It can be advanced, never turned back.

    `sleep` and `monotonic` are for an app, or a client, that takes such functions: `sleep` advances the clock and returns at
    once, `monotonic` reads it, in seconds.
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
        """The current instant, in UTC."""
        return self._control.clock().now

    def _read(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> list[Event]:
        """Let time pass and return what fell due, in order; webhooks that fell due have been attempted.

        Raises ControlError for a negative number of seconds, and when more webhooks are due than one advance attempts: the
        clock has stopped before the end, and `body["events"]` of the error is what fell due until then.
        """
        return self._control.advance(seconds)

    def run_until(
        self, condition: Callable[[], object] | None = None, *, step: float = 1.0, limit: float = 3600.0
    ) -> list[Event]:
        """Advance by `step` seconds at a time until the condition holds, by default until every generation has ended.

        Returns all that fell due. Raises TimeoutError after `limit` seconds of this clock, with the generations that still run.
        """
        holds = condition or self._is_idle
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

    def _is_idle(self) -> bool:
        return all(each.is_terminal for each in self._control.generations().generations)

    def running(self) -> str | None:
        """The status of each generation that has not ended, and how it will end, in one line; None when all have."""
        running = [each for each in self._control.generations().generations if not each.is_terminal]
        return generations_ahead(running, self.now) if running else None

    def __repr__(self) -> str:
        state = self._control.clock()
        return f"<{state.clock} clock at {state.now}>"
