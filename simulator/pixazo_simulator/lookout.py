"""Looks whether what somebody waits for has happened in a world, and what came nearest to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from msgspec import UNSET

from . import shapes
from .delivery import Delivery
from .front import MEDIA_PATH
from .journal import Exchange
from .lifecycle import snapshot
from .matcher import ABSENT
from .told import told_delivery, told_exchange, told_generation, told_target
from .wire import STATUS_PATH, SUBMIT_PATHS
from .wishes import MOST_LISTED, Counted, ExchangeCondition, Wait
from .world import Generation, World

__all__ = ["Lookout", "lookout"]

T = TypeVar("T")


def lookout(world: World, wish: Wait) -> Lookout[Any]:
    """Who looks for what is waited for."""
    if wish.exchanges is not UNSET:
        return _Exchanges(world, wish.exchanges)
    if wish.deliveries is not UNSET:
        return _Deliveries(world, wish.deliveries)
    if wish.generations is not UNSET:
        return _Generations(world, wish.generations)
    raise ValueError("no condition: give one of exchanges, deliveries, generations")


class Lookout(ABC, Generic[T]):
    """Counts what fulfils every condition; look again whenever something has happened."""

    def __init__(self, world: World, wanted: Counted) -> None:
        self.world = world
        self._wanted = wanted
        self._conditions = tuple(wanted.conditions())
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
    def told(self) -> shapes.Arrived:
        """What fulfils the conditions, at most 1,000 of them."""

    def pause(self) -> float | None:
        """Real seconds until the clock alone may change the answer, None when it never does."""
        return None

    def look(self) -> bool:
        """Whether there are as many as are waited for."""
        for each in self.unseen():
            differences = list(self._differences(self.facts(each)))
            if not differences:
                self.found.append(each)
            elif self._near is None or len(differences) <= len(self._near[1]):
                self._near = each, differences
        return len(self.found) >= self._wanted.count

    def _differences(self, facts: Mapping[str, object]) -> Iterator[str]:
        for name, condition in self._conditions:
            value = facts.get(name, ABSENT)
            if not condition.holds(value):
                yield f"{name} is {value!r}, wanted: {condition}"

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

    def unseen(self) -> Iterable[Exchange]:
        new = [each for each in self.world.journal if each.number > self._seen]
        self._seen = new[-1].number if new else self._seen
        return new

    def facts(self, each: Exchange) -> Mapping[str, object]:
        path = each.target.partition("?")[0]
        facts = {"method": each.method, "path": path, "status": each.status, "reason": each.reason}
        known = {"operation": _operation(each.method, path), "request_id": each.request_id, "rule": each.rule}
        return facts | {name: value for name, value in known.items() if value is not None}

    def named(self, each: Exchange) -> str:
        return f"exchange {each.number}, {each.method} {told_target(each, self.world.redactor)} answered {each.status}"

    def told(self) -> shapes.Arrived:
        return {"exchanges": [told_exchange(each, self.world.redactor) for each in self.found[:MOST_LISTED]]}


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

    def told(self) -> shapes.Arrived:
        return {"deliveries": [told_delivery(self.world, each) for each in self.found[:MOST_LISTED]]}


class _Generations(Lookout[Generation]):
    """Generations change as time passes, without anything being said."""

    def unseen(self) -> Iterable[Generation]:
        self.found, self._near = [], None
        return self.world.generations()

    def facts(self, each: Generation) -> Mapping[str, object]:
        seen = snapshot(each.accepted, each.plan, self.world.clock.now())
        return {"request_id": each.request_id, "operation": each.operation, "status": seen.status.value}

    def named(self, each: Generation) -> str:
        return f"generation {each.request_id}"

    def pause(self) -> float | None:
        clock = self.world.clock
        seen = (snapshot(each.accepted, each.plan, clock.now()) for each in self.world.generations())
        changes = [each.until for each in seen if each.until is not None]
        return clock.real_seconds_until(min(changes)) if changes else None

    def told(self) -> shapes.Arrived:
        return {"generations": [told_generation(self.world, each) for each in self.found[:MOST_LISTED]]}


def _operation(method: str, path: str) -> str | None:
    if method == "POST" and path in SUBMIT_PATHS:
        return SUBMIT_PATHS[path].name
    if method == "GET" and path.startswith(STATUS_PATH):
        return "status"
    return "media" if method in ("GET", "HEAD") and MEDIA_PATH.fullmatch(path) else None
