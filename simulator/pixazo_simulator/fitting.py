"""Reads JSON into a shape; a misfit is told with its place and the nearest known name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from msgspec.inspect import DictType, ListType, Metadata, StructType, Type, UnionType, VarTupleType, type_info

from .policy import nearest

__all__ = ["MisfitError", "read", "read_query"]

T = TypeVar("T")

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*?)`(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
_KIND = re.compile(r"Invalid value '(?P<name>.*)' - at `\$(?P<place>.*)\.(?P<member>\w+)`", re.DOTALL)
_MEMBER = re.compile(r"- at `\$\.(\w+)`$")
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
        raise MisfitError(f"{error}{_remedy(str(error), shape, _plainly(given))}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MisfitError(str(error)) from None


def read_query(given: Mapping[str, str], shape: type[T]) -> T:
    """The values of a query as `shape`, numbers read from their text. Raises MisfitError."""
    try:
        return msgspec.convert(dict(given), shape, strict=False)
    except msgspec.ValidationError as error:
        name = _MEMBER.search(str(error))
        value = f"{name[1]} {given[name[1]][:_SHOWN]!r}: " if name else ""
        raise MisfitError(f"{value}{error}{_remedy(str(error), shape, {})}") from None


def _plainly(text: bytes) -> object:
    """What the text says, None when what comes after the misfit is no JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


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


def _inside(info: Type, value: Any, member: str, index: str) -> tuple[Type, object]:
    if member:
        struct = _fitting(info, value)
        inner = next(field.type for field in struct.fields if field.encode_name == member)
        return inner, value[member]
    several = next(each for each in _plain(info) if isinstance(each, (ListType, VarTupleType, DictType)))
    if isinstance(several, DictType):  # whose place does not tell the key
        return several.value_type, None
    return several.item_type, value[int(index)]


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
