"""Reads JSON, queries and files into shapes; what does not fit is reported with its place, and with what would fit there.

msgspec reports misfits as English sentences only, so this module, and no other, reads those sentences. Its tests pin them, on the
lowest and on the newest msgspec that the package allows.
"""

from __future__ import annotations

import re
from typing import TypeVar, cast

import msgspec
from msgspec.inspect import AnyType, DictType, ListType, Metadata, StructType, Type, UnionType, VarTupleType, type_info

from .text import beginning, nearest, shown

T = TypeVar("T")

Path = tuple["str | int", ...]
"""Where a value is: names of members, and places in lists, counted from 0. `...` stands for any member of a mapping."""

_MESSAGE = re.compile(r"(?P<says>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[([^\]]*)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_KIND = re.compile(r"Invalid value '(.*)'", re.DOTALL)
_EXPECTED = re.compile(r"Expected `([^`]+)`( [<>]=? \S+| matching regex .*?)?(?:, got `\w+`)?", re.DOTALL)
_RANGE = re.compile(r"Integer value out of range")

_WORDS = {
    "str": "a text", "int": "an integer", "float": "a number", "bool": "true or false", "array": "a list", "object": "an object",
}  # fmt: skip
_BOUNDS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_SHOWN = 20


class MisfitError(ValueError):
    """Data that does not fit a shape: `path` is the place, `value` the value there as far as it helps, `problem` what is wrong."""

    def __init__(self, problem: str, path: Path = (), value: str = "") -> None:
        place = f"{spelled(path)} {value}".strip()
        super().__init__(f"{place}: {problem}" if place else problem)
        self.path, self.value, self.problem = path, value, problem


def spelled(path: Path) -> str:
    """A path as one writes it: `rules[0].faults[1].seconds`."""
    steps = (f"[{step}]" if isinstance(step, int) or step == "..." else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def read(text: bytes, shape: type[T]) -> T:
    """JSON as `shape`; an empty text is read as an object without members. Raises MisfitError."""
    text = text or b"{}"
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.ValidationError as error:
        raise _misfit(str(error), shape, _plain_json(text)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MisfitError(str(error)) from None


def fit(value: object, shape: type[T], *, strict: bool = True) -> T:
    """Plain data as `shape`; unless `strict`, texts, as those of a query, are read as numbers where those are wanted. Raises MisfitError."""
    try:
        return msgspec.convert(value, shape, strict=strict)
    except msgspec.ValidationError as error:
        raise _misfit(str(error), shape, value) from None


def _plain_json(text: bytes) -> object:
    """The text as plain data, None when it stops being JSON behind the misfit."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _misfit(message: str, shape: type, given: object) -> MisfitError:
    """The error for a message of msgspec; the message itself where a name that was given reads like a part of it."""
    found = cast("re.Match[str]", _MESSAGE.fullmatch(message))
    says = found["says"]
    path = tuple(
        member or (int(index) if index.isdecimal() else "...") for member, index in _STEP.findall(found["place"] or "")
    )
    try:
        if unknown := _UNKNOWN.fullmatch(says):
            known = () if given is None else _members(*_at(shape, path, given))
            remedy = f"{nearest(unknown[1], known)}; known members are {', '.join(known)}" if known else ""
            return MisfitError(f"unknown field `{unknown[1]}`{remedy}", (*path, unknown[1]))
        if missing := _MISSING.fullmatch(says):
            return MisfitError(f"missing required field `{missing[1]}`", path)
        if (kind := _KIND.fullmatch(says)) and given is not None:
            kinds = tuple(str(each.tag) for each in _structs(_at(shape, path[:-1], given)[0]))
            problem = f"{path[-1]} {kind[1]!r} does not exist{nearest(kind[1], kinds)}; known are {', '.join(kinds)}"
            return MisfitError(problem, path)
        info, value = (AnyType(), None) if given is None else _at(shape, path, given)
        if _RANGE.fullmatch(says):
            return MisfitError("integer value out of range", path, _start(value))
        if expected := _EXPECTED.fullmatch(says):
            return MisfitError(f"give {_wanted(expected[1], expected[2], info)}", path, _start(value))
        return MisfitError(says, path)  # of a check of ours, which names the remedy itself
    except (LookupError, ValueError):
        return MisfitError(message)


def _start(value: object) -> str:
    """The beginning of a value that was given."""
    return "" if value is None else shown(beginning(value, _SHOWN) if isinstance(value, str) else value)


def _wanted(types: str, rule: str | None, info: Type) -> str:
    """What fits: types in words, and the rule for their values."""
    if rule and "regex" in rule:
        schema: dict[str, object] | None = getattr(info, "extra_json_schema", None)
        return str((schema or {}).get("description", "a text of the right form"))
    words = " or ".join(_WORDS.get(each, each) for each in types.split(" | "))
    sign, _, number = (rule or "").strip().partition(" ")
    return f"{words} {_BOUNDS[sign]} {number.removesuffix('.0')}" if sign else words


def _at(shape: type, path: Path, given: object) -> tuple[Type, object]:
    """The type that belongs at a path, and the value there. Raises LookupError where the type has no such place."""
    info, value = type_info(shape), given
    for step in path:
        info, value = _inside(info, value, step)
    return info, value


def _inside(info: Type, value: object, step: str | int) -> tuple[Type, object]:
    """The type that belongs at one step, and the value there, None where that is unknown."""
    if isinstance(step, str) and step != "...":
        fields = {field.encode_name: field.type for field in _struct(info, value).fields}
        return fields.get(step, AnyType()), cast("dict[str, object]", value).get(step) if isinstance(
            value, dict
        ) else None
    for each in _alternatives(info):
        if isinstance(each, DictType):  # the message does not say which member of the mapping it means
            return each.value_type, None
        if isinstance(each, (ListType, VarTupleType)):
            return each.item_type, cast("list[object]", value)[int(step)] if isinstance(value, list) else None
    raise LookupError(step)


def _members(info: Type, value: object) -> tuple[str, ...]:
    struct = _struct(info, value)
    return (*([struct.tag_field] if struct.tag_field else []), *(field.encode_name for field in struct.fields))


def _struct(info: Type, value: object) -> StructType:
    """The struct that a value is meant to be: of several the one whose kind was given."""
    structs = _structs(info)
    given: dict[str, object] = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return next((each for each in structs if each.tag_field and each.tag == given.get(each.tag_field)), structs[0])


def _structs(info: Type) -> list[StructType]:
    return [each for each in _alternatives(info) if isinstance(each, StructType)]


def _alternatives(info: Type) -> list[Type]:
    """The types that a value may have, without their metadata."""
    if isinstance(info, Metadata):
        return _alternatives(info.type)
    if isinstance(info, UnionType):
        return [plain for each in info.types for plain in _alternatives(each)]
    return [info]
