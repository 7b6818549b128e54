"""A dialogue: conversations carried out one after the other with one target, and the trace of those since a mark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from pixazo_contracts.probes import Conversation, Probe, ReceiverUrl, RunContext, Step, StepResult
from pixazo_contracts.trace import Callback, Footer, Header, Trace

from .recorder import Recorder
from .run_clock import RunClock
from .schedule import Schedule
from .spend import BudgetExhaustedError, SpendStoppedError

T = TypeVar("T")


class ConversationError(RuntimeError):
    """A conversation that could not be carried to its end because of a bug in it."""


@dataclass(slots=True)
class Mark:
    """A point of a dialogue: how much was recorded before it, and the steps carried out since, with their results."""

    exchanges: int
    callbacks: int
    steps: list[tuple[Step, StepResult]] = field(default_factory=list["tuple[Step, StepResult]"])


class Dialogue:
    """Carries out conversations one after the other, each to its end before `run` returns."""

    def __init__(
        self, schedule: Schedule, recorder: Recorder, context: RunContext, header: Header, clock: RunClock
    ) -> None:
        self._schedule, self._recorder, self._header, self._clock = schedule, recorder, header, clock
        self.context = context
        self._opened: set[str] = set()
        self._mark = self.mark()

    def mark(self) -> Mark:
        """Begin anew: `trace` shows what comes from now on."""
        self._mark = Mark(len(self._recorder.exchanges), len(self._recorder.callbacks))
        return self._mark

    def run(self, conversation: Conversation[T], name: str) -> T:
        """Carry a conversation to its end and return what it returns.

        Raises `BudgetExhaustedError` if a request would cost a generation that was not granted, `SpendStoppedError` once the
        spend guard has ended the run, `ConversationError` if the conversation itself fails.
        """
        results: list[T] = []

        def kept(_: RunContext) -> Conversation[None]:
            results.append((yield from self._noted(conversation)))

        self._schedule.run((Probe(name=name, feeds=(), conversation=kept),))
        if results:
            return results[0]
        state = self._schedule.states[name]
        if self._schedule.stopped is not None:
            raise SpendStoppedError(self._schedule.stopped)
        if state == "unfunded":
            raise BudgetExhaustedError(f"{name}: no generation is left to reserve: raise the budget")
        raise ConversationError(f"{name}: {state}")

    def _noted(self, conversation: Conversation[T]) -> Conversation[T]:
        """The same conversation, with its steps and their results noted at the mark."""
        mark = self._mark
        try:
            step = next(conversation)
            while True:
                outcome = yield step
                mark.steps.append((step, outcome))
                if isinstance(step, ReceiverUrl):
                    self._opened.add(_token(str(outcome)))
                step = conversation.send(outcome)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def trace(self, *, ended: bool = False) -> Trace:
        """What was observed since the mark; only if it has `ended` with a footer, so that what did not come counts as missing."""
        exchanges = tuple(self._recorder.exchanges[self._mark.exchanges :])
        callbacks = tuple(self._since_mark(self._recorder.callbacks[self._mark.callbacks :]))
        footer = Footer(exchanges=len(exchanges), callbacks=len(callbacks), seconds=self._clock.now())
        return Trace(self._header, exchanges, callbacks, footer if ended else None)

    def _since_mark(self, callbacks: Iterable[Callback]) -> Iterable[Callback]:
        """All but those that came, late, to a URL that was opened before the mark."""
        opened = {_token(str(url)) for step, url in self._mark.steps if isinstance(step, ReceiverUrl)}
        earlier = self._opened - opened
        return (callback for callback in callbacks if _token(callback.target) not in earlier)


def _token(url: str) -> str:
    """The last segment of a receiver URL's path: unique to one URL."""
    return urlsplit(url).path.rpartition("/")[2]
