"""Looks whether what somebody waits for has happened in a world, and what came nearest to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from msgspec import UNSET

from pixazo_simulator.script import ABSENT, weight
from pixazo_simulator.spec import classify, shown, snapshot
from pixazo_simulator.world import Delivery, Exchange, Generation, World

from .schema import responses as shapes
from .schema.rendering import told_delivery, told_exchange, told_generation, told_in_turns, told_target
from .schema.requests import MOST_LISTED, Counted, ExchangeCondition, Wait

MOST_WEIGHT = 500
"""What the conditions of one wait may weigh."""
_AT_ONCE = 200
"""What is weighed before others get their turn: a millisecond or so at the worst."""

T = TypeVar("T")


def lookout(world: World, wish: Wait) -> Lookout[Any]:
    """Who looks for what is waited for. Raises ValueError for conditions that are too heavy, or mean nothing."""
    if wish.exchanges is not UNSET:
        return _Exchanges(world, wish.exchanges)
    if wish.deliveries is not UNSET:
        return _Deliveries(world, wish.deliveries)
    if wish.generations is not UNSET:
        return _Generations(world, wish.generations)
    raise ValueError("no condition: give one of exchanges, deliveries, generations")


class Lookout(ABC, Generic[T]):
    """Counts what fulfils every condition; look again whenever something has happened.

    Raises ValueError for conditions that weigh too much, and for a regular expression that is none.
    """

    def __init__(self, world: World, wanted: Counted) -> None:
        self.world = world
        self._wanted = wanted
        self._conditions = tuple(wanted.conditions())
        weighs = weight((condition for _, condition in self._conditions), MOST_WEIGHT)
        if weighs > MOST_WEIGHT:
            raise ValueError(
                f"the conditions weigh more than {MOST_WEIGHT}: write fewer, or shorter regular expressions"
            )
        self._stride = max(1, _AT_ONCE // max(1, weighs))
        self.found: list[T] = []
        self._near: tuple[T, list[str]] | None = None

    @abstractmethod
    def unseen(self) -> Iterable[T]:
        """What is to be looked at; what was found before and may have changed is no longer in `found`."""

    @abstractmethod
    def facts(self, each: T) -> Mapping[str, object]:
        """What can be asked of it."""

    @abstractmethod
    def named(self, each: T) -> str:
        """It in a few words."""

    @abstractmethod
    async def told(self) -> shapes.Arrived:
        """What fulfils the conditions, at most 1,000 of them."""

    def pause(self) -> float | None:
        """Real seconds until the clock alone may change the answer, None when it never does."""
        return None

    @property
    def enough(self) -> bool:
        """Whether as many have been found as are waited for."""
        return len(self.found) >= self._wanted.count

    def look(self) -> Iterator[None]:
        """Look at what there is, in pieces, so that others get their turn between them."""
        for number, each in enumerate(self.unseen(), 1):
            differences = list(self._differences(self.facts(each)))
            if not differences:
                self.found.append(each)
            elif self._near is None or len(differences) <= len(self._near[1]):
                self._near = each, differences
            if not number % self._stride:
                yield

    def _differences(self, facts: Mapping[str, object]) -> Iterator[str]:
        for name, condition in self._conditions:
            value = facts.get(name, ABSENT)
            if not condition.holds(value):
                yield f"{name} is {shown(value)}, wanted: {condition}"

    def nearest(self) -> shapes.Nearest | None:
        """What came nearest without fulfilling every condition, the latest of several."""
        if self._near is None:
            return None
        each, differences = self._near
        tell = self.world.redactor.text
        return {"what": tell(self.named(each)), "differences": [*map(tell, differences)]}

    def __str__(self) -> str:
        """How many of what were found: `1 of 2 exchanges (method equals 'GET')`."""
        conditions = ", ".join(f"{name} {condition}" for name, condition in self._conditions)
        counted = f"{len(self.found)} of {self._wanted.count} {type(self).__name__.strip('_').lower()}"
        return f"{counted} ({conditions})" if conditions else counted


class _Exchanges(Lookout[Exchange]):
    """Exchanges never change: each is looked at once."""

    def __init__(self, world: World, wanted: ExchangeCondition) -> None:
        super().__init__(world, wanted)
        self._seen = wanted.after

    def unseen(self) -> Iterator[Exchange]:
        for each in self.world.journal.beyond(self._seen):
            self._seen = each.number
            yield each

    def facts(self, each: Exchange) -> Mapping[str, object]:
        path = each.target.partition("?")[0]
        facts = {"method": each.method, "path": path, "status": each.status, "reason": each.reason}
        known = {"operation": classify(each.method, path).name, "request_id": each.request_id, "rule": each.rule}
        return facts | {name: value for name, value in known.items() if value is not None}

    def named(self, each: Exchange) -> str:
        return f"exchange {each.number}, {each.method} {told_target(each, self.world.redactor)} answered {each.status}"

    async def told(self) -> shapes.Arrived:
        redactor = self.world.redactor
        return {"exchanges": await told_in_turns(told_exchange(each, redactor) for each in self.found[:MOST_LISTED])}


class _Deliveries(Lookout[Delivery]):
    """Deliveries that were attempted, whatever came of it."""

    def unseen(self) -> Iterable[Delivery]:
        self.found, self._near = [], None
        return [each for each in self.world.deliveries() if each.attempts]

    def facts(self, each: Delivery) -> Mapping[str, object]:
        return {
            "request_id": each.request_id,
            "url": each.url,
            "channel": each.channel,
            "delivered": any(attempt.succeeded for attempt in each.attempts),
            "status": each.attempts[-1].status,
            "attempts": len(each.attempts),
        }

    def named(self, each: Delivery) -> str:
        return f"delivery {each.number}, about {each.request_id}"

    async def told(self) -> shapes.Arrived:
        world = self.world
        return {"deliveries": await told_in_turns(told_delivery(world, each) for each in self.found[:MOST_LISTED])}


class _Generations(Lookout[Generation]):
    """Generations change as time passes, without anything being said."""

    def __init__(self, world: World, wanted: Counted) -> None:
        super().__init__(world, wanted)
        self._change: int | None = None

    def unseen(self) -> Iterable[Generation]:
        self.found, self._near, self._change = [], None, None
        return self.world.generations()

    def facts(self, each: Generation) -> Mapping[str, object]:
        seen = snapshot(each.accepted, each.plan, self.world.clock.now())
        if seen.until is not None:
            self._change = seen.until if self._change is None else min(self._change, seen.until)
        return {"request_id": each.request_id, "operation": each.operation, "status": seen.status.value}

    def named(self, each: Generation) -> str:
        return f"generation {each.request_id}"

    def pause(self) -> float | None:
        return None if self._change is None else self.world.clock.real_seconds_until(self._change)

    async def told(self) -> shapes.Arrived:
        world = self.world
        return {"generations": await told_in_turns(told_generation(world, each) for each in self.found[:MOST_LISTED])}
