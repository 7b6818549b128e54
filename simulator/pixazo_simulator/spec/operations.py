"""Operations as data: what a model file says of each, and what is wrong with the members of a body by its rules."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta

from .decoding import InvalidDataError, Path, fit
from .errors import LONGEST_URL, Problem, Violation
from .formats import problems_of, problems_within, read_text_as
from .text import is_data_url, json_value, micros, nearest, not_unicode, quoted, regex, shown

__all__ = [
    "ANY_MODEL", "MEDIA_KINDS", "ModelFile", "Operation", "Parameter", "covers", "model_problems", "read_model",
    "unknown_operation", "url_problem",
]  # fmt: skip

MEDIA_KINDS = {"mp4": "video/mp4", "png": "image/png", "jpeg": "image/jpeg", "wav": "audio/wav", "mp3": "audio/mpeg"}
"""What an operation can make: the extension of its media, and their type."""
ANY_MODEL = "*/*"
"""Among names of operations this means every operation whose name has a slash: those that the page does not have."""
MOST_PROBLEMS = 10
"""Places that one rule of one parameter reports: `content[].type` may have many."""

_VERSION = regex(r"v[0-9]+")
# Without \w, which is ASCII in the schemas that editors read, and not in Python.
_ROUTE = r"^/(?!v[0-9]+/)[A-Za-z0-9][A-Za-z0-9_.-]{0,99}(/[A-Za-z0-9_.-]{1,100}){1,8}\Z"
_MEMBER = r"^[A-Za-z_$][A-Za-z0-9_$-]*(\[\])?(\.[A-Za-z_$][A-Za-z0-9_$-]*(\[\])?){0,8}\Z"
_HOST = regex(r"[A-Za-z0-9._:%\[\]-]+")
_BASE64 = regex(r"[A-Za-z0-9+/_-]*={0,2}")
_Count = Annotated[int, Meta(ge=0)]
_Dollars = Annotated[
    str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?\Z", description="dollars in quotation marks, such as '0.35'")
]


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A member of a body: its name, dotted where it is inside an object (`input.prompt`, `content[].type`), and the rules for its value."""

    name: Annotated[str, Meta(pattern=_MEMBER, description="a name such as prompt, input.prompt or content[].type")]
    type: Annotated[
        Literal["string", "integer", "number", "boolean", "array", "object", "any"],
        Meta(description="what its value must be"),
    ]
    required: Annotated[bool, Meta(description="whether a body must have it")] = False
    default: Annotated[Any, Meta(description="the value used where a body omits it")] = UNSET
    enumeration: Annotated[tuple[Any, ...], Meta(description="its allowed values; default: any")] = ()
    minimum: Annotated[float | None, Meta(description="the least number")] = None
    maximum: Annotated[float | None, Meta(description="the greatest number")] = None
    exclusive_minimum: Annotated[bool, Meta(description="whether `minimum` itself is not allowed")] = False
    min_length: Annotated[_Count | None, Meta(description="the least number of code points of a string")] = None
    max_length: Annotated[_Count | None, Meta(description="the greatest number of code points of a string")] = None
    min_items: Annotated[_Count | None, Meta(description="the least number of items of an array")] = None
    max_items: Annotated[_Count | None, Meta(description="the greatest number of items of an array")] = None
    max_bytes: Annotated[_Count | None, Meta(description="the greatest number of bytes of Base64 data")] = None
    formats: Annotated[tuple[str, ...], Meta(description="the format of a string: url, base64, or both")] = ()
    callback: Annotated[bool, Meta(description="whether its value is a URL to which the result is posted")] = False
    description: Annotated[str, Meta(description="what the page says about it")] = ""
    unchecked: Annotated[tuple[str, ...], Meta(description="what the page states about it, but nothing checks")] = ()


class PriceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The price of one generation in dollars: `base`, or the one of `values` that the parameter `by` chooses, times the parameter `per`."""

    base: _Dollars
    by: Annotated[str | None, Meta(description="the parameter whose value chooses from `values`")] = None
    values: Annotated[dict[str, _Dollars], Meta(description="dollars in place of `base`, by that value")] = {}
    per: Annotated[str | None, Meta(description="the parameter whose number multiplies the price")] = None


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An operation as a model file defines it; `name` and `checks` are for the operations of the page."""

    path: Annotated[str, Meta(pattern=_ROUTE, description="the path of a POST, such as /ltx-video/v1/text-to-video")]
    model_id: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}\Z", description="letters, digits, dots, hyphens and underscores")
    ]
    title: Annotated[str, Meta(description="what the operation is called")]
    output: Annotated[Literal["mp4", "png", "jpeg", "wav", "mp3"], Meta(description="the extension of its media")]
    parameters: Annotated[tuple[Parameter, ...], Meta(description="the members of its body")] = ()
    price: Annotated[
        PriceTable | _Dollars | None, Meta(description="dollars, or a table of prices; default: policy `price`")
    ] = None
    response: Annotated[
        Any,
        Meta(
            description="the template of an immediate response, with {media_url}, {request_id} and {now}; if omitted, the generation is queued"
        ),
    ] = None
    name: Annotated[str | None, Meta(description="only for the operations of the page")] = None
    checks: Annotated[Literal["rules", "page"], Meta(description="only for the operations of the page")] = "rules"


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The operations of a model, where they are documented, and how we know them."""

    model: Annotated[
        str, Meta(pattern=r"^[a-z0-9.-]{1,100}\Z", description="lower-case letters, digits, dots and hyphens")
    ]
    title: Annotated[str, Meta(description="what the model is called")]
    source: Annotated[str, Meta(description="the vendor's page that it is taken from")]
    date: Annotated[dt.date, Meta(description="the date of that page")]
    label: Annotated[str, Meta(description="how we know it, shown wherever the model is shown")]
    operations: Annotated[tuple[_Row, ...], Meta(min_length=1)]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that is submitted.

    `name` is what rules, the journal and reports call it: its path without the version, or the short name of one of the page's two.
    `names` are the members that its body may have; `response` is the template of its response, None for one that is queued.
    `limited`: the page states limits for its video; `on_page`: `parameters.py` judges its values; `plain`: most bodies are read faster.
    """

    name: str
    path: str
    model_id: str
    title: str
    output: str
    parameters: tuple[Parameter, ...] = ()
    price: PriceTable | None
    response: Any
    on_page: bool
    model: str
    source: str
    date: str
    label: str
    names: tuple[str, ...]
    prompt: str | None
    callback: str | None
    limited: bool
    plain: bool

    def price_of(self, members: Mapping[str, Any]) -> int | None:
        """The price of a generation in millionths of a dollar, None where the file has none."""
        table = self.price
        if table is None:
            return None
        chosen = table.values.get(_price_key(self.value(table.by, members)), table.base) if table.by else table.base
        times = 1 if table.per is None or self.value(table.per, members) is UNSET else self.number(table.per, members)
        return round(micros(chosen) * times)

    def value(self, name: str | None, members: Mapping[str, Any]) -> Any:
        """The first value of a parameter, its default where none was sent, else UNSET."""
        if name is None:
            return UNSET
        found = next((value for _, value in self.places(name, members) if value is not UNSET), UNSET)
        default = next((each.default for each in self.parameters if each.name == name), UNSET)
        return default if found is UNSET or found is None else found

    def number(self, name: str, members: Mapping[str, Any]) -> float:
        """The number that a parameter has, also as a string such as `5s`, between 0 and a million; 0 where it has none."""
        value: object = self.value(name, members)
        if isinstance(value, str) and (found := re.match(r"[0-9]{1,6}(\.[0-9]{1,3})?", value)):
            return float(found[0])
        return min(max(value, 0), 1e6) if isinstance(value, int | float) and not isinstance(value, bool) else 0

    def text(self, name: str | None, members: Mapping[str, Any]) -> str:
        """The string that a parameter has, empty where it has none."""
        return value if isinstance(value := self.value(name, members), str) else ""

    def places(self, name: str, members: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Every place in a body that a dotted name means, with its value or UNSET; none inside a parameter that was not sent."""
        return _places(
            members, name.split("."), "", frozenset(each.name.removesuffix("[]") for each in self.parameters)
        )

    def problems(self, members: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with the members of a body by the types and rules of the parameters."""
        for parameter in self.parameters:
            found = (
                problem
                for place, value in self.places(parameter.name, members)
                if (problem := _problem(parameter, place, value))
            )
            yield from islice(found, MOST_PROBLEMS)


def covers(names: Collection[str], operation: str | None) -> bool:
    """Whether these names of operations mean this one: `*/*` means every one with a slash."""
    return operation is not None and (operation in names or ("/" in operation and ANY_MODEL in names))


def unknown_operation(name: str, known: Iterable[str]) -> str:
    """Why a name is not that of an operation, with the remedy, as the end of a sentence that begins with what it is for."""
    names = tuple(known)
    remedy = ": serve its model with --model NAME or FILE, in pytest with pixazo_models" if "/" in name else ""
    return f"{shown(name)} is not one of {', '.join(names)}{nearest(name, names)}{remedy}"


def read_model(text: str, where: str, form: str = "TOML") -> tuple[Operation, ...]:
    """The operations of a model file, which messages call `where`. Raises ValueError that names the file, the key, the value and the remedy."""
    return read_text_as(f"model {where}", text, form, _operations)


def _operations(data: object) -> tuple[Operation, ...]:
    """Raises InvalidDataError."""
    try:
        found = fit(data, ModelFile)
    except UnicodeEncodeError as error:
        raise InvalidDataError(not_unicode(error)) from None
    return tuple(_made(found, row, ("operations", number)) for number, row in enumerate(found.operations))


def model_problems(data: object) -> Iterator[InvalidDataError]:
    """All that is wrong with a model file, as far as it can be found: once for each member of an operation or parameter."""
    return problems_within(data, "operations", [_EXAMPLE], _operations, _row_problems)


def _row_problems(row: Any, place: Path) -> Iterator[InvalidDataError]:
    def problems(parameter: Any, place: Path) -> Iterator[InvalidDataError]:
        return problems_of(parameter, lambda value: fit(value, Parameter), place)

    return problems_within(row, "parameters", [], lambda value: fit(value, _Row), problems, place)


_EXAMPLE = {"path": "/model/v1/generate", "model_id": "model", "title": "", "output": "mp4"}


def _made(file: ModelFile, row: _Row, place: Path) -> Operation:
    names = [each.name for each in row.parameters]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidDataError(f"{twice} is defined twice: remove one", (*place, "parameters"))
    price = PriceTable(base=row.price) if isinstance(row.price, str) else row.price
    for key in (price.by, price.per) if price else ():
        if key is not None and key not in names:
            problem = f"{key} is not one of its parameters{nearest(key, tuple(names))}: name one"
            raise InvalidDataError(problem, (*place, "price"))
    texts = [name for name in names if name.rpartition(".")[2] == "prompt"] or [
        name for name in names if name.endswith(".text")
    ]
    limited = any(each.name == "duration" and each.enumeration for each in row.parameters)
    on_page = row.checks == "page"
    return Operation(
        name=row.name or "/".join(part for part in row.path[1:].split("/") if not _VERSION.fullmatch(part)),
        path=row.path, model_id=row.model_id, title=row.title, output=row.output, parameters=row.parameters, price=price,
        response=row.response, on_page=on_page, model=file.model, source=file.source, date=file.date.isoformat(), label=file.label,
        names=tuple(dict.fromkeys(re.split(r"\.|\[", name)[0] for name in names)),
        prompt=next(iter(texts), None),
        callback=next((each.name for each in row.parameters if each.callback), None),
        limited=limited, plain=on_page and not limited,
    )  # fmt: skip


def _places(
    value: Any, steps: list[str], before: str, known: frozenset[str], named: str = ""
) -> Iterator[tuple[str, Any]]:
    if not steps:
        yield before, value
        return
    step, rest = steps[0], steps[1:]
    name = step.removesuffix("[]")
    inner: Any = cast("dict[str, Any]", value).get(name, UNSET) if isinstance(value, dict) else UNSET
    place, named = (f"{each}.{name}".removeprefix(".") for each in (before, named))
    if step != name and isinstance(inner, list):
        for number, each in enumerate(cast("list[object]", inner)):
            yield from _places(each, rest, f"{place}[{number}]", known, f"{named}[]")
    elif not rest:
        if step == name or named not in known:
            yield place, inner
    # Of a parameter that is not an object, its own rule says what is wrong.
    elif isinstance(inner, dict) or (step == name and named not in known):
        yield from _places(inner, rest, place, known, named)


_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "a string"), "integer": (int, "an integer"), "number": ((int, float), "a number"), "boolean": (bool, "true or false"),
    "array": (list, "an array"), "object": (dict, "an object"),
}  # fmt: skip


