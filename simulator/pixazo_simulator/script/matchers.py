"""Conditions on one fact of a request or webhook delivery, which can be combined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeGuard, cast

import msgspec

from pixazo_simulator.spec import nearest, not_unicode, placed, shown

__all__ = ["ABSENT", "Matcher", "read_matcher", "weight"]

MOST_NESTED = 32
"""Levels of conditions, lists and objects inside each other: each takes a few calls of Python's 1000."""
MOST_WEIGHT = 10_000
"""Weight of the conditions of one script; the time that rules take for one request is in proportion to it."""
SEARCHED_TEXT = 2000
"""Code points of a string that `matches` and `contains` search: the length of the longest prompt."""
SEARCHED_ELEMENTS = 200
"""Elements of a list that `contains` searches."""

# Regular expressions are those of RE2: a search takes time proportional to the length of the string, whatever the pattern.
LONGEST_PATTERN = 500
"""Code points of a pattern."""
_MEMORY = 256 * 1024
"""Bytes that one compiled pattern may use, its cache of states included."""
_REMEDIES = {
    "invalid perl operator": (
        "there is no lookahead, lookbehind, atomic group, conditional, comment, or flag other than i, m, s, U; "
        "combine conditions with all, any and not instead"
    ),
    "invalid escape sequence": (
        "there are no backreferences; the end of the string is \\z or $, a character by its code is \\x{e9}, a letter of any script \\pL"
    ),
    "bad repetition operator": "there are no possessive quantifiers; write one quantifier after each part",
    "invalid repetition size": "a part is repeated at most 1000 times, nested repetitions multiplied; write * or + instead",
    "pattern too large": f"it compiles to more than {_MEMORY // 1024} KiB; write shorter repetitions and fewer alternatives",
}  # fmt: skip
"""What to write instead, by the beginning of the library's message."""


