"""What a test has scripted, and which rule decides what happens at a call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, cast

import msgspec

from .faults import Fault
from .matcher import ABSENT, Matcher
from .reading import MOST_RULES
from .redaction import HIDDEN, is_secret
from .rule import OCCASIONS, End, Reply, Rule, Step, conditions, operations

__all__ = ["MOST_RULES", "OCCASIONS", "Decision", "Diagnosis", "End", "Occasion", "Reply", "Rule", "Script", "Step"]


class Occasion(msgspec.Struct, frozen=True):
    """A call or callback that rules are asked about: its operation and its facts."""

    operation: str
    facts: Mapping[str, Any]


class Decision(msgspec.Struct, frozen=True):
    """What a rule wants for an occasion; `number` counts rules from 1, `label` names it in journals and reports.

    `index` counts the steps of the rule from 0.
    """

    number: int
    label: str
    step: Step
    index: int = 0

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What strikes, in the order in which it was written."""
        return self.step.faults


class Diagnosis(msgspec.Struct, frozen=True):
    """How one rule regards an occasion: whether it decides it, and if not, why not, in one sentence a difference."""

    number: int
    label: str
    decides: bool
    differences: tuple[str, ...]


class _Entry:
    """A rule, its conditions read, and how often each of its steps was used."""

    __slots__ = ("conditions", "matched", "missed", "operations", "rule", "used")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.operations = operations(rule.when)
        self.conditions = conditions(rule.match, rule.when, self.operations)
        self.matched = 0
        self.used = [0] * len(rule.steps)
        self.missed: tuple[str, ...] | None = None

    def twin(self) -> _Entry:
        """One that was used as often, and is used on its own."""
        other = copy(self)
        other.used = list(self.used)
        return other

    def differences(self, occasion: Occasion) -> list[str]:
        """What keeps the rule from matching, nothing when it matches."""
        if occasion.operation not in self.operations:
            return [f"it is about {self.rule.when}, this is {occasion.operation}"]
        found = ((path, condition, _fact(occasion.facts, path)) for path, condition in self.conditions)
        differing = [
            _difference(path, condition, value) for path, condition, value in found if not condition.holds(value)
        ]
        index = self.step_index()
        return differing if index is None else [*differing, *self.rule.steps[index].idle(occasion.facts)]

    def miss(self, occasion: Occasion, reasons: list[str]) -> None:
        """Remember why an occasion was not for this rule, if none came nearer and the rule is about such calls at all."""
        if occasion.operation in self.operations and (self.missed is None or len(reasons) < len(self.missed)):
            self.missed = tuple(reasons)

    def step_index(self) -> int | None:
        """The step that the next matching call gets, None when it is let through: too early, or all are used up."""
        left = self.matched - self.rule.after
        if left < 0:
            return None
        for index in range(len(self.used)):
            times = self.times(index)
            if times is None or left < times:
                return index
            left -= times
        return None

    def times(self, index: int) -> int | None:
        """How often a step is used, None for ever; a step that another follows is used once unless it says otherwise."""
        last = index == len(self.rule.steps) - 1
        return self.rule.steps[index].times or (None if last else 1)