def _is(kind: str, value: Any) -> bool:
    """Whether a JSON value is of a type: JSON has one type of number, and an integer may be written 6.0."""
    if kind == "any":
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind][0]) or (kind == "integer" and isinstance(value, float) and value.is_integer())


def _problem(parameter: Parameter, place: str, value: Any) -> Problem | None:
    if value is UNSET:
        return Problem(place, Violation.REQUIRED) if parameter.required else None
    if not _is(parameter.type, value) or (parameter.enumeration and value not in parameter.enumeration):
        return unwanted(parameter, place, value)
    if isinstance(value, str):
        return _text_problem(parameter, place, value)
    if isinstance(value, list):
        return _bounds(place, len(cast("list[object]", value)), parameter.min_items, parameter.max_items, " items")
    if _is("number", value):
        return _bounds(place, value, parameter.minimum, parameter.maximum, "", exclusive=parameter.exclusive_minimum)
    return None


def unwanted(parameter: Parameter, place: str, value: object) -> Problem:
    """What to say of a value of another type, or one not in the enumeration."""
    words = ", ".join(msgspec.json.encode(each).decode() for each in parameter.enumeration)
    wanted = f"one of {words}" if words else _TYPES[parameter.type][1]
    return Problem(place, Violation.WANTED, (wanted, json_value(value)))


