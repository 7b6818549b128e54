"""The script of a world: which rule decides what happens at a request or webhook delivery."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from operator import itemgetter
from random import Random
from typing import Any, cast

import msgspec

from pixazo_simulator import spec
from pixazo_simulator.spec import HIDDEN, SECOND, beginning, covers, is_secret, not_unicode, read, shown

from .facts import Facts, Headers, operations
from .matchers import ABSENT, MOST_WEIGHT, Matcher
from .rule import MOST_RULES, Rule, Step, written

__all__ = ["Decision", "Diagnosis", "SavedScript", "Script"]

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of the rules of one script, written as JSON."""
_LONGEST_CONDITION = 200
"""Characters of a condition in a difference."""
_MOST_DIFFERENCES = 20
"""Differences of one rule that are listed."""


class Decision(msgspec.Struct, frozen=True):
    """The step of a rule that decides a call; `number` counts rules from 1, `label` names the rule in journals and reports.

    `index` counts the steps of the rule from 0; `seed`, which the world gives, is where the faults draw from.
    """

    number: int
    label: str
    step: Step
    index: int = 0
    seed: int = 0


class Diagnosis(msgspec.Struct, frozen=True):
    """Whether one rule decides a call, whether it is about such calls at all, and a phrase for each reason why not."""

    number: int
    label: str
    decides: bool
    differences: tuple[str, ...]
    is_about: bool


class _Difference(msgspec.Struct, frozen=True):
    """Why a rule does not match: the place of a fact, its value, the condition."""

    path: tuple[str, ...]
    value: object
    wanted: Matcher

    def __str__(self) -> str:
        """In words, without the value of a header or member whose name looks like that of a secret."""
        place = ".".join(self.path)
        if is_secret(self.path[-1]):
            return f"{place} is {ABSENT if self.value is ABSENT else HIDDEN}, expected: {HIDDEN}"
        return f"{place} is {shown(self.value)}, expected: {beginning(str(self.wanted), _LONGEST_CONDITION)}"


