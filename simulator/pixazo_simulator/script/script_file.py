"""Reads a script from a TOML or JSON file, and names the line of what is wrong in it."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from pixazo_simulator.spec import json_lines, read_toml, toml_lines

from .reader import RuleError, read_rules, spelled
from .rule import Rule


def script_from(text: str, name: str, *, as_json: bool) -> tuple[Rule, ...]:
    """The rules in a text, which messages call `name`. Raises ValueError as that names `name`, the line, the key and the remedy."""
    try:
        return _rules(text, name, as_json=as_json)
    except RecursionError:  # of the parser, of a rule, or of the search for its line
        raise ValueError(f"script {name} is nested too deeply") from None


def _rules(text: str, name: str, *, as_json: bool) -> tuple[Rule, ...]:
    try:
        return read_rules(_parsed(text, name, as_json=as_json))
    except RuleError as error:
        where = spelled(error.path)
        line = _line(text, error.path, as_json=as_json)
        raise ValueError(f"script {name}, line {line}: {f'{where}: ' if where else ''}{error}") from None


def _parsed(text: str, name: str, *, as_json: bool) -> Any:
    try:
        return json.loads(text) if as_json else read_toml(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"script {name}, line {error.lineno}: not valid JSON: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"script {name} is not valid TOML: {error}") from None
    except ValueError:  # of int()
        raise ValueError(f"script {name} holds a number of too many digits") from None


def _line(text: str, path: tuple[str | int, ...], *, as_json: bool) -> int:
    """The line of what stands at a path, or of the nearest thing round it."""
    lines = json_lines(text) if as_json else toml_lines(text)
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), 1)
