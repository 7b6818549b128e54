"""Reads a script from a TOML or JSON file, and names the line of what is wrong in it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from .lines import json_lines, read_toml, toml_lines
from .reading import RuleError, read_rules, spelled
from .rule import Rule

__all__ = ["read_script", "read_text", "script_from"]

FILE_LIMIT = 16 * 1024 * 1024
"""Bytes of a file that is read."""


def read_script(path: Path) -> tuple[Rule, ...]:
    """The rules in a file: JSON if its name ends in `.json`, else TOML.

    Raises ValueError that names the file, the line, the key and the remedy.
    """
    return script_from(read_text(path, "script"), str(path), as_json=path.suffix == ".json")


def read_text(path: Path, what: str) -> str:
    """The text of a file, which messages call `what`. Raises ValueError that names the file when there is none, or too much."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
        if len(data) > FILE_LIMIT:
            raise ValueError(f"{what} {path} is larger than {FILE_LIMIT} bytes")
        return data.decode().replace("\r\n", "\n")
    except OSError as error:
        raise ValueError(f"{what} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} {path} is not UTF-8: {error.reason} at byte {error.start}") from None


def script_from(text: str, name: str, *, as_json: bool) -> tuple[Rule, ...]:
    """The rules in a text, which messages call `name`. Raises ValueError as `read_script` does."""
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