class RuleEntry:
    """A rule in its script: its parsed conditions, the use of its steps, how the nearest request differed, the seed of its draws.

    It was `added` at an instant (UTC milliseconds). Raises ValueError when it weighs more than is left, or is larger.
    """

    def __init__(self, number: int, rule: Rule, added: int, seed: int, weight_left: int, bytes_left: int) -> None:
        self.number, self.rule = number, rule
        self.begin(added, seed)
        self.operations = operations(rule.when)
        self.weight = rule.weight(weight_left)
        if self.weight > weight_left:
            raise ValueError(
                f"the steps and conditions of one script weigh at most {MOST_WEIGHT}, this rule more than the {weight_left} left: "
                "write fewer or shorter conditions, steps and regular expressions"
            )
        try:
            self.json = msgspec.json.encode(rule.as_json())
        except UnicodeEncodeError as error:
            raise ValueError(f"match: {not_unicode(error)}") from None
        except TypeError as error:
            raise ValueError(f"match cannot be written as JSON: {error}") from None
        if len(self.json) > bytes_left:
            raise ValueError(
                f"the rules of one script have at most {MOST_BYTES} bytes, this rule {len(self.json)} of the {bytes_left} left: "
                "write shorter strings"
            )
        self.label = f"rule {number}: {rule}"
        self.matched = 0
        self.used: tuple[int, ...] = (0,) * len(rule.steps)
        self.tests = tuple((path[0], path[1] if path[1:] else None, *each.test()) for path, each in rule.conditions)
        """The conditions as `decide` tests them, mostly without a match."""
        self.differing: int | None = None
        """In how many respects the nearest call differed."""
        self._nearest: Sequence[_Difference | str] = ()

    def saved(self) -> SavedRule:
        nearest = tuple(map(str, self._nearest))
        return SavedRule(
            self.number, self.json, self.window, self.seed, self.matched, self.used, self.differing, nearest
        )

    @classmethod
    def restored(cls, saved: SavedRule, rule: Rule) -> RuleEntry:
        entry = cls(saved.number, rule, 0, saved.seed, MOST_WEIGHT, MOST_BYTES)
        entry.window, entry.matched, entry.used = saved.window, saved.matched, saved.used
        entry.differing, entry._nearest = saved.differing, saved.nearest
        return entry

    def begin(self, added: int, seed: int) -> None:
        """Count its window from an instant, and draw from this seed."""
        self.window, self.seed = self.rule.window(added), seed

    def count(self, index: int, by: int) -> None:
        """Count one more use of a step, or one less."""
        self.matched += by
        self.used = (*self.used[:index], self.used[index] + by, *self.used[index + 1 :])

    def decision(self, index: int) -> Decision:
        return Decision(self.number, self.label, self.rule.steps[index], index)

    def differences(self, facts: Facts) -> list[_Difference | str]:
        """Why the rule does not match, empty when it does."""
        if not covers(self.operations, facts.operation):
            return [f"it is about {self.rule.when}, this is {facts.operation}"]
        begins, ends = self.window
        if facts.at < begins:
            return [f"it begins in {(begins - facts.at) / SECOND:g} s (since={written(self.rule.since)})"]
        if self.rule.until is not None and ends is not None and facts.at >= ends:
            return [f"it ended {(facts.at - ends) / SECOND:g} s ago (until={written(self.rule.until)})"]
        found = ((path, _fact(facts.values, path), condition) for path, condition in self.rule.conditions)
        differing: list[_Difference | str] = [_Difference(*each) for each in found if not each[2].holds(each[1])]
        index = self.step_index()
        return differing if index is None else [*differing, *self.rule.steps[index].inapplicable_faults(facts.values)]

    def lost_draw(self) -> str | None:
        """Why the draw lets the next matching request through; None when the rule decides it.

        The n-th request has the same draw whatever else happens, so a dry run and a second look agree with what follows.
        """
        wanted = self.rule.probability
        if wanted == 1:
            return None
        drawn = Random(f"{self.seed} {self.number} {self.matched}").random()  # noqa: S311 - reproducible by design, guards nothing
        return None if drawn < wanted else f"it drew {drawn:.3f}, not below its probability {wanted:g}"

    def miss(self, reasons: Sequence[_Difference | str]) -> None:
        """Remember why a call was not decided, if none came nearer."""
        if self.differing is None or len(reasons) < self.differing:
            self.differing, self._nearest = len(reasons), reasons[: _MOST_DIFFERENCES + 1]

    @property
    def missed(self) -> tuple[str, ...] | None:
        """Why the nearest call was not decided, None when there was no call that the rule is about."""
        return None if self.differing is None else _worded(self._nearest, self.differing)

    def step_index(self) -> int | None:
        """The step for the next matching request, None when it is let through: too early, or all steps are used up."""
        if self.matched < self.rule.after:
            return None
        left = sum(self.used)
        for index in range(len(self.used)):
            times = self.times(index)
            if times is None or left < times:
                return index
            left -= times
        return None

    def times(self, index: int) -> int | None:
        """How often a step is used, None: forever; a step that another follows is used once unless it says otherwise."""
        last = index == len(self.rule.steps) - 1
        return self.rule.steps[index].times or (None if last else 1)


class SavedRule(msgspec.Struct, frozen=True):
    """A rule as it is kept: the rule as JSON, and its use so far (see `RuleEntry`)."""

    number: int
    rule: bytes
    window: tuple[int, int | None]
    seed: int
    matched: int
    used: tuple[int, ...]
    differing: int | None
    nearest: tuple[str, ...]


class SavedScript(msgspec.Struct, frozen=True):
    """A script as it is kept."""

    rules: tuple[SavedRule, ...]
    made: int
    seed: int


