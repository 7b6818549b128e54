"""Searches a world for what a waiting request wants, and for what came nearest to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from msgspec import UNSET

from pixazo_simulator.script import ABSENT, weight
from pixazo_simulator.spec import classify, shown, snapshot
from pixazo_simulator.world import Delivery, Exchange, Generation, World

from .schema import rendering
from .schema.requests import Condition, ExchangeCondition, Wait
from .schema.responses import Nearest

MOST_WEIGHT = 500
"""What the matchers of one wait may weigh."""
_AT_ONCE = 200
"""What is weighed before others are served: about a millisecond at most."""

T = TypeVar("T")


def search_for(world: World, wanted: Wait) -> Search[Any]:
    """The search for what is waited for. Raises ValueError for matchers that are too heavy, or not valid."""
    if wanted.exchanges is not UNSET:
        return _Exchanges(world, wanted.exchanges)
    if wanted.deliveries is not UNSET:
        return _Deliveries(world, wanted.deliveries)
    if wanted.generations is not UNSET:
        return _Generations(world, wanted.generations)
    raise ValueError("no condition: give one of exchanges, deliveries, generations")


class Search(ABC, Generic[T]):
    """Counts what fulfils every matcher; look again whenever something has happened.

    Raises ValueError for matchers that weigh too much, and for a regular expression that is not valid.
    """

    what: ClassVar[str] = ""
    """The member of a request and a response that holds what is searched."""

    def __init__(self, world: World, wanted: Condition) -> None:
        self.world = world
        self._wanted = wanted
        self._matchers = tuple(wanted.matchers())
        weighs = weight((matcher for _, matcher in self._matchers), MOST_WEIGHT)
        if weighs > MOST_WEIGHT:
            raise ValueError(
                f"the conditions weigh more than {MOST_WEIGHT}: write fewer, or shorter regular expressions"
            )
        self._stride = max(1, _AT_ONCE // max(1, weighs))
        self.found: list[T] = []
        self._near: tuple[T, list[str]] | None = None

    @abstractmethod
    def unseen(self) -> Iterable[T]:
        """What is to be compared; what was found before and may have changed since is taken out of `found`."""

    @abstractmethod
    def facts(self, each: T) -> Mapping[str, object]:
        """What the matchers are compared with, by name."""

    @abstractmethod
    def label(self, each: T) -> str:
        """It in a few words."""

    def pause(self) -> float | None:
        """Real seconds until the clock alone may change the result, None when it never does."""
        return None

    @property
    def is_done(self) -> bool:
        """Whether as many have been found as are waited for."""
        return len(self.found) >= self._wanted.count

    def look(self) -> Iterator[None]:
        """Compare what there is, in pieces, so that others are served between them."""
        for number, each in enumerate(self.unseen(), 1):
            facts = self.facts(each)
            differences = [
                f"{name} is {shown(facts.get(name, ABSENT))}, wanted: {matcher}"
                for name, matcher in self._matchers
                if not matcher.holds(facts.get(name, ABSENT))
            ]
            if not differences:
                self.found.append(each)
            elif self._near is None or len(differences) <= len(self._near[1]):
                self._near = each, differences
            if not number % self._stride:
                yield

    def nearest(self) -> Nearest | None:
        """What came nearest without fulfilling every matcher, the latest of several."""
        return rendering.nearest(self.world, self.label(self._near[0]), self._near[1]) if self._near else None

    def __str__(self) -> str:
        """How many of what were found: `1 of 2 exchanges (method equals 'GET')`."""
        matchers = ", ".join(f"{name} {matcher}" for name, matcher in self._matchers)
        counted = f"{len(self.found)} of {self._wanted.count} {self.what}"
        return f"{counted} ({matchers})" if matchers else counted


class _Exchanges(Search[Exchange]):
    """Exchanges never change: each is compared once."""

    what = "exchanges"

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

    def label(self, each: Exchange) -> str:
        return f"exchange {each.number}, {each.method} {rendering.target(self.world, each)} answered {each.status}"


class _Deliveries(Search[Delivery]):
    """Deliveries that were attempted, whatever came of it."""

    what = "deliveries"

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

    def label(self, each: Delivery) -> str:
        return f"delivery {each.number}, about {each.request_id}"


class _Generations(Search[Generation]):
    """Generations change as time passes, without any request."""

    what = "generations"

    def __init__(self, world: World, wanted: Condition) -> None:
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

    def label(self, each: Generation) -> str:
        return f"generation {each.request_id}"

    def pause(self) -> float | None:
        return None if self._change is None else self.world.clock.real_seconds_until(self._change)