class Script:
    """The rules of one world, in order; the first that matches and is not used up decides."""

    __slots__ = ("_entries", "_made")

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._made = 0

    def twin(self) -> Script:
        """One with the same rules, used as often, that goes its own way."""
        other = Script()
        other._entries = {number: entry.twin() for number, entry in self._entries.items()}
        other._made = self._made
        return other

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, rule: Rule) -> int:
        """Append a rule and return its number. Raises ValueError beyond 1,000 rules."""
        if len(self._entries) >= MOST_RULES:
            raise ValueError(f"the script has {MOST_RULES} rules already: clear it, or remove some")
        self._made += 1
        self._entries[self._made] = _Entry(rule)
        return self._made

    def extend(self, rules: Iterable[Rule]) -> None:
        """Append rules in order. Raises ValueError at the first beyond 1,000."""
        for rule in rules:
            self.add(rule)

    def replace(self, number: int, rule: Rule) -> None:
        """Put another rule in the place of one; it starts unused. Raises KeyError when there is none of this number."""
        if number not in self._entries:
            raise KeyError(number)
        self._entries[number] = _Entry(rule)

    def remove(self, number: int) -> None:
        """Forget a rule. Raises KeyError when there is none of this number."""
        del self._entries[number]

    def clear(self) -> None:
        """Forget every rule."""
        self._entries.clear()

    def rules(self) -> dict[int, tuple[Rule, tuple[int, ...]]]:
        """Each rule by its number, with how often each of its steps was used."""
        return {number: (entry.rule, tuple(entry.used)) for number, entry in self._entries.items()}

    def unused(self) -> dict[int, tuple[Rule, int]]:
        """The rules with a step that was never used, by number, and the index of the first such step."""
        return {n: (e.rule, e.used.index(0)) for n, e in self._entries.items() if 0 in e.used}

    def missed(self) -> dict[int, tuple[str, ...]]:
        """What the call that came nearest to a rule differed in, by number; rules that no call of their kind missed are left out."""
        return {number: entry.missed for number, entry in self._entries.items() if entry.missed is not None}

    def decide(self, occasion: Occasion) -> Decision | None:
        """What the first rule that matches wants, which uses it; None when no rule does."""
        decision: Decision | None = None
        for number, entry in self._entries.items():
            if decision and any(entry.used):
                continue  # it was used before: nobody will ask what it missed
            if differences := entry.differences(occasion):
                entry.miss(occasion, differences)
            elif decision:
                entry.miss(occasion, [_passed_over(entry, decision)])
            else:
                decision = self._use(number, entry, occasion)
        return decision

    def _use(self, number: int, entry: _Entry, occasion: Occasion) -> Decision | None:
        """Count a call that matches a rule, and let the rule decide it unless it comes too early or too late."""
        index = entry.step_index()
        if index is None:
            entry.miss(occasion, [_passed_over(entry, None)])
        entry.matched += 1
        if index is None:
            return None
        entry.used[index] += 1
        return Decision(number, f"rule {number}: {entry.rule}", entry.rule.steps[index], index)

    def give_back(self, decision: Decision) -> None:
        """Take a decision as never made: the call turned out to give it nothing to do."""
        entry = self._entries.get(decision.number)
        if entry and entry.used[decision.index]:
            entry.used[decision.index] -= 1
            entry.matched -= 1

    def peek(self, occasion: Occasion) -> Decision | None:
        """What `decide` would say, using nothing."""
        for number, entry in self._entries.items():
            index = entry.step_index()
            if index is not None and not entry.differences(occasion):
                return Decision(number, f"rule {number}: {entry.rule}", entry.rule.steps[index], index)
        return None

    def diagnose(self, occasion: Occasion) -> list[Diagnosis]:
        """How every rule regards an occasion, nearest first: the one that decides, then those with the fewest differences."""
        deciding = self.peek(occasion)
        found: list[Diagnosis] = []
        for number, entry in self._entries.items():
            decides = deciding is not None and deciding.number == number
            reasons = entry.differences(occasion) or ([] if decides else [_passed_over(entry, deciding)])
            found.append(Diagnosis(number, f"rule {number}: {entry.rule}", decides, tuple(reasons)))
        return sorted(found, key=lambda each: (not each.decides, _is_elsewhere(each), len(each.differences)))


def _difference(path: tuple[str, ...], condition: Matcher, value: object) -> str:
    """What was found, and what was wanted, but not of a header or member that holds a secret."""
    if is_secret(path[-1]):
        return f"{'.'.join(path)} is {repr(value) if value is ABSENT else HIDDEN}, wanted: {HIDDEN}"
    return f"{'.'.join(path)} is {value!r}, wanted: {condition}"


def _passed_over(entry: _Entry, deciding: Decision | None) -> str:
    if entry.matched < entry.rule.after:
        return f"it lets {entry.rule.after - entry.matched} more calls through first (after={entry.rule.after})"
    if entry.step_index() is None:
        return f"it is used up: {sum(entry.used)} times"
    return f"rule {deciding.number} stands before it" if deciding else "it would decide"


def _is_elsewhere(diagnosis: Diagnosis) -> bool:
    return diagnosis.differences[:1] != () and diagnosis.differences[0].startswith("it is about ")


def _fact(facts: Mapping[str, Any], path: tuple[str, ...]) -> object:
    value: Any = facts
    for name in path:
        value = cast("Mapping[str, Any]", value).get(name, ABSENT) if isinstance(value, Mapping) else ABSENT
    return value
