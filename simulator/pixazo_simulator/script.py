"""What a test has scripted: when this call, then this reply, plan, or these faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

import msgspec

from .faults import CALLBACKS, MEDIA, READS, REPLIES, SUBMITS, AnyFault, kind_of
from .matcher import ABSENT, Matcher, read_matcher
from .models import ImageParameters
from .policy import nearest

__all__ = ["MOST_RULES", "OCCASIONS", "Decision", "Diagnosis", "End", "Occasion", "Reply", "Rule", "Script", "Step"]

MOST_RULES = 1000

OCCASIONS: Mapping[str, frozenset[str]] = {
    "generate": frozenset({"generate"}),
    "imageToVideo": frozenset({"imageToVideo"}),
    "submit": SUBMITS,
    "status": READS,
    "media": MEDIA,
    "webhook": CALLBACKS,
    "request": REPLIES,
}
"""What a rule can be about, and the operations each means: `submit` is either operation, `request` anything but callbacks."""

_ALIASES = {"image_to_video": "imageToVideo", "download": "media"}
_MEMBERS = ImageParameters.__struct_fields__
_FACTS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(SUBMITS, frozenset({*_MEMBERS, "webhook_url", "headers", "body"})),
    "status": frozenset({"request_id", "operation", "status", "prompt", "headers"}),
    "media": frozenset({"request_id", "method", "prompt", "headers"}),
    "webhook": frozenset({"request_id", "operation", "status", "prompt", "url", "channel", "attempt"}),
}
"""What can be asked of an occasion. `body` and `headers` are mappings: of any member, of any header."""

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An answer instead of the real one; nothing is committed.

    Without `json` or `text` an error code gets the body that the gateway gives it; `retry_after` is in seconds.
    """

    status: Annotated[int, msgspec.Meta(ge=200, le=599)]
    json: Any = msgspec.UNSET
    text: str | None = None
    headers: dict[str, str] = {}
    retry_after: Annotated[int, msgspec.Meta(ge=0, le=86_400)] | None = None


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How an accepted generation goes on: its terminal status, its error, seconds in each state; what is left out stays as it was.

    `after` is the time until the end, split between the two states in the usual proportion.
    """

    status: str = "COMPLETED"
    error: str | None = None
    queued: Seconds | None = None
    processing: Seconds | None = None
    after: Seconds | None = None

    def __post_init__(self) -> None:
        """Raise ValueError with the remedy."""
        terminal = ("COMPLETED", "FAILED", "ERROR")
        if self.status not in terminal:
            raise ValueError(f"end {self.status!r} is not one of {', '.join(terminal)}{nearest(self.status, terminal)}")
        if self.error is not None and self.status == "COMPLETED":
            raise ValueError(f"error {self.error!r}: COMPLETED has none, write FAILED or ERROR")
        if self.after is not None and (self.queued is not None or self.processing is not None):
            raise ValueError(f"after {self.after:g} excludes queued and processing: give one or the other")


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What happens at a call, `times` times: without a number always, or once if another step follows."""

    reply: Reply | None = None
    end: End | None = None
    faults: tuple[AnyFault, ...] = ()
    times: Count | None = None


class Rule(Step, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """When a call matches, then the step, then those of `then`; the first `after` matching calls are let through.

    `match` maps what can be asked of the occasion to a value or a condition such as `{"contains": "bear"}`.
    """

    when: str
    match: dict[str, Any] = {}
    after: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    then: tuple[Step, ...] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError with the remedy for a rule that means nothing."""
        operations = _operations(self.when)
        _conditions(self.match, self.when, operations)
        for step in self.steps:
            _check_step(step, self.when, operations)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The step and those that follow it; a rule is its own first step."""
        return (self, *self.then)

    def told(self) -> dict[str, Any]:
        """As JSON and TOML write it, without what is left at its default."""
        told: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self, match={}))
        return told | ({"match": _written(self.match)} if self.match else {})

    def __str__(self) -> str:
        """The rule as a phrase: `when generate, prompt contains 'bear'`."""
        return self.name or ", ".join(
            [f"when {self.when}", *(_phrase(name, each) for name, each in self.match.items())]
        )


class Occasion(msgspec.Struct, frozen=True):
    """A call or callback that rules are asked about: its operation and its facts."""

    operation: str
    facts: Mapping[str, Any]


class Decision(msgspec.Struct, frozen=True):
    """What a rule wants for an occasion; `number` counts rules from 1, `label` names it in journals and reports."""

    number: int
    label: str
    step: Step


class Diagnosis(msgspec.Struct, frozen=True):
    """How one rule regards an occasion: whether it decides it, and if not, why not, in one sentence a difference."""

    number: int
    label: str
    decides: bool
    differences: tuple[str, ...]