def compiled(pattern: str) -> Any:
    """Compile a pattern of RE2's syntax. Raises ValueError with the remedy for one that is invalid, too long, or too large."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(
            f"matches a pattern of {len(pattern)} characters: write at most {LONGEST_PATTERN}, or several conditions"
        )
    re2 = _library()
    options = re2.Options()
    options.max_mem, options.never_capture, options.log_errors = _MEMORY, True, False
    try:
        return re2.compile(pattern.encode(), options)
    except UnicodeEncodeError as error:
        raise ValueError(f"matches {not_unicode(error)}") from None
    except re2.error as error:
        message = error.args[0].decode(errors="replace")
        remedy = next((f": {text}" for start, text in _REMEDIES.items() if message.startswith(start)), "")
        raise ValueError(
            f"matches {pattern!r} is not a regular expression of RE2's syntax: {message}{remedy}"
        ) from None


def _library() -> Any:
    try:
        import re2  # type: ignore[import-untyped]  # with the first pattern; ships no type information
    except ImportError:
        raise ValueError(
            "matches needs the package google-re2: install it, or write contains, starts_with or ends_with instead"
        ) from None
    return re2


def extent(value: object, most: int, values: int) -> int:
    """How many values and conditions there are in a value of JSON or a condition, itself included.

    Raises ValueError for more than `values` of them, and for conditions, lists and objects more than `most` levels deep.
    """
    count, levels, found = 0, 0, [value]
    while found:
        count += len(found)
        if count > values:
            raise ValueError(f"more than {values} values")
        inner = [_inner(each) for each in found]
        if levels == most and any(each is not None for each in inner):
            raise ValueError(f"nested more than {most} levels deep")
        found = [each for values in inner for each in values or ()]
        levels += 1
    return count


def _inner(value: object) -> Iterable[object] | None:
    """What is inside a condition, an object or a list; None for any other value."""
    if isinstance(value, Matcher):
        return (value.operand,) if isinstance(value.operand, Matcher) else _inner(value.operand)
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list | tuple) else None


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


class Matcher(msgspec.Struct, frozen=True, dict=True):
    """A condition: an operator and its operand. `&`, `|` and `~` make new ones."""

    operator: str
    operand: Any

    def __post_init__(self) -> None:
        """Raise ValueError with the remedy for an invalid operator or operand, and beyond the bounds.

        A regular expression is compiled by `weight`, or by the first `holds`.
        """
        if self.operator not in _OPERATORS:
            raise ValueError(
                f"operator {shown(self.operator)} is not one of {', '.join(_OPERATORS)}"
                f"{nearest(self.operator, tuple(_OPERATORS))}"
            )
        _, kind, word = _OPERATORS[self.operator]
        self._check(self.operand, kind, word)
        for each in self.inner:
            self._check(each, Matcher, "a condition")
        try:
            _ = self.size
        except ValueError as error:
            raise ValueError(_too_much(self.operator, error)) from None

    def _check(self, operand: object, kind: _Kind, word: str) -> None:
        """Raise ValueError for an operand of another kind; a boolean is not a number."""
        if not isinstance(operand, kind) or (isinstance(operand, bool) and kind not in (bool, object)):
            raise ValueError(f"{self.operator} {shown(operand)}: give it {word}")

    @cached_property
    def size(self) -> int:
        """How many conditions and values it has. Raises ValueError for too many of them, or levels of them."""
        return extent(self, MOST_NESTED, MOST_WEIGHT)

    @property
    def inner(self) -> tuple[Matcher, ...]:
        """The conditions of which it consists."""
        if self.operator == "not":
            return (self.operand,)
        return self.operand if self.operator in ("all", "any") else ()

    def leaves(self) -> Iterator[Matcher]:
        """The conditions in it that do not consist of others."""
        if not self.inner:
            yield self
        for each in self.inner:
            yield from each.leaves()

    @cached_property
    def pattern(self) -> Any:
        """Its regular expression, compiled once. Raises ValueError with the remedy."""
        return compiled(self.operand)

    def test(self) -> tuple[Callable[[Any, object], bool], Any]:
        """The function that tests a value, and its first argument. Raises ValueError for a pattern that cannot be compiled."""
        return _OPERATORS[self.operator][0], self.pattern if self.operator == "matches" else self.operand

    def holds(self, value: object) -> bool:
        """Whether the value fulfils the condition; `ABSENT` represents a value that was not sent."""
        test, wanted = self.test()
        return test(wanted, value)

    def as_json(self) -> dict[str, Any]:
        """As JSON and TOML write it: `{"contains": "bear"}`."""
        return {self.operator: as_json(self.operand)}

    def __str__(self) -> str:
        if self.operator in ("all", "any"):
            return (" and " if self.operator == "all" else " or ").join(f"({each})" for each in self.operand)
        if self.operator == "present":
            return "is present" if self.operand else "is absent"
        if self.operator == "not":
            return f"not ({self.operand})"
        return f"{self.operator.replace('_', ' ')} {shown(self.operand)}"

    def __and__(self, other: Matcher) -> Matcher:
        return Matcher("all", (self, other))

    def __or__(self, other: Matcher) -> Matcher:
        return Matcher("any", (self, other))

    def __invert__(self) -> Matcher:
        return Matcher("not", self)


def _same(wanted: object, value: object) -> bool:
    """Equal, and not a number where a boolean is wanted, or the other way round."""
    return wanted == value and isinstance(wanted, bool) == isinstance(value, bool)


def _contains(wanted: object, value: object) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value[:SEARCHED_TEXT]
    return isinstance(value, (list, tuple)) and wanted in cast("list[object]", value)[:SEARCHED_ELEMENTS]


def _found(pattern: Any, value: object) -> bool:
    return isinstance(value, str) and pattern.search(value[:SEARCHED_TEXT].encode("utf-8", "replace")) is not None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_Kind = type | tuple[type, ...]
_OPERATORS: Mapping[str, tuple[Callable[[Any, object], bool], _Kind, str]] = {
    "equals": (_same, object, ""),
    "contains": (_contains, object, ""),
    "starts_with": (lambda wanted, value: isinstance(value, str) and value.startswith(wanted), str, "a string"),
    "ends_with": (lambda wanted, value: isinstance(value, str) and value.endswith(wanted), str, "a string"),
    "matches": (_found, str, "a string"),
    "at_least": (lambda wanted, value: _is_number(value) and value >= wanted, (int, float), "a number"),
    "at_most": (lambda wanted, value: _is_number(value) and value <= wanted, (int, float), "a number"),
    "one_of": (lambda wanted, value: any(_same(each, value) for each in wanted), tuple, "a list"),
    "present": (lambda wanted, value: (value is not ABSENT) == wanted, bool, "true or false"),
    "all": (lambda wanted, value: all(each.holds(value) for each in wanted), tuple, "a list"),
    "any": (lambda wanted, value: any(each.holds(value) for each in wanted), tuple, "a list"),
    "not": (lambda wanted, value: not wanted.holds(value), Matcher, "a condition"),
}
"""Whether a value fulfils the condition, the type of its operand, and that in words."""


def as_json(value: Any) -> Any:
    """A condition, an operand, or a mapping or tuple of them, as JSON and TOML write it."""
    if isinstance(value, Matcher):
        return value.as_json()
    if isinstance(value, tuple):
        return [as_json(each) for each in cast("tuple[object, ...]", value)]
    if isinstance(value, Mapping):
        return {name: as_json(each) for name, each in cast("Mapping[str, Any]", value).items()}
    return value


def read_matcher(value: Any, levels: int = MOST_NESTED) -> Matcher:
    """A condition from JSON or TOML: a plain value means `equals`. Raises ValueError with the remedy."""
    if isinstance(value, Matcher):
        return value
    if not isinstance(value, dict):
        return Matcher("equals", value)
    found = cast("dict[str, Any]", value)
    if len(found) != 1:
        raise ValueError(
            f"condition {shown(found)} has {len(found)} operators: write one, such as {{'contains': 'bear'}}"
        )
    ((operator, operand),) = found.items()
    if levels < 0:
        raise ValueError(_too_much(operator, f"nested more than {MOST_NESTED} levels deep"))
    if operator in ("all", "any"):
        inner: list[Matcher] = []
        for number, each in enumerate(_listed(operator, operand)):
            with placed(operator, number):
                inner.append(read_matcher(each, levels - 1))
        return Matcher(operator, tuple(inner))
    if operator == "not":
        with placed(operator):
            return Matcher(operator, read_matcher(operand, levels - 1))
    with placed(operator):
        return Matcher(operator, tuple(_listed(operator, operand)) if operator == "one_of" else operand)


def _too_much(operator: str, problem: object) -> str:
    return f"condition {operator} is {problem}: write several rules, or shorter ones"


def weight(matchers: Iterable[Matcher], most: int) -> int:
    """The weight of conditions together, or any number above `most` when it is more than that.

    Each condition and each value in it weighs 1, a regular expression its length or three times its compiled size: a search takes
    about as many steps for each byte. Raises ValueError with the remedy for an invalid regular expression.
    """
    total = 0
    for matcher in matchers:
        total += matcher.size
        for leaf in matcher.leaves():
            if leaf.operator == "matches":
                total += max(len(leaf.operand), 3 * leaf.pattern.programsize)
            if total > most:
                return total
    return total


def _listed(operator: str, operand: Any) -> list[Any]:
    if not isinstance(operand, (list, tuple)):
        raise ValueError(f"{operator} {shown(operand)}: give it a list")  # noqa: TRY004 - read from a file, not a call
    return list(cast("list[Any]", operand))


def equals(value: object) -> Matcher:
    """The value itself; a plain value in `when(...)` means the same."""
    return Matcher("equals", value)


def contains(part: object) -> Matcher:
    """A string with this part in its first 2,000 code points, or a list with this element among its first 200."""
    return Matcher("contains", part)


def starts_with(start: str) -> Matcher:
    """A string with this prefix."""
    return Matcher("starts_with", start)


def ends_with(end: str) -> Matcher:
    """A string with this suffix."""
    return Matcher("ends_with", end)


def matches(pattern: str) -> Matcher:
    """A string with a match of the regular expression in its first 2,000 code points.

    The syntax is RE2's: as Python's without lookahead, lookbehind, backreferences and possessive quantifiers; `\\z` is the end of
    the string; `\\d`, `\\w`, `\\s`, `\\b` know only ASCII (`\\pL` is any letter). `(?i)` ignores case, with `(?s)` `.` matches a
    line's end. Raises ValueError with the remedy for any other pattern, and beyond 500 code points.
    """
    made = Matcher("matches", pattern)
    made.test()  # compiles it
    return made


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
    """Sent, with any value."""
    return Matcher("present", True)  # noqa: FBT003 - the operand, as JSON writes it


def absent() -> Matcher:
    """Not sent."""
    return Matcher("present", False)  # noqa: FBT003 - the operand, as JSON writes it
