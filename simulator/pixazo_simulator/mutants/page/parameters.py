"""A change of the page as plain values; what one of a parameter is: added, removed or renamed, or under other rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pixazo_simulator import spec
from pixazo_simulator.mutants.edits import *
from pixazo_simulator.mutants.mutant import *
from pixazo_simulator.mutants.parameters import VALID_IMAGE, default, image_in


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChange:
    """One change of meaning, as `pixazo_contracts.pages.Change` has it: of one `operation`, or of all if that is empty.

    Something renamed has its new name in `to`; in a sample it is the path of a member.
    """

    operation: str
    part: str
    name: str
    attribute: str = ""
    before: Any = None
    after: Any = None
    to: str = ""


VALID = {"prompt": "A video", "first_frame_image": VALID_IMAGE, "duration": 6, "resolution": spec.RESOLUTIONS[0]}
KNOWN = {"duration": spec.DURATIONS, "resolution": spec.RESOLUTIONS}
"""Values that the simulator uses where the page has no rule."""
CLASHES = {"duration": ("resolution", "1080P"), "resolution": ("duration", 10)}
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
    return lambda rule, value: (seen := image_in(value)) is None or holds(seen, rule)


def _has_ratio(seen: spec.ImageFacts, bounds: Any) -> bool:
    (wide, high), (widest, highest) = (map(int, bound.split(":")) for bound in bounds)
    return wide * seen.height <= high * seen.width and highest * seen.width <= widest * seen.height


def _has_format(formats: Any, value: Any) -> bool:
    if not isinstance(value, str):
        return True
    if not spec.is_data_url(value):
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


def literal(text: str) -> Any:
    """The JSON value that this text encodes."""
    if text in ("None", "True", "False"):
        return {"None": None, "True": True, "False": False}[text]
    return spec.json_or_text(text)


def parameter_edits(change: PageChange) -> Edits | str:
    name, after = change.name, change.after
    gone = _refused(change, lambda given: name in given, f"{name} is not a parameter.")
    match change.attribute:
        case "" if change.to:
            edits = gone | in_submitted(change.operation, rename(change.to, name))
            if not _is_required(after):
                return edits
            return _refused(change, lambda given: given.get(change.to) is None, f"{change.to} is required.") | edits
        case "" if after is None:
            return gone | _filled(change)
        case "" | "required" if (change.attribute and after is True) or _is_required(after):
            return _refused(change, lambda given: given.get(name) is None, f"{name} is required.")
        case "":
            return "callers need not send it"
        case "required":
            return _filled(change)
        case "default" if after is not None:
            value = literal(after)
            if value not in KNOWN.get(name, (value,)):
                return "the gateway takes it only with another change, of the values that are allowed"
            return submit_instead(change.operation, name, value, unless=CLASHES.get(name, ("", "")))
        case attribute if attribute in RULES:
            return _ruled(change)
        case _:
            return "what it says cannot be tested on the wire"


def _is_required(row: Any) -> bool:
    return isinstance(row, str) and row.split(" | ")[1:2] == ["Yes"]


def _refused(change: PageChange, when: When, message: str) -> Edits:
    return refuse_submits(submits_members(change.operation, when), message)


def _filled(change: PageChange) -> Edits:
    """A missing parameter is not required."""
    name = change.name
    if name not in ("prompt", "first_frame_image"):
        return Edits()
    return default(change.operation, name, VALID[name])


def _is_of_kind(value: Any, other: Any) -> bool:
    """Whether two values have one JSON type, which has no integers."""
    numbers = (int, float)
    return type(value) is type(other) or (type(value) in numbers and type(other) in numbers)


def _ruled(change: PageChange) -> Edits:
    """Refuse what breaks the new rule; accept what breaks only the old one."""
    name, before, after = change.name, change.before, change.after
    follows = RULES[change.attribute]
    valid = VALID.get(name)

    def breaks(value: Any) -> bool:
        return value is not None and after is not None and not follows(after, value)

    def is_new(value: Any) -> bool:
        if breaks(value) or (change.attribute != "type" and valid is not None and not _is_of_kind(value, valid)):
            return False
        return value not in KNOWN.get(name, (value,)) if before is None else not follows(before, value)

    message = f"{name}: {change.attribute.replace('_', ' ')} must be {after}."

    def instead(value: Any) -> Any:
        return value[: spec.PROMPT_LIMIT] if name == "prompt" and isinstance(value, str) else valid

    return _refused(change, lambda given: breaks(given.get(name)), message) | accept(
        change.operation, name, is_new, instead
    )
