"""The stage: what all examples of one run of the state machine share, and the steps that count on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, Protocol

from hypothesis.stateful import precondition, rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixazo_contracts.runner import Dialogue

    from .alarm import ContractBrokenError


#: Every rule that is a step, and the capability that it needs.
STEPS: Final[dict[str, str]] = {}


class IdleRuleError(AssertionError):
    """A rule of the machine that never fired: the examples did not try everything."""


class EnoughError(BaseException):
    """Enough attempts were made; not an `Exception`, for Hypothesis would take that for another failure."""


@dataclass(slots=True)
class Stage:
    """What all examples of one run share: the dialogue, how often each rule fired, and the shortest failure so far.

    After the first failure so many `attempts` at a shorter one are made.
    """

    dialogue: Dialogue
    strict_drift: bool = False
    attempts: int = 0
    fired: Counter[str] = field(default_factory=Counter[str])
    shortest: ContractBrokenError | None = None

    def can(self, need: str) -> bool:
        """Whether the target has what a rule needs; `prompt` stands for a prompt of any kind."""
        profile = self.dialogue.setting.profile
        if need == "prompt":
            return bool(self.dialogue.setting.prompts)
        return not need or profile.has(frozenset({need}))

    def attempt(self) -> None:
        """Note that an example ends. Raises `EnoughError` when no more attempts at a shorter failure are to be made."""
        if self.shortest is not None:
            self.attempts -= 1
            if self.attempts < 0:
                raise EnoughError

    def fail(self, error: ContractBrokenError) -> None:
        """Raise this failure, unless it is of another kind than the first."""
        if self.shortest is None or (_length(error) < _length(self.shortest) and _kin(error, self.shortest)):
            self.shortest = error
        if _kin(error, self.shortest):
            raise error

    def idle(self) -> list[str]:
        """The rules that could have fired and never did."""
        return [name for name, need in STEPS.items() if self.can(need) and not self.fired[name]]


def _length(error: ContractBrokenError) -> tuple[int, int]:
    """How long a counterexample is: in wishes, then in characters."""
    found = error.counterexample
    return (len(found.granted), len(found.source())) if found is not None else (0, 0)


def _kin(one: ContractBrokenError, other: ContractBrokenError) -> bool:
    """Whether two failures break a clause in common."""
    return not set(one.clauses).isdisjoint(other.clauses)


class OnStage(Protocol):
    """A machine that knows its stage."""

    stage: Stage


def step(need: str = "", **drawn: Any) -> Callable[[Callable[..., Any]], Any]:
    """A rule that counts how often it fires, and that only fires where the target has what it needs."""

    def decorate(function: Callable[..., Any]) -> Any:
        STEPS[function.__name__] = need

        @wraps(function)
        def counted(self: OnStage, **values: Any) -> Any:
            self.stage.fired[function.__name__] += 1
            return function(self, **values)

        make: Callable[..., Any] = rule
        return _where(need)(make(**drawn)(counted))

    return decorate


def _where(need: str) -> Callable[[Any], Any]:
    """A precondition on the target."""

    def holds(machine: OnStage) -> bool:
        return machine.stage.can(need)

    return precondition(holds)
