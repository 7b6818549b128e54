"""A model file drafted from a page: what the simulator needs to serve its operations, for a person to review."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from pixazo_contracts.trace import is_array, is_object

from .meaning import in_dollars
from .page import InvalidPageError, Operation, Page, Parameter

_CALLBACKS: Final = frozenset({"callback_url", "webhook", "webhook_url"})
#: An operation with only these parameters reads a result: the status route does that for every model.
_IDS: Final = frozenset({"request_id", "requestId", "prediction_id", "task_id", "id"})
_NUMERIC: Final = frozenset({"integer", "number"})
#: What a model file takes as a path, a model id and a name of a parameter.
_ROUTE: Final = re.compile(r"/(?!v\d+/)[A-Za-z0-9][\w.-]{0,99}(/[\w.-]{1,100}){1,8}", re.ASCII)
_ID: Final = re.compile(r"[\w.-]{1,100}", re.ASCII)
_MEMBER: Final = re.compile(r"[A-Za-z_$][\w$-]*(\[\])?(\.[A-Za-z_$][\w$-]*(\[\])?){0,8}", re.ASCII)
#: A key of TOML that needs no quotation marks.
_BARE: Final = re.compile(r"[\w-]+", re.ASCII)
#: What the words of an operation say about its output, in the order of the search.
_OUTPUTS: Final = (
    ("mp4", r"(?:to|2)[ -]?video|video generat|video edit|edit[ -]video|videos?\b(?!.*to image)|avatar|animate|motion"),
    ("mp3", r"speech|music|audio|voice|song|tracks?\b"),
)
#: The parameters that set the format of the output, and the outputs for their values.
_FORMAT_PARAMETERS: Final = ("output_format", "format", "response_format")
_FORMAT_OUTPUTS: Final = {"jpg": "jpeg", "jpeg": "jpeg", "png": "png", "wav": "wav", "mp3": "mp3", "mp4": "mp4"}


def draft_model(page: Page, day: date) -> str:
    """A model file (TOML) with every operation of a page that makes something, named after the page's address or title.

    `day` is that of the page. What was not understood is `unchecked` or a comment. Raises InvalidPageError for an empty draft.
    """
    source = page.source or "unknown"
    named = source.rpartition("/")[2] if "/" in source else page.title
    model = re.sub(r"[^a-z0-9.]+", "-", named.casefold()).strip("-")[:100] or "model"
    label = f"vendor page, {day.isoformat()}"
    head = {"model": model, "title": page.title, "source": source, "date": day, "label": label}
    lines = ["# Drafted by `pixazo-contracts page model`: review it before you rely on it.", *_pairs(head)]
    drafted, left_out = set[str](), list[str]()
    for operation in page.operations:
        if operation.path in drafted:
            continue  # a page may print one operation twice
        drafted.add(operation.path)
        if why := _left_out(operation):
            left_out.append(f"{operation.method} {operation.path} is left out: {why}")
            lines += ["", _comment(left_out[-1])]
            continue
        known = tuple(each for each in operation.parameters if _MEMBER.fullmatch(each.name))
        written = _operation(msgspec.structs.replace(operation, parameters=known))
        lines += ["", "[[operations]]", *written, "parameters = ["]
        for parameter in operation.parameters:
            line = _comment(f"{parameter.name!r} is not a member of the body: {parameter.description}")
            if parameter in known:
                line = f"{_value(_parameter(parameter))},"
            lines.append(f"    {line}")
        lines.append("]")
    if len(left_out) == len(drafted):
        raise InvalidPageError(f"no operation can be drafted: {left_out[0]}")
    return "\n".join(lines) + "\n"


def _left_out(operation: Operation) -> str:
    """Why a model file cannot have an operation; empty if it can."""
    names = {parameter.name for parameter in operation.parameters}
    if operation.method == "GET" or (names and names <= _IDS):
        return "it reads a result, as the status route does for every model."
    if operation.method != "POST":
        return "a model file has operations of POST only."
    if not _ROUTE.fullmatch(operation.path):
        return "its path has fewer than two parts, or other characters than letters, digits and .-_"
    return ""


def _comment(text: str) -> str:
    """One line of TOML, whatever the page has."""
    return "# " + re.sub(r"[^ -~\u00a0-\ud7ff\ue000-\U0010ffff]+", " ", text)


def _operation(operation: Operation) -> Iterator[str]:
    model_id = operation.model_id if _ID.fullmatch(operation.model_id) else operation.path.strip("/").partition("/")[0]
    words = f"{operation.group} {operation.title} {operation.path}".casefold()
    chosen = [each.rules.default for each in operation.parameters if each.name in _FORMAT_PARAMETERS][:1]
    outputs = [*(_FORMAT_OUTPUTS.get(str(default).casefold(), "") for default in chosen)]
    outputs += [kind for kind, pattern in _OUTPUTS if re.search(pattern, words)]
    output = next(filter(None, outputs), "png")
    yield from _pairs({"path": operation.path, "model_id": model_id, "title": operation.title, "output": output})
    yield from _price(operation)
    samples = (each.value for each in operation.samples if each.section in ("output", "response"))
    responses = [each for each in samples if is_object(each)]
    if responses and responses[0] and not operation.model_id and not any("polling_url" in each for each in responses):
        yield f"response = {_value(_filled(responses[0]))}"  # it responds immediately


def _price(operation: Operation) -> Iterator[str]:
    """Its price: for one generation, or by the parameter whose values are the rows of the price table; per second, times the duration."""
    found = {row: re.search(r"\$(\d{1,9}(?:\.\d{1,6})?)", in_dollars(text)) for row, text in operation.prices.items()}
    amounts = {row: match[1] for row, match in found.items() if match}
    if not amounts:
        return
    base = min(amounts.values(), key=float)
    seconds = {each.name for each in operation.parameters if _kind(each.type) in _NUMERIC} & {"duration"}
    by_second = seconds and all(re.search(r"per[ _]second", operation.prices[row]) for row in amounts)
    per = {"per": "duration"} if by_second else {}
    for parameter in operation.parameters:
        allowed = {str(each).casefold(): each for each in parameter.rules.enumeration}
        chosen = {row.partition(", ")[0] if per else row: amount for row, amount in amounts.items()}  # `1080p, 1s`
        if len(chosen) > 1 and len(chosen) == len(amounts) and any(row.casefold() in allowed for row in chosen):
            values = {str(allowed.get(row.casefold(), row)): amount for row, amount in chosen.items()}
            default = str(parameter.rules.default).casefold()
            base = next((amount for row, amount in chosen.items() if row.casefold() == default), base)
            yield f"price = {_value({'base': base, 'by': parameter.name, 'values': values, **per})}"
            return
    yield f"price = {_value({'base': base, **per} if per else base)}"
    for row, text in operation.prices.items():
        if not re.match("all\\b", row, re.IGNORECASE):
            yield _comment(f"The page prices it by {row}: {text}")


def _filled(value: Any) -> Any:
    """The sample of a response with a placeholder for each URL."""
    if is_object(value):
        return {name: _filled(member) for name, member in value.items()}
    if is_array(value):
        return [_filled(each) for each in value[:1]]
    return "{media_url}" if isinstance(value, str) and value.startswith(("http://", "https://")) else value


def _parameter(parameter: Parameter) -> Mapping[str, Any]:
    kind = _kind(parameter.type)
    rules = msgspec.to_builtins(parameter.rules)
    conditions = rules.pop("conditions", [])
    unchecked = [*parameter.unread, *conditions]
    if "short_side_above" in rules:
        unchecked.append(f"Short side above {rules.pop('short_side_above')} pixels.")
    if "aspect_ratio" in rules:
        unchecked.append("Aspect ratio {} to {}.".format(*rules.pop("aspect_ratio")))
    if kind not in _NUMERIC and rules.keys() & {"minimum", "maximum"}:
        rules = {name: rules[name] for name in rules if name not in ("minimum", "maximum", "exclusive_minimum")}
        unchecked.append(parameter.description)
    whole = {name: int(value) for name, value in rules.items() if isinstance(value, float) and value.is_integer()}
    found = {
        "name": parameter.name,
        "required": parameter.required or None,
        "type": kind,
        **rules,
        **whole,
        "callback": parameter.name in _CALLBACKS or None,
        "description": parameter.description,
        "unchecked": unchecked or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _kind(type_: str) -> str:
    """A type of the page in the words of a model file."""
    plain = type_.casefold()
    for kind, pattern in (
        ("array", r"^array|^list|\[\]$"), ("string", r"^str|^enum|^uri|^url"), ("integer", r"^int"),
        ("number", r"^number|^float|^double"), ("boolean", r"^bool"), ("object", r"^object|^json|^dict"),
    ):  # fmt: skip
        if re.search(pattern, plain):
            return "any" if re.search(r"\bor\b|/|\|(?! ?null)", plain) else kind
    return "any"


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{name if _BARE.fullmatch(name) else _value(name)} = {_value(value)}" for name, value in values.items()]


def _value(value: object) -> str:
    """A value in TOML: strings are written as in JSON."""
    if is_object(value):
        return f"{{ {', '.join(_pairs({name: each for name, each in value.items() if each is not None}))} }}"
    if is_array(value):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
