"""Reads rules from JSON-ready values, and tells what is wrong with them where it stands."""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from pixazo_simulator.spec import Path, nearest

from .matchers import MOST_WEIGHT
from .rule import FAULTS, End, Reply, Rule, Step

MOST_RULES = 1000
"""Rules in one script."""
_MESSAGE = re.compile(r"(?P<says>.*?)(?: - at `(?P<path>\$.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[^.\[\]`]+)|\[(?P<index>\d+)\]|\[(?P<any>\.\.\.)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_INVALID = re.compile(r"Invalid value '(.*)'")
_DEEPEST = 100
_QUOTED = re.compile(r"'([^']*)'")


class RuleError(ValueError):
    """A rule that means nothing; `path` is where the trouble stands, the message does not name it."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


def spelled(path: Path) -> str:
    """A path as one writes it: `rules[0].faults[1].seconds`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def read_rules(data: object) -> tuple[Rule, ...]:
    """The rules of a script: a table with the member `rules`, a list of them.

    Raises RuleError for the first thing that is wrong, with the nearest known name.
    """
    if not isinstance(data, dict):
        raise RuleError((), "a script is a table with the member rules")
    table = cast("dict[str, Any]", data)
    for name in table:
        if name != "rules":
            raise RuleError((name,), f"unknown key {name!r}{nearest(name, ('rules',))}: a script holds only rules")
    rules: object = table.get("rules", [])
    if not isinstance(rules, list):
        raise RuleError(("rules",), "rules is not a list: write [[rules]] before each in TOML")
    if len(cast("list[object]", rules)) > MOST_RULES:
        raise RuleError(("rules",), f"more than {MOST_RULES} rules")
    read: list[Rule] = []
    left = MOST_WEIGHT
    for number, each in enumerate(cast("list[object]", rules)):
        rule, weighs = _read(each, ("rules", number))
        left -= weighs
        if left < 0:
            raise RuleError(
                ("rules", number), f"the steps and conditions so far weigh more than {MOST_WEIGHT}: write fewer"
            )
        read.append(rule)
    return tuple(read)


def _read(value: object, place: Path) -> tuple[Rule, int]:
    """A rule and what it weighs."""
    try:
        rule = msgspec.convert(value, Rule)
        return rule, rule.weight(MOST_WEIGHT)
    except ValueError as error:  # msgspec's own are of this kind
        found = _MESSAGE.fullmatch(str(error))
        says, path = (found["says"], _path(found["path"] or "")) if found else (str(error), ())
        raise _explained(says, path, value, place) from None


def _path(text: str) -> Path:
    """The path of a message of msgspec, as far as it is told: names of members of a mapping are not."""
    path: Path = ()
    for step in _STEP.finditer(text):
        if step["any"]:
            break
        path = (*path, int(step["index"]) if step["index"] else step["name"])
    return path


def _explained(says: str, path: Path, value: object, place: Path) -> RuleError:
    if unknown := _UNKNOWN.fullmatch(says):
        known = _known(path, value)
        told = f"unknown key {unknown[1]!r}{nearest(unknown[1], known)}: known are {', '.join(known)}"
        return RuleError((*place, *path, unknown[1]), told)
    if path[-1:] == ("fault",) and (invalid := _INVALID.fullmatch(says)):
        told = f"fault {invalid[1]!r} does not exist{nearest(invalid[1], tuple(FAULTS))}: see pixazo-sim faults"
        return RuleError((*place, *path), told)
    return RuleError((*place, *(_meant(says, path, value) or path)), says.replace("`", ""))


def _known(path: Path, value: object) -> tuple[str, ...]:
    """The members of what stands at a path of a rule."""
    names = [step for step in path if isinstance(step, str)]
    last = names[-1] if names else ""
    if last == "faults":
        kind = str(cast("dict[str, Any]", _at(value, path)).get("fault"))
        return ("fault", *FAULTS[kind].__struct_fields__) if kind in FAULTS else ("fault",)
    shapes: dict[str, type[msgspec.Struct]] = {"reply": Reply, "end": End, "then": Step}
    return shapes.get(last, Rule).__struct_fields__


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _meant(says: str, path: Path, value: object) -> Path | None:
    """The path below `path` of what a sentence quotes, the last quotation first: a member of this name, or with this value."""
    try:
        below = list(_walk(_at(value, path), path))
    except (KeyError, IndexError, TypeError):
        return None
    for quoted in reversed(_QUOTED.findall(says)):
        for found, each in below:
            if found[-1] == quoted or each == quoted:
                return found
    return None


def _walk(value: object, path: Path) -> list[tuple[Path, object]]:
    """Every member and element below a value, with its path, as deep as a rule can be read."""
    inner: list[tuple[str | int, object]] = []
    if len(path) > _DEEPEST:
        return []
    if isinstance(value, dict):
        inner = list(cast("dict[str, object]", value).items())
    elif isinstance(value, list):
        inner = list(enumerate(cast("list[object]", value)))
    return [entry for step, each in inner for entry in [((*path, step), each), *_walk(each, (*path, step))]]
