"""Reads scripts in TOML, JSON or YAML; what is wrong is reported with its line, its place and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from pixazo_simulator import spec

from .matchers import MOST_WEIGHT
from .rule import DEEPEST_JSON, MOST_RULES, Rule

_QUOTED = spec.regex(r"'([^']*)'")


def script_from(text: str, name: str, form: str) -> tuple[Rule, ...]:
    """The rules in a text in a format, which messages call `name`. Raises ValueError that names `name`, the line, the key and the remedy."""
    return spec.read_text_as(f"script {name}", text, form, _read_rules)


def script_problems(data: object) -> Iterator[spec.InvalidDataError]:
    """All that is wrong with a script, as far as it can be found: once for each member of a rule."""
    found = [*spec.problems_within(data, "rules", [], _read_rules, _rule_problems)]
    yield from found or spec.problems_of(data, _read_rules)


def _rule_problems(rule: object, place: spec.Path) -> Iterator[spec.InvalidDataError]:
    return spec.problems_of(rule, _read_rule, place)


class _Script(msgspec.Struct, forbid_unknown_fields=True):
    """The content of a script file."""

    rules: Annotated[tuple[Any, ...], Meta(max_length=MOST_RULES)] = ()


def _read_rules(data: object) -> tuple[Rule, ...]:
    """The rules of a script. Raises InvalidDataError for the first thing that is wrong."""
    read: list[Rule] = []
    left = MOST_WEIGHT  # also checked when the rules enter a script, where their lines are no longer known
    for number, each in enumerate(spec.fit(data, _Script).rules):
        try:
            rule, weight = _read_rule(each)
        except spec.InvalidDataError as misfit:
            raise misfit.within("rules", number) from None
        left -= weight
        if left < 0:
            problem = f"the steps and conditions so far weigh more than {MOST_WEIGHT}: write fewer"
            raise spec.InvalidDataError(problem, ("rules", number))
        read.append(rule)
    return tuple(read)


def _read_rule(value: object) -> tuple[Rule, int]:
    """A rule and its weight; TOML has instants of its own."""
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        value = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in members.items()}
    try:
        rule = spec.fit(value, Rule)
        return rule, rule.weight(MOST_WEIGHT)
    except ValueError as error:
        path = getattr(error, "path", ())
        misfit = error if isinstance(error, spec.InvalidDataError) else spec.InvalidDataError(str(error), path)
        if path[:1] != ("match",):  # a condition says itself where it is
            path = _quoted_path(misfit.problem, path, value)
        raise spec.InvalidDataError(misfit.problem, path, misfit.value, missing=misfit.missing) from None


def _quoted_path(problem: str, path: spec.Path, value: Any) -> spec.Path:
    """The path below `path` of what a message quotes, the last quotation first: a member with this name, or with this value."""
    try:
        for step in path:
            value = value[step]
    except (KeyError, IndexError, TypeError):
        return path
    below = tuple(_walk(value, path))
    for quoted in reversed(_QUOTED.findall(problem)):
        for found, each in below:
            if found[-1] == quoted or each == quoted:
                return found
    return path


def _walk(value: object, path: spec.Path) -> Iterator[tuple[spec.Path, object]]:
    """Every member and element below a value, with its path, as deep as a rule can be read."""
    inner: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        inner = cast("dict[str, object]", value).items()
    elif isinstance(value, list):
        inner = enumerate(cast("list[object]", value))
    for step, each in inner if len(path) <= DEEPEST_JSON else ():
        yield (*path, step), each
        yield from _walk(each, (*path, step))
