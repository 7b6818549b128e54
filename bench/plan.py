"""A run: its scenarios, how long each takes, and the progress that a terminal shows."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from .results import Run

T = TypeVar("T")


class Bench(msgspec.Struct):
    """What a scenario needs. `folder` is temporary, `peers` has the peers of npm, where they were asked for.

    `say` shows a text on the terminal, and which share of the scenario is done.
    """

    run: Run
    folder: Path
    peers: Path | None = None
    is_soak: bool = False
    say: Callable[[float, str], None] = lambda _share, _text: None
    random: random.Random = msgspec.field(default_factory=random.Random)

    def choose(self, full: T, quick: T) -> T:
        """The one for this kind of run."""
        return quick if self.run.is_quick else full

    def rounds(self, full: int, quick: int, text: str) -> Iterator[int]:
        """The numbers of the rounds, each of which is shown."""
        count = self.choose(full, quick)
        for done in range(count):
            self.say(done / count, f"{text}, round {done + 1} of {count}")
            yield done

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """A new order."""
        return self.random.sample(values, len(values))


class Scenario(msgspec.Struct, frozen=True):
    """What `--only` chooses, with the seconds that a full and a quick run take, about."""

    name: str
    full: float
    quick: float
    measure: Callable[[Bench], None]
    needs_load: bool = True


class Progress:
    """One line on standard error, if that is a terminal, which is rewritten and erased in the end."""

    def __init__(self, seconds: Sequence[float]) -> None:
        self._seconds = seconds
        self._began = time.monotonic()
        self._shows = sys.stderr.isatty()

    def show(self, index: int, share: float, text: str) -> None:
        """Show what is done: all scenarios before this one, and a share of it."""
        if not self._shows:
            return
        total = sum(self._seconds) or 1.0
        done = sum(self._seconds[:index]) + share * self._seconds[index]
        elapsed = time.monotonic() - self._began
        # At first the estimate of the plan counts, later more and more what this machine needs.
        left = (total - done) * (1 - done / total) + (elapsed / done * (total - done) if done else 0.0) * done / total
        sys.stderr.write(f"\r\x1b[K[{done / total:4.0%}, {left // 60:.0f}:{left % 60:02.0f} left] {text[:60]}")
        sys.stderr.flush()

    def erase(self) -> None:
        """Erase the line."""
        if self._shows:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def carry_out(bench: Bench, scenarios: Sequence[Scenario]) -> list[str]:
    """Measure one scenario after another; one that fails is noted as skipped. Returns the names of those."""
    progress = Progress([bench.choose(each.full, each.quick) for each in scenarios])
    failed: list[str] = []
    try:
        for index, each in enumerate(scenarios):
            bench.say = partial(progress.show, index)
            bench.say(0.0, each.name)
            try:
                each.measure(bench)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others took minutes to measure
                failed.append(each.name)
                bench.run.skipped[each.name] = f"{type(error).__name__}: {error}"
    finally:
        progress.erase()
    return failed