def _price_key(value: object) -> str:
    """A value as a price table has it: `true`, `6` also for 6.0, a string as it is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bounds(
    place: str, value: float, least: float | None, most: float | None, unit: str, *, exclusive: bool = False
) -> Problem | None:
    if least is not None and (value <= least if exclusive else value < least):
        wanted = f"{'greater than' if exclusive else 'at least'} {least:.15g}{unit}"
    elif most is not None and value > most:
        wanted = f"at most {most:.15g}{unit}"
    else:
        return None
    shown = f"{value:.15g}" if abs(value) < 1e300 else f"{str(value)[:20]}…"
    return Problem(place, Violation.HAS if unit else Violation.WANTED, (wanted, shown))


def _text_problem(parameter: Parameter, place: str, text: str) -> Problem | None:
    if parameter.max_length is not None and len(text) > parameter.max_length:
        return Problem(place, Violation.LENGTH, (parameter.max_length, len(text)))
    if problem := _bounds(place, len(text), parameter.min_length, None, " characters"):
        return problem
    takes_data = "base64" in parameter.formats
    is_url = takes_data or "url" in parameter.formats
    if parameter.callback or not is_url:  # a webhook URL is judged together with the header
        return None
    fault = url_problem(text)
    if takes_data and fault:
        head, comma, data = text.partition(",") if is_data_url(text) else ("", "", text)
        if (comma or not head) and text and _BASE64.fullmatch("".join(data.split())):
            return _bounds(place, len(data) * 3 // 4, None, parameter.max_bytes, " bytes")
        fault = f"{fault}, and it is not Base64"
    return Problem(place, Violation.URL, (fault,)) if fault else None


def url_problem(text: str) -> str | None:
    """Why `text` cannot be used as a URL, in words that repeat nothing but its scheme; None for an http or https URL with a host."""
    if not text:
        return "it is empty"
    if len(text) > LONGEST_URL:
        return f"it is longer than {LONGEST_URL} characters"
    if odd := next((number for number, each in enumerate(text, 1) if not "!" <= each <= "~"), None):
        return f"its character {odd} is not allowed in a URL: percent-encode it"
    scheme, separator, _ = text.partition(":")
    if scheme.lower() not in ("http", "https"):
        return f"its scheme is {quoted(scheme)}" if separator and scheme.isalnum() else "it has no scheme such as https"
    try:
        host, port = urlsplit(text).hostname, urlsplit(text).port
    except ValueError:
        return "its host or port cannot be read"
    if not _HOST.fullmatch(host or ""):
        return "it has no host, or an invalid one"
    return "its port is 0" if port == 0 else None
