"""Rules of the page about the values of a parameter, applied to JSON values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pixazo_simulator import spec

Rule = Callable[[Any, Any], bool]
"""Whether a JSON value, given second, follows a rule; values that it is not about do."""

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "str": (str,), "integer": (int,), "int": (int,), "number": (int, float), "float": (int, float), "double": (int, float),
    "boolean": (bool,), "bool": (bool,), "array": (list,), "list": (list,), "object": (dict,), "null": (type(None),),
}  # fmt: skip


def has_type(types: Any, value: Any) -> bool:
    """Whether a value has one of the types that a cell names; a cell that names none allows all."""
    named = [each for each in re.findall(r"[a-z]+", str(types).casefold()) if each in _TYPES]
    if re.search(r"\[\]|array|list", str(types), re.IGNORECASE):
        named = ["array"]
    return not named or type(value) in {type_ for each in named for type_ in _TYPES[each]}


def _listed(values: Any, value: Any) -> bool:
    return (f"{value:g}" if isinstance(value, float) else str(value)) in map(str, values)


def _number(bound: Callable[[Any, Any], bool]) -> Rule:
    return lambda rule, value: type(value) not in (int, float) or bound(value, rule)


def _length(bound: Callable[[int, Any], bool]) -> Rule:
    return lambda rule, value: not isinstance(value, str) or bound(len(value), rule)


def _image(holds: Callable[[spec.ImageFacts, Any], bool]) -> Rule:
    def rule(rule: Any, value: Any) -> bool:
        data = spec.read_data_url(value, any_type=True).data if is_data_url(value) else None
        return data is None or holds(spec.image_facts(data), rule)

    return rule


def is_data_url(value: Any) -> bool:
    """Whether a value is a data URL."""
    return isinstance(value, str) and value[:5].lower() == "data:"


def _has_ratio(seen: spec.ImageFacts, bounds: Any) -> bool:
    (wide, high), (widest, highest) = (map(int, bound.split(":")) for bound in bounds)
    return wide * seen.height <= high * seen.width and highest * seen.width <= widest * seen.height


def _has_format(formats: Any, value: Any) -> bool:
    if not isinstance(value, str):
        return True
    if not is_data_url(value):
        return not formats or "url" in formats or "public" in formats
    names = {"jpeg" if each == "jpg" else each for each in formats}
    images = names - {"url", "public", "base64"}
    return "base64" in names and _image(lambda seen, _: not images or seen.format in images)(None, value)


RULES: dict[str, Rule] = {
    "type": has_type,
    "enumeration": _listed,
    "minimum": _number(lambda value, bound: value >= bound),
    "maximum": _number(lambda value, bound: value <= bound),
    "min_length": _length(lambda length, bound: length >= bound),
    "max_length": _length(lambda length, bound: length <= bound),
    "max_bytes": _image(lambda seen, bound: seen.size <= bound),
    "short_side_above": _image(lambda seen, bound: min(seen.width, seen.height) > bound),
    "aspect_ratio": _image(_has_ratio),
    "formats": _has_format,
}
"""By the attribute of a change of a parameter."""
