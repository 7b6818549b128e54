"""Reads JSON into a shape; a misfit is told with its place and the nearest known name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from msgspec.inspect import AnyType, DictType, ListType, Metadata, StructType, Type, UnionType, VarTupleType, type_info

from .text import beginning, nearest, shown

T = TypeVar("T")

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*?)`(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
_KIND = re.compile(r"Invalid value '(?P<name>.*)' - at `\$(?P<place>.*)\.(?P<member>\w+)`", re.DOTALL)
_EXPECTED = re.compile(
    r"Expected `(?P<wanted>[^`]+)`(?P<rule> [<>]=? \S+| matching regex .*?)?(?:, got `\w+`)?(?: - at `\$(?P<place>.*)`)?",
    re.DOTALL,
)
_WORDS = {
    "str": "a text", "int": "an integer", "float": "a number", "bool": "true or false", "array": "a list", "object": "an object",
}  # fmt: skip
_BOUNDS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_OUT_OF_RANGE = re.compile(r"(Integer value out of range) - at `\$\.(.*)`")
_SHOWN = 20
_STEP = re.compile(r"\.([^.\[]+)|\[([^\]]*)\]")


class MisfitError(ValueError):
    """JSON that does not fit a shape; the message says where, and what would fit."""


def read(text: bytes, shape: type[T]) -> T:
    """The JSON text as `shape`; nothing at all is read as an object without members. Raises MisfitError."""
    given = text or b"{}"
    try:
        return msgspec.json.decode(given, type=shape)
    except msgspec.ValidationError as error:
        raise MisfitError(_told(str(error), shape, _plainly(given))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MisfitError(str(error)) from None


def read_query(given: Mapping[str, str], shape: type[T]) -> T:
    """The values of a query as `shape`, numbers read from their text. Raises MisfitError."""
    try:
        return msgspec.convert(dict(given), shape, strict=False)
    except msgspec.ValidationError as error:
        raise MisfitError(_told(str(error), shape, given)) from None


def _plainly(text: bytes) -> object:
    """What the text says, None when what comes after the misfit is no JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _told(message: str, shape: type, given: object) -> str:
    """The message with its remedy; as it is where a name that was given reads like the place of the misfit."""
    try:
        return _worded(message, shape, given)
    except (LookupError, ValueError):
        return message


def _worded(message: str, shape: type, given: object) -> str:
    found = _EXPECTED.fullmatch(message)
    if huge := _OUT_OF_RANGE.fullmatch(message):
        return f"{_named(huge[2], shape, given)}: {huge[1].lower()}"
    if found is None:
        return f"{message}{_remedy(message, shape, given)}"
    place, rule = found["place"] or "", found["rule"] or ""
    if "regex" in rule:
        wanted = _described(None if given is None else _at(shape, place, given)[0])
    else:
        wanted = f"{' or '.join(_WORDS.get(each, each) for each in found['wanted'].split(' | '))}{_bound(rule)}"
    return f"{_named(place.removeprefix('.'), shape, given)}: give {wanted}"


def _named(place: str, shape: type, given: object) -> str:
    """A place and the start of what was given there, as far as both are known."""
    value = None if given is None else _at(shape, f".{place}" if place else "", given)[1]
    told = "" if value is None else shown(beginning(value, _SHOWN) if isinstance(value, str) else value)
    return f"{place} {told}".strip() or "the value"


def _bound(rule: str) -> str:
    sign, _, number = rule.strip().partition(" ")
    return f" {_BOUNDS[sign]} {number.removesuffix('.0')}" if rule else ""


def _described(info: Type | None) -> str:
    """What a text that must match a pattern is to be."""
    more: dict[str, object] | None = cast("Any", info).extra_json_schema if isinstance(info, Metadata) else None
    return str((more or {}).get("description", "a text of the right form"))


def _remedy(message: str, shape: type, given: object) -> str:
    if given is None:
        return ""
    if found := _UNKNOWN.fullmatch(message):
        known = _members(_at(shape, found["place"] or "", given))
        return f"{nearest(found['name'], known)}; known members are {', '.join(known)}"
    if found := _KIND.fullmatch(message):
        kinds = tuple(str(each.tag) for each in _structs(_at(shape, found["place"], given)[0]))
        return f"{nearest(found['name'], kinds)}; known are {', '.join(kinds)}"
    return ""


def _at(shape: type, place: str, given: object) -> tuple[Type, object]:
    """The type that belongs at a place such as `.rules[0].faults[1]`, and what was given there."""
    info, value = type_info(shape), given
    for member, index in _STEP.findall(place):
        info, value = _inside(info, value, member, index)
    return info, value


def _inside(info: Type, value: object, member: str, index: str) -> tuple[Type, object]:
    """What belongs at a member or an index, and what was given there, None where that is unknown. Raises LookupError."""
    if member:
        struct = _fitting(info, value)
        given = cast("Mapping[str, object]", value if isinstance(value, dict) else {})
        inner = (field.type for field in struct.fields if field.encode_name == member)
        return next(inner, AnyType()), given.get(member)  # a tag is no field
    for several in _plain(info):
        if isinstance(several, DictType):  # whose place does not tell the key
            return several.value_type, None
        if isinstance(several, (ListType, VarTupleType)):
            return several.item_type, cast("list[object]", value)[int(index)] if isinstance(value, list) else None
    raise LookupError(index)


def _members(at: tuple[Type, object]) -> tuple[str, ...]:
    struct = _fitting(*at)
    return (*([struct.tag_field] if struct.tag_field else []), *(field.encode_name for field in struct.fields))


def _fitting(info: Type, value: object) -> StructType:
    """The one of several structs whose kind was given."""
    structs = _structs(info)
    given = cast("Mapping[str, object]", value if isinstance(value, dict) else {})
    return next((each for each in structs if each.tag_field and each.tag == given.get(each.tag_field)), structs[0])


def _structs(info: Type) -> list[StructType]:
    return [each for each in _plain(info) if isinstance(each, StructType)]


def _plain(info: Type) -> list[Type]:
    """The alternatives of a type, without what is only said about them."""
    if isinstance(info, Metadata):
        return _plain(info.type)
    if isinstance(info, UnionType):
        return [plain for each in info.types for plain in _plain(each)]
    return [info]
