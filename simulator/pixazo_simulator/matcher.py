"""Conditions on one value of a call, which compose."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from .policy import nearest

__all__ = [
    "ABSENT", "Matcher", "absent", "at_least", "at_most", "contains", "ends_with", "equals", "matches", "one_of", "present",
    "read_matcher", "starts_with",
]  # fmt: skip


class _Absent:
    """The value of what was not sent."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Matcher:
    """An operator and its operand; `&`, `|` and `~` make new ones."""

    operator: str
    operand: Any

    def __post_init__(self) -> None:
        """Raise ValueError with the remedy for an operator or operand that means nothing."""
        if self.operator not in _OPERATORS:
            raise ValueError(
                f"operator {self.operator!r} is not one of {', '.join(_OPERATORS)}{nearest(self.operator, tuple(_OPERATORS))}"
            )
        _OPERATORS[self.operator].check(self.operator, self.operand)

    def holds(self, value: object) -> bool:
        """Whether the value fulfils the condition; `ABSENT` stands for a value that was not sent."""
        return _OPERATORS[self.operator].holds(self.operand, value)

    def told(self) -> dict[str, Any]:
        """As JSON and TOML write it: `{"contains": "bear"}`."""
        return {self.operator: _told(self.operand)}

    def __str__(self) -> str:
        if self.operator in ("all", "any"):
            return (" and " if self.operator == "all" else " or ").join(f"({each})" for each in self.operand)
        if self.operator == "present":
            return "is present" if self.operand else "is absent"
        return (
            f"{self.operator.replace('_', ' ')} {self.operand!r}" if self.operator != "not" else f"not ({self.operand})"
        )

    def __and__(self, other: Matcher) -> Matcher:
        return Matcher("all", (self, other))

    def __or__(self, other: Matcher) -> Matcher:
        return Matcher("any", (self, other))

    def __invert__(self) -> Matcher:
        return Matcher("not", self)


@dataclass(frozen=True, slots=True)
class _Operator:
    holds: Callable[[Any, object], bool]
    check: Callable[[str, Any], None]


def _same(wanted: object, value: object) -> bool:
    """Equal, and not a number where a boolean is wanted or the other way round."""
    return wanted == value and isinstance(wanted, bool) == isinstance(value, bool)


def _contains(wanted: object, value: object) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, (list, tuple)) and wanted in cast("list[object]", value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _accepts(*_: object) -> None:
    pass


def _needs(kind: type, word: str) -> Callable[[str, Any], None]:
    def check(operator: str, operand: Any) -> None:
        if not isinstance(operand, kind) or (isinstance(operand, bool) and kind is not bool):
            raise ValueError(f"{operator} {operand!r}: give it {word}")

    return check


def _number(operator: str, operand: Any) -> None:
    if not _is_number(operand):
        raise ValueError(f"{operator} {operand!r}: give it a number")


def _pattern(operator: str, operand: Any) -> None:
    _text(operator, operand)
    try:
        re.compile(operand)
    except re.error as error:
        raise ValueError(f"{operator} {operand!r} is no regular expression: {error}") from None


_text = _needs(str, "a text")
_several = _needs(tuple, "a list")

_OPERATORS: Mapping[str, _Operator] = {
    "equals": _Operator(_same, _accepts),
    "contains": _Operator(_contains, _accepts),
    "starts_with": _Operator(lambda wanted, value: isinstance(value, str) and value.startswith(wanted), _text),
    "ends_with": _Operator(lambda wanted, value: isinstance(value, str) and value.endswith(wanted), _text),
    "matches": _Operator(lambda wanted, value: isinstance(value, str) and bool(re.search(wanted, value)), _pattern),
    "at_least": _Operator(lambda wanted, value: _is_number(value) and value >= wanted, _number),
    "at_most": _Operator(lambda wanted, value: _is_number(value) and value <= wanted, _number),
    "one_of": _Operator(lambda wanted, value: any(_same(each, value) for each in wanted), _several),
    "present": _Operator(lambda wanted, value: (value is not ABSENT) == wanted, _needs(bool, "true or false")),
    "all": _Operator(lambda wanted, value: all(each.holds(value) for each in wanted), _several),
    "any": _Operator(lambda wanted, value: any(each.holds(value) for each in wanted), _several),
    "not": _Operator(lambda wanted, value: not wanted.holds(value), _needs(Matcher, "a condition")),
}


def _told(operand: Any) -> Any:
    if isinstance(operand, Matcher):
        return operand.told()
    if isinstance(operand, tuple):
        return [_told(each) for each in cast("tuple[object, ...]", operand)]
    return operand


def read_matcher(value: Any) -> Matcher:
    """A condition from JSON or TOML: a plain value means `equals`. Raises ValueError with the remedy."""
    if isinstance(value, Matcher):
        return value
    if not isinstance(value, dict):
        return Matcher("equals", value)
    found = cast("dict[str, Any]", value)
    if len(found) != 1:
        raise ValueError(f"condition {found!r} has {len(found)} operators: write one, such as {{'contains': 'bear'}}")
    ((operator, operand),) = found.items()
    if operator in ("all", "any"):
        return Matcher(operator, tuple(read_matcher(each) for each in _listed(operator, operand)))
    if operator == "not":
        return Matcher(operator, read_matcher(operand))
    return Matcher(operator, tuple(_listed(operator, operand)) if operator == "one_of" else operand)


def _listed(operator: str, operand: Any) -> list[Any]:
    if not isinstance(operand, (list, tuple)):
        raise ValueError(f"{operator} {operand!r}: give it a list")  # noqa: TRY004 - read from a file, not a call
    return list(cast("list[Any]", operand))


def equals(value: object) -> Matcher:
    """The value itself; a plain value in `when(...)` means the same."""
    return Matcher("equals", value)


def contains(part: object) -> Matcher:
    """A text with this part in it, or a list with this element."""
    return Matcher("contains", part)


def starts_with(start: str) -> Matcher:
    """A text that begins so."""
    return Matcher("starts_with", start)


def ends_with(end: str) -> Matcher:
    """A text that ends so."""
    return Matcher("ends_with", end)


def matches(pattern: str) -> Matcher:
    """A text in which the regular expression is found anywhere."""
    return Matcher("matches", pattern)


def at_least(number: float) -> Matcher:
    """A number of this size or more."""
    return Matcher("at_least", number)


def at_most(number: float) -> Matcher:
    """A number of this size or less."""
    return Matcher("at_most", number)


def one_of(*values: object) -> Matcher:
    """Any of these values."""
    return Matcher("one_of", values)


def present() -> Matcher:
    """Sent, whatever it is."""
    return Matcher("present", True)  # noqa: FBT003 - the operand, as JSON writes it


def absent() -> Matcher:
    """Not sent."""
    return Matcher("present", False)  # noqa: FBT003 - the operand, as JSON writes it
