"""Options and arguments of a command, made from what its control route takes, and how their values are read."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
from click.shell_completion import CompletionItem

from pixazo_simulator.cli.options import OFFERED, Finite, Read, offering, pair
from pixazo_simulator.control import ControlRoute
from pixazo_simulator.script import Rule

Schema = Mapping[str, Any]


class _Whole(click.IntRange):
    name = "whole number"


def parameters_of(route: ControlRoute, arguments: tuple[str, ...]) -> Iterator[click.Parameter]:
    """The parameters of a route: the number in its path, then the members of its body or query, those of `arguments` without an option's name."""
    if route.pattern.groups:
        yield click.Argument(["number"], type=_Whole(0, 10**15 - 1), metavar="NUMBER")
    if route.request_type is Rule:
        yield click.Argument(["rule"], type=Read(_rule), metavar="JSON|FILE", shell_complete=_offer_file)
        return
    (_,), components = msgspec.json.schema_components([route.request_type])
    described = components[route.request_type.__name__]
    for name in (*arguments, *(each for each in described["properties"] if each not in arguments)):
        schema = described["properties"][name]
        named = components.get(schema.get("$ref", "").rpartition("/")[2], {})
        settings = _settings(name, named | schema)
        if name in arguments:
            required, several = name in described["required"], settings.pop("multiple", False)
            metavar = settings["metavar"] if required else f"[{settings['metavar']}]"
            settings |= {"metavar": f"{metavar}..." if several else metavar, "nargs": -1 if several else 1}
            yield click.Argument([name], required=required, **settings)
        else:
            spelled = f"--{name.replace('_', '-')}"
            if settings.get("is_flag") and "default" not in schema:
                spelled += f"/--no-{spelled[2:]}"
            yield click.Option([spelled, name], default=None, help=_help(named | schema), **settings)


def _help(schema: Schema) -> str:
    text = inspect.cleandoc(schema.get("description", "")).partition("\n")[0].removesuffix(".")
    again = "; may be repeated" if _is_pairs(schema) else ""
    default = f"  [default: {schema['default']:g}]" if schema.get("default") and schema["type"] != "boolean" else ""
    return f"{text}{again}.{default}"


def _settings(name: str, schema: Schema) -> dict[str, Any]:
    """How a member is given, by its JSON schema."""
    settings: dict[str, Any] = {"metavar": name.upper()}
    option, file = f"--{name.replace('_', '-')}", {"shell_complete": _offer_file}
    if offered := OFFERED.get(name):
        settings["shell_complete"] = offering(offered)
    bounds = {each[:3]: schema[each] for each in ("minimum", "maximum") if each in schema}
    match schema:
        case {"type": "boolean"}:
            return {"is_flag": True}
        case {"type": "integer"}:
            return settings | {"type": _Whole(**bounds) if bounds else click.INT}
        case {"type": "number"}:
            return settings | {"type": Finite(**bounds)}
        case {"type": "string"}:
            return settings
        case {"type": "array", "items": {"type": "string"}}:
            return settings | {"multiple": True}
        case {"type": "array", "items": {"$ref": "#/$defs/Rule"}}:
            return settings | file | {"type": Read(_rules), "metavar": "FILE"}
        case _ if _is_pairs(schema):
            form = "NAME=VALUE"
            return settings | {"type": Read(partial(pair, option, form)), "multiple": True, "metavar": form}
        case {"type": _}:
            return settings | file | {"type": Read(partial(_json, option)), "metavar": "JSON|FILE"}
        case _:
            return settings | {"type": Read(_text), "metavar": "TEXT|@FILE"}


def _offer_file(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    return [CompletionItem(begun, type="file")]


def _is_pairs(schema: Schema) -> bool:
    """Whether a member is an object of strings and numbers under any names."""
    others = schema.get("additionalProperties")
    return isinstance(others, dict) and ("anyOf" in others or "type" in others)


def body_of(route: ControlRoute, given: Mapping[str, Any]) -> dict[str, Any]:
    """The body or query that a command sends: a rule, or the members that were given, of which pairs become an object."""
    if route.request_type is Rule:
        rule: dict[str, Any] = given["rule"]
        return rule
    members = {name: value for name, value in given.items() if value is not None and value != ()}
    are_pairs = {name for name, value in members.items() if isinstance(value, tuple) and isinstance(value[0], tuple)}
    return {name: dict(value) if name in are_pairs else value for name, value in members.items()}


def _json(option: str, text: str) -> Any:
    """JSON, which begins with a bracket, or the content of the file that contains it."""
    written = text if text.lstrip()[:1] in ("{", "[") else _content(text)
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{option} {text[:80]!r} is not valid JSON: {error}") from None


def _content(name: str) -> str:
    """The text of a file, `-` for standard input."""
    try:
        with click.open_file(name.removeprefix("@"), encoding="utf-8-sig") as file:
            return str(file.read())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"{name[:80]!r} is neither JSON nor a file that can be read: {reason}") from None


def _text(text: str) -> Any:
    """A value as JSON, or the string itself where it is not JSON: it is sent as it is."""
    written = _content(text) if text.startswith("@") else text
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return written


def _rules(file: str) -> list[dict[str, Any]]:
    """The rules of a script file, as `serve --script` reads it."""
    from pixazo_simulator.server import read_script  # this import takes a while

    return [rule.as_json() for rule in read_script(Path(file))]


def _rule(text: str) -> Any:
    """A rule as JSON, or the one of a script file."""
    if text.lstrip().startswith("{"):
        return _json("rule", text)
    rules = _rules(text)
    if len(rules) != 1:
        raise ValueError(f"script {text} has {len(rules)} rules, but this takes one: pass all of them to script set")
    return rules[0]