class Script:
    """The rules of one world, in order; the first that matches and is not used up decides. They are about served `operations`."""

    def __init__(self, seed: int = 0, operations: Collection[str] = spec.OPERATIONS) -> None:
        self._seed, self._made, self._operations = seed, 0, operations
        self._hold({})

    def _hold(self, entries: dict[int, RuleEntry]) -> None:
        self._entries = entries
        self._about: dict[str, list[RuleEntry]] = {}

    def fork(self) -> Script:
        """A copy with the same rules, used as often, that is used on its own."""
        other = Script(self._seed, self._operations)
        other._hold({number: copy(entry) for number, entry in self._entries.items()})
        other._made = self._made
        return other

    def saved(self) -> SavedScript:
        return SavedScript(tuple(map(RuleEntry.saved, self._entries.values())), self._made, self._seed)

    def restore(self, saved: SavedScript) -> None:
        """Restore a saved script. Raises ValueError for rules that cannot be read."""
        self._hold({each.number: RuleEntry.restored(each, read(each.rule, Rule)) for each in saved.rules})
        self._made, self._seed = saved.made, saved.seed

    def begin(self, now: int, seed: int) -> None:
        """Treat all rules as added at this instant (UTC milliseconds), and draw from this seed from now on."""
        self._seed = seed
        for entry in self._entries.values():
            entry.begin(now, seed)

    def __len__(self) -> int:
        return len(self._entries)

    def is_about(self, operation: str) -> bool:
        """Whether any rule is about calls of this operation."""
        return bool(self._meeting(operation))

    def _meeting(self, operation: str) -> Sequence[RuleEntry]:
        """The rules that are about calls of an operation, looked up at the first one."""
        found = self._about.get(operation)
        if found is None:
            found = [entry for entry in self._entries.values() if covers(entry.operations, operation)]
            self._about[operation] = found
        return found

    def add(self, rule: Rule, now: int = 0) -> int:
        """Append a rule at an instant (UTC milliseconds) and return its number.

        Raises ValueError beyond 1,000 rules, `MOST_WEIGHT`, `MOST_BYTES`, for an invalid regular expression or unknown operation.
        """
        number = self._made + 1
        self._hold({**self._entries, number: self._entry(number, rule, now, self._entries)})
        self._made = number
        return number

    def set(self, rules: Iterable[Rule], now: int = 0) -> None:
        """Replace all rules by these, in order; nothing changes when one is refused. Raises ValueError as `add` does."""
        entries: dict[int, RuleEntry] = {}
        for number, rule in enumerate(rules, self._made + 1):
            try:
                entries[number] = self._entry(number, rule, now, entries)
            except ValueError as error:
                raise ValueError(f"rules[{len(entries)}]: {error}") from None
        self._hold(entries)
        self._made += len(entries)

    def replace(self, number: int, rule: Rule, now: int = 0) -> None:
        """Replace a rule; the new one starts unused. Raises KeyError for an unknown number, ValueError as `add` does."""
        others = {**self._entries}
        del others[number]
        self._hold({**self._entries, number: self._entry(number, rule, now, others)})

    def _entry(self, number: int, rule: Rule, now: int, others: Mapping[int, RuleEntry]) -> RuleEntry:
        if "/" in rule.when and rule.when not in self._operations:
            raise ValueError(f"when {spec.unknown_operation(rule.when, self._operations)}")
        if len(others) >= MOST_RULES:
            raise ValueError(f"the script has {MOST_RULES} rules already: clear it, or remove some")
        weight_left = MOST_WEIGHT - sum(each.weight for each in others.values())
        bytes_left = MOST_BYTES - sum(len(each.json) for each in others.values())
        return RuleEntry(number, rule, now, self._seed, weight_left, bytes_left)

    def remove(self, number: int) -> None:
        """Forget a rule. Raises KeyError when there is none of this number."""
        del self._entries[number]
        self._hold(self._entries)

    def listed(self) -> list[RuleEntry]:
        return list(self._entries.values())

    def decide(self, facts: Facts, let_through: list[str] | None = None) -> Decision | None:
        """The decision of the first rule that matches, whose step is used by it; None when no rule matches.

        `let_through` gets a phrase for each rule before it whose draw let the call through.
        """
        decision: Decision | None = None
        values = facts.values
        for entry in self._meeting(facts.operation):
            if decision and any(entry.used):
                continue  # what a rule missed matters only until it is used
            for name, key, holds, wanted in entry.tests:
                value = values.get(name, ABSENT)
                if not holds(wanted, value if key is None else _member(value, key)):
                    break
            else:
                decision = self._matched(entry, facts, decision, let_through)
                continue
            if entry.differing != 1:  # no call can be nearer than by one difference
                entry.miss(entry.differences(facts))
        return decision

    def _matched(
        self, entry: RuleEntry, facts: Facts, decision: Decision | None, let_through: list[str] | None
    ) -> Decision | None:
        """The decision after a rule whose conditions are fulfilled; `decision` is that of a rule before it."""
        if differences := entry.differences(facts):
            entry.miss(differences)
        elif decision:
            entry.miss([_passed_over(entry, decision.number)])
        elif (index := entry.step_index()) is None:
            entry.miss([_passed_over(entry, None)])
            entry.matched += 1
        elif lost_draw := entry.lost_draw():
            entry.miss([lost_draw])
            entry.matched += 1
            if let_through is not None:
                let_through.append(f"{entry.label} let it through: {lost_draw}")
        else:
            entry.count(index, 1)
            return entry.decision(index)
        return decision

    def give_back(self, decision: Decision) -> None:
        """Undo a decision: its step turned out to have no effect on the request."""
        entry = self._entries.get(decision.number)
        if entry and entry.used[decision.index]:
            entry.count(decision.index, -1)

    def peek(self, facts: Facts) -> Decision | None:
        """What `decide` would return, without using a step."""
        for entry in self._meeting(facts.operation):
            index = entry.step_index()
            if index is not None and not entry.differences(facts) and not entry.lost_draw():
                return entry.decision(index)
        return None

    def diagnose(self, facts: Facts) -> list[Diagnosis]:
        """Whether each rule decides a call, nearest first: the one that does, then those with the fewest differences."""
        decision = self.peek(facts)
        deciding = decision.number if decision else None
        found: list[tuple[tuple[bool, bool, int], Diagnosis]] = []
        for entry in self._entries.values():
            reasons, decides = entry.differences(facts), entry.number == deciding
            worded = _worded(reasons or ([] if decides else [_passed_over(entry, deciding)]))
            is_about = covers(entry.operations, facts.operation)
            distance = (not decides, not is_about, len(worded))
            found.append((distance, Diagnosis(entry.number, entry.label, decides, worded, is_about)))
        return [diagnosis for _, diagnosis in sorted(found, key=itemgetter(0))]


