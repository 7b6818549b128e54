"""Searches a world for what fulfils the condition of a waiting request, and for what came nearest to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pixazo_simulator.script import ABSENT, Matcher, weight
from pixazo_simulator.spec import OPERATIONS, shown, status_span
from pixazo_simulator.world import Delivery, Exchange, Generation, World

from .schema import rendering
from .schema.requests import ExchangeMatchers, Matchers, Verification, Wait
from .schema.responses import Nearest

MOST_WEIGHT = 500
"""The greatest weight of the matchers of one wait: less than for a script, since all deliveries are compared again after each event."""
_AT_ONCE = 200
"""The weight of comparisons between turns of other requests: about a millisecond at most."""

Found = Exchange | Delivery | Generation


def weigh(conditions: Iterable[Matchers]) -> int:
    """The total weight of conditions. Raises ValueError when it is too great, and for an invalid regular expression."""
    weighs = weight((matcher for each in conditions for _, matcher in each.matchers()), MOST_WEIGHT)
    if weighs > MOST_WEIGHT:
        raise ValueError(
            f"the conditions are too complex (cost over {MOST_WEIGHT}): use fewer, or shorter regular expressions"
        )
    return weighs


class Search:
    """Counts what fulfils every matcher of a condition; call `look` again whenever something has happened.

    `what` is exchanges, deliveries or generations. Raises ValueError for too heavy matchers and invalid regular expressions.
    """

    def __init__(self, world: World, wanted: Wait | Verification, *, is_first_enough: bool = False) -> None:
        self.world = world
        self._is_first_enough = is_first_enough
        self.what, self._condition = wanted.condition()
        self._count: int = getattr(self._condition, "count", 1)
        self._matchers = tuple((name, self._widened(name, matcher)) for name, matcher in self._condition.matchers())
        self._stride = max(1, _AT_ONCE // max(1, weigh([self._condition])))
        self.found: list[Any] = []
        self._near: tuple[Found, list[str]] | None = None
        self._seen = self._condition.after if isinstance(self._condition, ExchangeMatchers) else 0
        self._next_change: int | None = None

    def _widened(self, name: str, matcher: Matcher) -> Matcher:
        """A matcher for a word such as `submit`, with this world's operations of model files; `one_of` is left as it is."""
        is_word = isinstance(getattr(self._condition, name), str)
        if name != "operation" or not is_word or matcher.operator != "one_of":
            return matcher
        others = (each for each in self.world.operations if each not in OPERATIONS)
        return Matcher("one_of", (*matcher.operand, *others))

    @property
    def is_done(self) -> bool:
        return len(self.found) >= self._count

    def pause(self) -> float | None:
        """Real seconds until the clock alone may change the result, None when it never does."""
        return None if self._next_change is None else self.world.clock.real_seconds_until(self._next_change)

    def look(self) -> Iterator[None]:
        """Compare what there is, in pieces, so others are served in between."""
        for number, each in enumerate(self._unseen(), 1):
            facts = self._facts(each)
            differences = [
                f"{name} is {shown(facts.get(name, ABSENT))}, expected: {matcher}"
                for name, matcher in self._matchers
                if not matcher.holds(facts.get(name, ABSENT))
            ]
            if not differences:
                self.found.append(each)
                if self._is_first_enough:
                    return
            elif self._near is None or len(differences) <= len(self._near[1]):
                self._near = each, differences
            if not number % self._stride:
                yield

    def _unseen(self) -> Iterable[Found]:
        if self.what == "exchanges":  # they never change: each is compared once
            for each in self.world.journal.beyond(self._seen):
                self._seen = each.number
                yield each
            return
        self.found, self._near, self._next_change = [], None, None
        if self.what == "deliveries":
            yield from [each for each in self.world.deliveries() if each.attempts]
        else:
            yield from self.world.generations()

    def _facts(self, each: Found) -> Mapping[str, object]:
        if isinstance(each, Exchange):
            path = each.target.partition("?")[0]
            facts = {"method": each.method, "path": path, "status": each.status, "reason": each.reason}
            known = {"operation": each.operation, "request_id": each.request_id, "rule": each.rule}
            return facts | {name: value for name, value in known.items() if value is not None}
        if isinstance(each, Delivery):
            return {
                "request_id": each.request_id,
                "url": each.url,
                "channel": each.channel,
                "delivered": any(attempt.succeeded for attempt in each.attempts),
                "status": each.attempts[-1].status,
                "attempts": len(each.attempts),
            }
        # Generations change as time passes, without any request. `/_sim` shows the state that the page specifies, whatever a mutant responds.
        seen = status_span(each.accepted, each.plan, self.world.clock.now())
        if seen.until is not None:
            self._next_change = seen.until if self._next_change is None else min(self._next_change, seen.until)
        return {"request_id": each.request_id, "operation": each.operation, "status": seen.status.value}

    def nearest(self) -> Nearest | None:
        """What came nearest without fulfilling every matcher, the latest of several."""
        if self._near is None:
            return None
        each, differences = self._near
        if isinstance(each, Exchange):
            name = f"exchange {each.number}, {each.method} {rendering.target(self.world, each)} answered {each.status}"
        elif isinstance(each, Delivery):
            name = f"delivery {each.number}, about {each.request_id}"
        else:
            name = f"generation {each.request_id}"
        return rendering.nearest(self.world, name, differences)

    def __str__(self) -> str:
        """How many were found, and of what: `1 of 2 exchanges (method equals 'GET')`."""
        return f"{len(self.found)} of {self._count} {self.wanted}"

    @property
    def wanted(self) -> str:
        """What is looked for: `exchanges (method equals 'GET')`."""
        matchers = ", ".join(f"{name} {matcher}" for name, matcher in self._matchers)
        return f"{self.what} ({matchers})" if matchers else self.what
