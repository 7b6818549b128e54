"""Reads JSON, queries and files into shapes; what does not fit is reported with its place, and with what would fit there.

msgspec reports misfits as English sentences only, so this module, and no other, reads those sentences. Its tests pin them, on the
lowest and on the newest msgspec that the package allows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TypeVar, cast

import msgspec
from msgspec import inspect

from .errors import MISSHAPEN
from .text import beginning, nearest, regex, shown

__all__ = ["InvalidDataError", "InvalidTextError", "Path", "PlacedError", "fit", "placed", "read"]

_T = TypeVar("_T")

Path = tuple["str | int", ...]
"""Where a value is: names of members, and places in lists, counted from 0. `...` stands for any member of a mapping."""

_MESSAGE = regex(r"(?P<says>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
_STEP = regex(r"\.([^.\[]+)|\[([^\]]*)\]")
_UNKNOWN = regex(r"Object contains unknown field `(.*)`", re.DOTALL)
_ENUM = regex(r"Invalid enum value '(.*)'", re.DOTALL)
_MISSING = regex(r"Object missing required field `(.*)`", re.DOTALL)
_KIND = regex(r"Invalid value '(.*)'", re.DOTALL)
_EXPECTED = regex(r"Expected `([^`]+)`(?: of length)?( [<>]=? \S+| matching regex .*?)?(?:, got `\w+`)?", re.DOTALL)

_WORDS = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "true or false", "array": "a list", "object": "an object",
}  # fmt: skip
_LENGTHS = {"str": " characters", "array": " elements", "object": " members"}
_BOUNDS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_SHOWN = 20


class InvalidDataError(ValueError):
    """Data that does not fit a shape: its `path`, `value` as far as it helps, and `problem`; `missing` names a missing member."""

    def __init__(self, problem: str, path: Path = (), value: str = "", *, missing: str | None = None) -> None:
        steps = (f"[{step}]" if isinstance(step, int) or step == "..." else f".{step}" for step in path)
        place = f"{''.join(steps).removeprefix('.')} {value}".strip()  # such as rules[0].faults[1].seconds -1
        super().__init__(f"{place}: {problem}" if place else problem)
        self.path, self.value, self.problem, self.missing = path, value, problem, missing

    def within(self, *place: str | int) -> InvalidDataError:
        """The same of what is at a place."""
        return InvalidDataError(self.problem, (*place, *self.path), self.value, missing=self.missing)


class InvalidTextError(ValueError):
    """Text that is not in its format; the message follows the name of the text, and the line, where that is known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


class PlacedError(ValueError):
    """A value that a check of ours refuses; `path` is its place below the value that was checked, which the message does not repeat."""

    def __init__(self, problem: str, path: Path) -> None:
        super().__init__(problem)
        self.path = path


@contextmanager
def placed(*path: str | int) -> Generator[None]:
    """Say of a ValueError that is raised inside where it is."""
    try:
        yield
    except ValueError as error:
        raise PlacedError(str(error), (*path, *getattr(error, "path", ()))) from None


def read(text: bytes, shape: type[_T]) -> _T:
    """Decode JSON as `shape`; empty input counts as an object without members. Raises InvalidDataError."""
    text = text or b"{}"
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.ValidationError as error:
        plain: object = None  # None where what follows the misfit is not JSON
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            plain = msgspec.json.decode(text)
        raise _misfit(str(error), shape, plain) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fault, detail = json_fault(text)
        raise InvalidDataError(f"it {MISSHAPEN[fault].format(detail)}") from None


def fit(value: object, shape: type[_T], *, strict: bool = True) -> _T:
    """Convert plain data to `shape`; unless `strict`, strings are read as numbers where needed. Raises InvalidDataError."""
    try:
        return msgspec.convert(value, shape, strict=strict)
    except msgspec.ValidationError as error:
        misfit = _misfit(str(error), shape, value)
        if isinstance(cause := error.__cause__, PlacedError):
            misfit = InvalidDataError(misfit.problem, (*misfit.path, *cause.path), misfit.value)
        raise misfit from None


_COMPRESSED = {
    b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", **dict.fromkeys((b"\x78\x01", b"\x78\x9c", b"\x78\xda"), "zlib"),
}  # fmt: skip
"""How compressed data begins (RFC 1952, 8878, 1950)."""
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FORM = regex(rb"[\w%+.\[\]-]{1,100}=[^\x00-\x20]*|--[^\r\n]{1,100}\r?\n", re.ASCII)


