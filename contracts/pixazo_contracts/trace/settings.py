"""Reads the files that users write, profiles and expectations, in TOML, JSON or YAML, and checks the settings in them."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from .exchange import JsonObject, is_object

__all__ = ["ConfigurationError", "check_known", "check_names", "check_number", "read_settings"]

#: The format of a file, by the end of its name; any other name means TOML.
FORMS: Final = {".json": "JSON", ".yaml": "YAML", ".yml": "YAML"}

_TAG: Final = "tag:yaml.org,2002:"
#: The unquoted YAML scalars that are not strings (YAML 1.2.2, 10.3.2), with their meanings: `off`, `no` and dates are strings.
_SCALARS: Final[dict[str, tuple[re.Pattern[str], Callable[[str], object]]]] = {
    "null": (re.compile(r"(?:null|Null|NULL|~|)\Z"), lambda _: None),
    "bool": (re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), lambda text: text.lower() == "true"),
    "int": (re.compile(r"[-+]?[0-9]+\Z"), int),
    "float": (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"), float),
    "str": (re.compile(""), str),
}


class ConfigurationError(ValueError):
    """A setting that cannot be used; the message names it, its value and the remedy."""


def read_settings(kind: str, path: Path) -> JsonObject:
    """The members of a file, without the `$schema` that editors read. Raises `ConfigurationError` naming file and line."""
    form = FORMS.get(path.suffix.lower(), "TOML")
    try:
        settings: object = _READERS[form](path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ConfigurationError(f"{kind} {path}: it is nested too deeply: write a flat {form} file") from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{kind} {path}: {error}: write a {form} file") from None
    if not is_object(settings):
        raise ConfigurationError(f"{kind} {path}: it is not a table of settings: write a {form} file with one")
    return {name: value for name, value in settings.items() if name != "$schema"}


def _read_yaml(text: str) -> object:
    import yaml  # type: ignore[import-untyped]  # ships no type information

    try:
        loader: Any = yaml.SafeLoader(text)
        loader.yaml_implicit_resolvers = {None: [(f"{_TAG}{name}", form) for name, (form, _) in _SCALARS.items()]}
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        # The messages of the composer show an alias, which may be an API key in the wrong place.
        composed = type(error).__name__ == "ComposerError"
        problem = "an alias without its anchor, or several documents" if composed else error.problem
        mark: Any = error.problem_mark or error.context_mark
        raise ValueError(f"{problem} (at line {mark.line + 1})") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    return {} if node is None else _value(node)


def _value(node: Any) -> Any:
    """The value of a node of YAML. Raises ValueError naming the line."""
    at = f"(at line {node.start_mark.line + 1})"
    kind = node.tag.removeprefix(_TAG)
    if node.id == "scalar" and kind in _SCALARS and _SCALARS[kind][0].match(node.value):
        return _SCALARS[kind][1](node.value)
    if kind == "seq":
        return [_value(each) for each in node.value]
    if kind != "map":
        raise ValueError(f"a tag for a type that JSON does not have {at}")
    if any(key.id != "scalar" for key, _ in node.value):  # its text would show its contents
        raise ValueError(f"a key that is a list or mapping {at}")
    names = [str(key.value) for key, _ in node.value]
    if len(set(names)) < len(names):
        raise ValueError(f"a key is defined twice in one mapping {at}")
    return {name: _value(each) for name, (_, each) in zip(names, node.value, strict=True)}


_READERS: Final[dict[str, Callable[[str], object]]] = {"TOML": tomllib.loads, "JSON": json.loads, "YAML": _read_yaml}


#: The largest number that a setting may be: thirty days in seconds.
LONGEST: Final = 30 * 86_400.0


def check_number(name: str, value: float | None, *, above: bool = False) -> None:
    """Raise `ConfigurationError` for a number that is not finite, below 0 (or 0, if `above`), or too large for seconds."""
    if value is None:
        return
    if not math.isfinite(value) or value < 0 or (above and value == 0) or value > LONGEST:
        must = "above 0" if above else "at least 0"
        raise ConfigurationError(f"{name} {value!r} must be {must}, and at most {LONGEST:.0f}: write another number")


def check_known(what: str, names: Iterable[str], known: Iterable[str], *, shown: bool = True) -> None:
    """Raise `ConfigurationError` for an unknown name; the error names the nearest known one.

    A name that must not be `shown`, since it may be a key in the wrong place, is shown only if it is like a known one.
    """
    among = list(known)
    for name in names:
        if name not in among:
            near = get_close_matches(name, among, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(among)}"
            raise ConfigurationError(f"{what} {name if near or shown else '...'!r}: {remedy}")


def check_names(file: str, names: Iterable[str], kind: type, table: str = "") -> None:
    """Raise `ConfigurationError` for a name in a file that is not a field of the dataclass `kind`; the error names the nearest."""
    check_known(f"{file}: unknown setting {table}".rstrip(), names, [item.name for item in fields(kind)])
