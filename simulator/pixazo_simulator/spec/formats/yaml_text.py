"""Reads YAML as YAML 1.2 means it (core schema): `off`, `no`, dates and `1:30` are strings. PyYAML itself reads scalars as YAML 1.1."""

from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import-untyped]  # ships no type information

from pixazo_simulator.spec.decoding import InvalidTextError, Path
from pixazo_simulator.spec.text import regex, shown

MOST_VALUES = 100_000
"""Values of one text, those that aliases repeat included."""

_TAG = "tag:yaml.org,2002:"
_FORMS = {
    "null": regex(r"(?:null|Null|NULL|~|)\Z"),
    "bool": regex(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": regex(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": regex(r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"),
}  # fmt: skip
"""The scalars without quotation marks that are not strings, in the order in which they are tried (YAML 1.2.2, 10.3.2)."""
_RESOLVERS = {None: [(f"{_TAG}{name}", form) for name, form in _FORMS.items()]}


def read_yaml(text: str) -> tuple[Any, dict[Path, int]]:
    """What a YAML text says, and the line of each value. Raises InvalidTextError, and RecursionError for deep nesting."""
    try:
        loader: Any = yaml.SafeLoader(text)
        loader.yaml_implicit_resolvers = _RESOLVERS
        node = loader.get_node() if loader.check_node() else None
        if loader.check_node():
            raise _invalid("it contains several documents: write one", loader.peek_event().start_mark.line + 1)
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        raise _invalid(str(error.problem or error.context), mark.line + 1) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _invalid(f"character U+{error.character:04X} is not allowed", line) from None
    walk = _Walk()
    return (None if node is None else walk.value(node, ())), walk.lines


def _invalid(problem: str, line: int) -> InvalidTextError:
    return InvalidTextError(f"not valid YAML: {problem}", line)


class _Walk:
    """Turns the nodes of a text into values: only scalars, lists and mappings, whatever their tags."""

    def __init__(self) -> None:
        self._left = MOST_VALUES
        self.lines: dict[Path, int] = {}

    def value(self, node: Any, path: Path) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._left -= 1
        if self._left < 0:
            raise _invalid(f"more than {MOST_VALUES} values, those that aliases repeat included: write fewer", line)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node, line)
        _check_tag(node, line, "seq" if isinstance(node, yaml.SequenceNode) else "map")
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, number)) for number, each in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise _invalid("a key is a list or mapping: write a string", line)
            name = str(key.value)  # as it is written, like the keys of TOML
            if name in found:
                raise _invalid(f"key {shown(name)} is defined twice: remove one", line)
            if name == "<<" and key.style is None:
                raise _invalid(
                    "YAML 1.2 has no merge keys (<<): write the members, or an alias for a whole value", line
                )
            self.lines[*path, name] = line
            found[name] = self.value(value, (*path, name))
        return found


def _check_tag(node: Any, line: int, *names: str) -> None:
    """Raise InvalidTextError for a tag other than those of JSON's types."""
    if node.tag not in {"!", *(f"{_TAG}{name}" for name in names)}:
        raise _invalid(f"tag {shown(str(node.tag).replace(_TAG, '!!'))} is not known: leave it out", line)


def _scalar(node: Any, line: int) -> str | float | bool | None:
    text: str = node.value
    _check_tag(node, line, "str", *_FORMS)
    kind = node.tag.removeprefix(_TAG)
    if kind in _FORMS and not _FORMS[kind].match(text):
        raise _invalid(f"{shown(text)} is not of its tag !!{kind}: leave that out", line)
    if kind == "int":
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return {"null": None, "bool": text.lower() == "true"}.get(kind, text)
