"""A dialogue: talks held one after the other with one target, and the trace of those since a mark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from pixazo_contracts.probes import Hook, Probe
from pixazo_contracts.trace import Footer, Trace

from .layers.spend import BudgetExhaustedError, SpendStoppedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pixazo_contracts.probes import Answer, Setting, Talk, Wish
    from pixazo_contracts.trace import Callback, Header

    from .clock import RunClock
    from .layers.recorder import Recorder
    from .schedule import Schedule


T = TypeVar("T")


class TalkError(RuntimeError):
    """A talk that could not be carried to its end, by a fault of ours."""


@dataclass(slots=True)
class Mark:
    """A point of a dialogue: how much was recorded before it, and the wishes that were granted since, with their answers."""

    exchanges: int
    callbacks: int
    granted: list[tuple[Wish, Answer]] = field(default_factory=list["tuple[Wish, Answer]"])


class Dialogue:
    """Holds talks one after the other, each carried to its end before `hold` returns."""

    def __init__(
        self, schedule: Schedule, recorder: Recorder, setting: Setting, header: Header, clock: RunClock
    ) -> None:
        self._schedule, self._recorder, self._header, self._clock = schedule, recorder, header, clock
        self.setting = setting
        self._opened: set[str] = set()
        self._mark = self.mark()

    def mark(self) -> Mark:
        """Begin anew: what comes is kept apart from what came before."""
        self._mark = Mark(len(self._recorder.exchanges), len(self._recorder.callbacks))
        return self._mark

    def hold(self, talk: Talk[T], name: str) -> T:
        """Carry a talk to its end and return what it returns.

        Raises `BudgetExhaustedError` where a request would cost a generation that nobody granted, `SpendStoppedError` once the
        spend guard has ended the run, `TalkError` for faults.
        """
        results: list[T] = []

        def kept(_: Setting) -> Talk[None]:
            results.append((yield from self._noted(talk)))

        self._schedule.run((Probe(name=name, feeds=(), talk=kept),))
        if results:
            return results[0]
        state = self._schedule.states[name]
        if self._schedule.stopped is not None:
            raise SpendStoppedError(self._schedule.stopped)
        if state == "unfunded":
            raise BudgetExhaustedError(f"{name}: no generation is left to reserve: raise the budget")
        raise TalkError(f"{name}: {state}")

    def _noted(self, talk: Talk[T]) -> Talk[T]:
        """The same talk, its wishes and answers noted at the mark."""
        mark = self._mark
        try:
            wish = next(talk)
            while True:
                answer = yield wish
                mark.granted.append((wish, answer))
                if isinstance(wish, Hook):
                    self._opened.add(_token(str(answer)))
                wish = talk.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def trace(self, *, ended: bool = False) -> Trace:
        """What was observed since the mark; with a footer, so that what did not come is missed, only if it has `ended`."""
        exchanges = tuple(self._recorder.exchanges[self._mark.exchanges :])
        callbacks = tuple(self._ours(self._recorder.callbacks[self._mark.callbacks :]))
        footer = Footer(exchanges=len(exchanges), callbacks=len(callbacks), seconds=self._clock.now())
        return Trace(self._header, exchanges, callbacks, footer if ended else None)

    def _ours(self, callbacks: Iterable[Callback]) -> Iterable[Callback]:
        """All but those that came, late, to a URL that was opened before the mark."""
        opened = {_token(str(url)) for wish, url in self._mark.granted if isinstance(wish, Hook)}
        earlier = self._opened - opened
        return (callback for callback in callbacks if _token(callback.target) not in earlier)


def _token(url: str) -> str:
    """The last segment of a receiver URL's path: unique to one use of one URL."""
    return urlsplit(url).path.rpartition("/")[2]