class _Entry:
    """A rule, its conditions read, and how often each of its steps was used."""

    __slots__ = ("conditions", "matched", "operations", "rule", "used")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.operations = _operations(rule.when)
        self.conditions = _conditions(rule.match, rule.when, self.operations)
        self.matched = 0
        self.used = [0] * len(rule.steps)

    def differences(self, occasion: Occasion) -> list[str]:
        """What keeps the rule from matching, nothing when it matches."""
        if occasion.operation not in self.operations:
            return [f"it is about {self.rule.when}, this is {occasion.operation}"]
        found = ((path, condition, _fact(occasion.facts, path)) for path, condition in self.conditions)
        return [
            f"{'.'.join(path)} is {value!r}, wanted: {condition}"
            for path, condition, value in found
            if not condition.holds(value)
        ]

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

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, rule: Rule) -> int:
        """Append a rule and return its number. Raises ValueError beyond 1,000 rules."""
        if len(self._entries) >= MOST_RULES:
            raise ValueError(f"the script has {MOST_RULES} rules already: clear it, or remove some")
        self._made += 1
        self._entries[self._made] = _Entry(rule)
        return self._made

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

    def decide(self, occasion: Occasion) -> Decision | None:
        """What the first rule that matches wants, which uses it; None when no rule does."""
        for number, entry in self._entries.items():
            if entry.differences(occasion):
                continue
            index = entry.step_index()
            entry.matched += 1
            if index is not None:
                entry.used[index] += 1
                return Decision(number, f"rule {number}: {entry.rule}", entry.rule.steps[index])
        return None

    def peek(self, occasion: Occasion) -> Decision | None:
        """What `decide` would say, using nothing."""
        for number, entry in self._entries.items():
            index = entry.step_index()
            if index is not None and not entry.differences(occasion):
                return Decision(number, f"rule {number}: {entry.rule}", entry.rule.steps[index])
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


def _passed_over(entry: _Entry, deciding: Decision | None) -> str:
    if entry.matched < entry.rule.after:
        return f"it lets {entry.rule.after - entry.matched} more calls through first (after={entry.rule.after})"
    if entry.step_index() is None:
        return f"it is used up: {sum(entry.used)} times"
    return f"rule {deciding.number} stands before it" if deciding else "it would decide"


def _is_elsewhere(diagnosis: Diagnosis) -> bool:
    return diagnosis.differences[:1] != () and diagnosis.differences[0].startswith("it is about ")


def _operations(when: str) -> frozenset[str]:
    known = _ALIASES.get(when, when)
    if known not in OCCASIONS:
        names = (*OCCASIONS, *_ALIASES)
        raise ValueError(f"when {when!r} is not one of {', '.join(names)}{nearest(when, names)}")
    return OCCASIONS[known]


def _conditions(
    match: Mapping[str, Any], when: str, operations: frozenset[str]
) -> list[tuple[tuple[str, ...], Matcher]]:
    """Conditions with the path of what they are about. Raises ValueError with the nearest known name."""
    known = frozenset[str].intersection(*(_FACTS[operation] for operation in operations))
    found: list[tuple[tuple[str, ...], Matcher]] = []
    for name, condition in match.items():
        if name not in known:
            names = tuple(sorted(known))
            raise ValueError(
                f"when {when!r} knows nothing of {name!r}{nearest(name, names)}: known are {', '.join(names)}"
            )
        if name in ("headers", "body"):
            if not isinstance(condition, Mapping):
                raise ValueError(f"{name} {condition!r}: give it names and their conditions")
            for key, each in cast("Mapping[str, Any]", condition).items():
                found.append(((name, key.lower() if name == "headers" else key), read_matcher(each)))
        else:
            found.append(((name,), read_matcher(condition)))
    return found


def _written(condition: Any) -> Any:
    """A condition, or a mapping of them, as JSON writes it."""
    if isinstance(condition, Matcher):
        return condition.told()
    if isinstance(condition, Mapping):
        return {name: _written(each) for name, each in cast("Mapping[str, Any]", condition).items()}
    return condition


def _fact(facts: Mapping[str, Any], path: tuple[str, ...]) -> object:
    value: Any = facts
    for name in path:
        value = cast("Mapping[str, Any]", value).get(name, ABSENT) if isinstance(value, Mapping) else ABSENT
    return value


def _check_step(step: Step, when: str, operations: frozenset[str]) -> None:
    if step.reply and step.end:
        raise ValueError(f"when {when!r}: reply and end exclude each other, since a reply in its place accepts nothing")
    if step.end and not operations <= SUBMITS:
        raise ValueError(f"when {when!r}: only a submit can be given an end; write when='submit'")
    if step.reply and not operations <= REPLIES:
        raise ValueError(f"when {when!r}: a callback is no reply; use a fault such as drop")
    for fault in step.faults:
        if not operations & fault.strikes:
            wanted = ", ".join(name for name, meant in OCCASIONS.items() if meant <= fault.strikes)
            raise ValueError(f"when {when!r}: fault {kind_of(fault)} strikes only {wanted}")


def _phrase(name: str, condition: Any) -> str:
    if name in ("headers", "body"):
        return ", ".join(f"{name}.{key} {read_matcher(each)}" for key, each in condition.items())
    return f"{name} {read_matcher(condition)}"