def _worded(reasons: Sequence[_Difference | str], count: int | None = None) -> tuple[str, ...]:
    """The reasons in words, shortened if there are many; `count` is how many there were where only the first are given."""
    listed = [str(each) for each in reasons[:_MOST_DIFFERENCES]]
    more = (len(reasons) if count is None else count) - len(listed)
    return (*listed, *([f"{more} more difference{'s' * (more != 1)}"] if more else []))


def _passed_over(entry: RuleEntry, deciding: int | None) -> str:
    if entry.matched < entry.rule.after:
        calls = entry.rule.after - entry.matched
        return f"it lets {calls} more call{'s' * (calls != 1)} through first (after={entry.rule.after})"
    if entry.step_index() is None:
        used = sum(entry.used)
        return f"it is used up: {used} time{'s' * (used != 1)}"
    if deciding and deciding < entry.number:
        return f"rule {deciding} comes first"
    return entry.lost_draw() or "it would decide"


def _fact(facts: Mapping[str, Any], path: tuple[str, ...]) -> object:
    value = facts.get(path[0], ABSENT)
    return _member(value, path[1]) if path[1:] else value


def _member(value: object, name: str) -> object:
    return cast("dict[str, Any]", value).get(name, ABSENT) if isinstance(value, (dict, Headers)) else ABSENT