def json_fault(body: bytes) -> tuple[str, str]:
    """Why bytes that msgspec refuses are not JSON: a name in `errors.MISSHAPEN`, and its detail."""
    if body.startswith(b"\xef\xbb\xbf"):
        return "byte_order_mark", ""
    if form := next((name for start, name in _COMPRESSED.items() if body.startswith(start)), None):
        return "compressed", form
    if body.startswith(_UTF16_MARKS) or 0 in body[:2]:
        return "encoding", "it looks like UTF-16 or UTF-32"
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return "encoding", f"byte {body[error.start]:02X} at offset {error.start}"
    if _FORM.match(body):
        return "form", ""
    try:
        json.loads(text, parse_constant=_no_constant, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if b"\n" in body else ""
        return "malformed", f"{error.msg.removesuffix(' at')} at {line}column {error.colno}"
    except ValueError as error:
        return "malformed", str(error)
    except RecursionError:
        return "nested", ""
    return "malformed", "a string contains an unpaired surrogate"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _misfit(message: str, shape: type, given: object) -> InvalidDataError:
    """The error for a message of msgspec; the message itself where a given name looks like a part of it."""
    found = cast("re.Match[str]", _MESSAGE.fullmatch(message))
    says = found["says"]
    path = tuple(
        member or (int(index) if index.isdecimal() else "...") for member, index in _STEP.findall(found["place"] or "")
    )
    try:
        if unknown := _UNKNOWN.fullmatch(says):
            known = () if given is None else _members(*_at(shape, path, given))
            remedy = f"{nearest(unknown[1], known)}; known members are {', '.join(known)}" if known else ""
            return InvalidDataError(f"unknown field `{unknown[1]}`{remedy}", (*path, unknown[1]))
        if missing := _MISSING.fullmatch(says):
            return InvalidDataError(f"`{missing[1]}` is missing: add it", path, missing=missing[1])
        if (kind := _KIND.fullmatch(says)) and given is not None:
            kinds = tuple(str(each.tag) for each in _structs(_at(shape, path[:-1], given)[0]))
            problem = f"{path[-1]} {kind[1]!r} does not exist{nearest(kind[1], kinds)}; known are {', '.join(kinds)}"
            return InvalidDataError(problem, path)
        info, value = (inspect.AnyType(), None) if given is None else _at(shape, path, given)
        words = [
            str(word) for each in _alternatives(info) if isinstance(each, inspect.LiteralType) for word in each.values
        ]
        if (word := _ENUM.fullmatch(says)) and words:
            return InvalidDataError(f"give {' or '.join(words)}{nearest(word[1], tuple(words))}", path, _start(word[1]))
        if says == "Integer value out of range":
            return InvalidDataError("integer value out of range", path, _start(value))
        if expected := _EXPECTED.fullmatch(says):
            return InvalidDataError(f"give {_wanted(expected[1], expected[2], info)}", path, _start(value))
        return InvalidDataError(says, path)  # from one of our own checks, which names the remedy itself
    except (LookupError, ValueError):
        return InvalidDataError(message)


def _start(value: object) -> str:
    return "" if value is None else shown(beginning(value, _SHOWN) if isinstance(value, str) else value)


def _wanted(types: str, rule: str | None, info: inspect.Type) -> str:
    if rule and "regex" in rule:
        schema: dict[str, object] | None = getattr(info, "extra_json_schema", None)
        return str((schema or {}).get("description", "a string in the right format"))
    words = " or ".join(_WORDS.get(each, each) for each in types.split(" | "))
    sign, _, number = (rule or "").strip().partition(" ")
    return f"{words} {_BOUNDS[sign]} {number.removesuffix('.0')}{_LENGTHS.get(types, '')}" if sign else words


_info = cache(inspect.type_info)  # for a rule this takes longer than the rest of the error


def _at(shape: type, path: Path, given: object) -> tuple[inspect.Type, object]:
    """The type that belongs at a path, and the value there, None where that is unknown. Raises LookupError where the type has no such place."""
    info, value = _info(shape), given
    for step in path:
        info, value = _inside(info, value, step)
    return info, value


def _inside(info: inspect.Type, value: object, step: str | int) -> tuple[inspect.Type, object]:
    if isinstance(step, str) and step != "...":
        fields = {field.encode_name: field.type for field in _struct(info, value).fields}
        member = cast("dict[str, object]", value).get(step) if isinstance(value, dict) else None
        return fields.get(step, inspect.AnyType()), member
    for each in _alternatives(info):
        if isinstance(each, inspect.DictType):  # the message does not say which member of the mapping it means
            return each.value_type, None
        if isinstance(each, (inspect.ListType, inspect.VarTupleType)):
            return each.item_type, cast("list[object]", value)[int(step)] if isinstance(value, list) else None
    raise LookupError(step)


def _members(info: inspect.Type, value: object) -> tuple[str, ...]:
    struct = _struct(info, value)
    return (*([struct.tag_field] if struct.tag_field else []), *(field.encode_name for field in struct.fields))


def _struct(info: inspect.Type, value: object) -> inspect.StructType:
    """The struct that a value is meant to be: of several the one whose kind was given."""
    structs = _structs(info)
    given: dict[str, object] = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return next((each for each in structs if each.tag_field and each.tag == given.get(each.tag_field)), structs[0])


def _structs(info: inspect.Type) -> list[inspect.StructType]:
    return [each for each in _alternatives(info) if isinstance(each, inspect.StructType)]


def _alternatives(info: inspect.Type) -> list[inspect.Type]:
    if isinstance(info, inspect.Metadata):
        return _alternatives(info.type)
    if isinstance(info, inspect.UnionType):
        return [plain for each in info.types for plain in _alternatives(each)]
    return [info]
