"""What all examples of one run of the state machine share, and the decorator of rules that report to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final

from hypothesis.stateful import precondition, rule

from pixazo_contracts.runner import Dialogue

from .counterexample import CounterexampleError

#: Every rule of the state machine, and the capability that it needs.
RULES: Final[dict[str, str]] = {}


class IdleRuleError(AssertionError):
    """A rule of the state machine never fired: the examples did not try everything."""


class EnoughError(BaseException):
    """Enough attempts were made. It is not an `Exception`, because Hypothesis would take that for another failure."""


@dataclass(slots=True)
class ExampleRun:
    """What all examples of one run share: the dialogue, how often each rule fired, and the shortest failure so far.

    After the first failure at most `attempts` further examples look for a shorter one.
    """

    dialogue: Dialogue
    strict_drift: bool = False
    attempts: int = 0
    fired: Counter[str] = field(default_factory=Counter[str])
    shortest: CounterexampleError | None = None

    def can(self, need: str) -> bool:
        """Whether the target has what a rule needs; `prompt` stands for a prompt of any kind."""
        context = self.dialogue.context
        if need == "prompt":
            return bool(context.prompts)
        return not need or context.profile.has(frozenset({need}))

    def count_attempt(self) -> None:
        """Note that an example ends. Raises `EnoughError` once there were enough attempts at a shorter failure."""
        if self.shortest is not None:
            self.attempts -= 1
            if self.attempts < 0:
                raise EnoughError

    def fail(self, error: CounterexampleError) -> None:
        """Raise this failure, unless it breaks no clause that the first one broke: Hypothesis shrinks one failure at a time."""
        if self.shortest is None:
            self.shortest = error
        elif set(error.clauses).isdisjoint(self.shortest.clauses):
            return
        elif error.length < self.shortest.length:
            self.shortest = error
        raise error

    def idle(self) -> list[str]:
        """The rules that could have fired and never did."""
        return [name for name, need in RULES.items() if self.can(need) and not self.fired[name]]


def counted_rule(need: str = "", **drawn: Any) -> Callable[[Callable[..., Any]], Any]:
    """A rule that counts how often it fires, and that fires only if the target has what it needs."""

    def decorate(function: Callable[..., Any]) -> Any:
        RULES[function.__name__] = need

        @wraps(function)
        def counted(self: Any, **values: Any) -> Any:
            self.shared.fired[function.__name__] += 1
            return function(self, **values)

        make: Callable[..., Any] = rule
        return precondition(lambda machine: machine.shared.can(need))(make(**drawn)(counted))

    return decorate
