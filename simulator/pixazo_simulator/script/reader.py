"""Reads rules from a script in TOML or JSON; what is wrong is reported with its line, its place and the remedy."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any, cast

from pixazo_simulator.spec import MisfitError, Path, fit, json_lines, nearest, read_toml, toml_lines

from .matchers import MOST_WEIGHT
from .rule import Rule

MOST_RULES = 1000
"""Rules in one script."""
_DEEPEST = 100
_QUOTED = re.compile(r"'([^']*)'")


def script_from(text: str, name: str, *, as_json: bool) -> tuple[Rule, ...]:
    """The rules in a text, which messages call `name`. Raises ValueError that names `name`, the line, the key and the remedy."""
    try:
        return _read(text, name, as_json=as_json)
    except RecursionError:  # of the parser, of a rule, or of the search for its line
        raise ValueError(f"script {name} is nested too deeply") from None


def _read(text: str, name: str, *, as_json: bool) -> tuple[Rule, ...]:
    try:
        return _read_rules(_parsed(text, name, as_json=as_json))
    except MisfitError as error:
        line = _line(text, error.path, as_json=as_json)
        raise ValueError(f"script {name}, line {line}: {error}") from None


def _parsed(text: str, name: str, *, as_json: bool) -> Any:
    try:
        return json.loads(text) if as_json else read_toml(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"script {name}, line {error.lineno}: not valid JSON: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"script {name} is not valid TOML: {error}") from None
    except ValueError:  # of int()
        raise ValueError(f"script {name} holds a number of too many digits") from None


def _line(text: str, path: Path, *, as_json: bool) -> int:
    """The line of the value at a path, or of the nearest one around it."""
    lines = json_lines(text) if as_json else toml_lines(text)
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), 1)


def _read_rules(data: object) -> tuple[Rule, ...]:
    """The rules of a script: a table with the member `rules`, a list of them. Raises MisfitError for the first thing that is wrong."""
    if not isinstance(data, dict):
        raise MisfitError("a script is a table with the member rules")
    table = cast("dict[str, Any]", data)
    for name in table:
        if name != "rules":
            raise MisfitError(f"unknown field `{name}`{nearest(name, ('rules',))}; a script holds only rules", (name,))
    rules: object = table.get("rules", [])
    if not isinstance(rules, list):
        raise MisfitError("rules is not a list: write [[rules]] before each in TOML", ("rules",))
    given = cast("list[object]", rules)
    if len(given) > MOST_RULES:
        raise MisfitError(f"more than {MOST_RULES} rules", ("rules",))
    read: list[Rule] = []
    left = MOST_WEIGHT
    for number, each in enumerate(given):
        rule, weight = _read_rule(each, ("rules", number))
        left -= weight
        if left < 0:
            problem = f"the steps and conditions so far weigh more than {MOST_WEIGHT}: write fewer"
            raise MisfitError(problem, ("rules", number))
        read.append(rule)
    return tuple(read)


def _read_rule(value: object, place: Path) -> tuple[Rule, int]:
    """A rule and its weight."""
    try:
        rule = fit(value, Rule)
        return rule, rule.weight(MOST_WEIGHT)
    except MisfitError as error:
        path = _quoted_path(error.problem, error.path, value) or error.path
        raise MisfitError(error.problem, (*place, *path), error.value) from None
    except ValueError as error:
        raise MisfitError(str(error), (*place, *(_quoted_path(str(error), (), value) or ()))) from None


def _quoted_path(problem: str, path: Path, value: Any) -> Path | None:
    """The path below `path` of what a sentence quotes, the last quotation first: a member of this name, or with this value."""
    try:
        for step in path:
            value = value[step]
    except (KeyError, IndexError, TypeError):
        return None
    below = _walk(value, path)
    for quoted in reversed(_QUOTED.findall(problem)):
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
