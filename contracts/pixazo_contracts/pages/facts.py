"""A page as a list of facts, each of which can change independently."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from pixazo_contracts.trace import is_array, is_object

from .meaning import atoms, gist
from .page import Operation, Parameter, Sample, is_required

#: The meaning of a fact that only says that something is there.
PRESENT: Final = "present"
_KINDS: Final[dict[type, str]] = {bool: "boolean", type(None): "null", int: "number", float: "number"}
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
_ID: Final = re.compile(r"([a-z][\w.-]*)_[0-9a-z]{4,}(?:-[0-9a-z]{4,})+")
_WORD: Final = re.compile(r"[A-Z]{3,}")
#: A model id.
_SLUG: Final = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)+")
_MIME: Final = re.compile(r"[a-z]+/[\w.+-]+")


class Fact(msgspec.Struct, frozen=True):
    """Something that a page says about an operation: `meaning` is what callers can notice, `text` the words of the page.

    `part` and `name` say what it is about (`parameter`, `prompt`), `attribute` which of its attributes (`required`), `section` where it is.
    `row` is its context: the row of a table, or the whole sample. `commits` are the atoms of the description from which a rule of a
    parameter was read: while they are the same, a condition that is no longer found is worded in another way.
    """

    part: str
    name: str
    attribute: str
    meaning: Any
    text: str
    section: str
    row: str = ""
    commits: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[str, str, str]:
        """What two versions of a page have in common."""
        return self.part, self.name, self.attribute


def operation_name(path: str) -> str:
    """The name of an operation: its path without the version, `ltx-video/text-to-video`; those of Hailuo are named by their last segment."""
    segments = [each for each in path.strip("/").split("/") if not re.fullmatch(r"v\d+", each)]
    return "/".join(segments[1:] if segments[:1] == ["minimax-hailuo-ai"] else segments)


def facts(operation: Operation) -> Iterator[Fact]:
    """Everything that a page says about one operation, except free sentences."""
    yield from _request(operation)
    for parameter in operation.parameters:
        yield from _parameter(parameter)
    yield from _results(operation)
    counts: dict[str, int] = {}
    for sample in operation.samples:
        code = re.search(r"\b\d{3}\b", sample.label)
        name = f"{sample.section} {code[0] if code else ''}".strip()
        counts[name] = counts.get(name, 0) + 1
        yield from _sample(sample, name if counts[name] == 1 else f"{name} {counts[name]}")


def _route(part: str, method: str, url: str, section: str) -> Iterator[Fact]:
    parts, row = urlsplit(url), f"{method} {url}"
    for name, value in (("method", method), ("host", f"{parts.scheme}://{parts.netloc}"), ("path", parts.path)):
        yield Fact(part, name, "", value, value, section, row)


def _request(operation: Operation) -> Iterator[Fact]:
    yield from _route("request", operation.method, operation.url, "request code")
    yield Fact("request", "base URL", "", operation.base_url, operation.base_url, "base url")
    yield Fact("request", "model id", "", operation.model_id, operation.model_id, "output")
    for name, cells in operation.authentication.items():
        row = " | ".join((name, *cells))
        marks = (required if (required := is_required(each)) is not None else each for each in cells[:2])
        yield Fact("authentication", name, "", [*marks, *sorted(atoms(" ".join(cells[2:])))], row, "authentication")
    for name, value in operation.headers.items():
        scheme = value.strip().rpartition(" ")[0].casefold()  # as in `Bearer YOUR_API_KEY`
        is_key = re.search(r"key", f"{name} {value}", re.IGNORECASE)
        meaning = f"{scheme} a key".strip() if is_key else value.strip()
        yield Fact("header", name, "", meaning, value, "request headers", f"{name} | {value}")
    if header := operation.webhook_header:
        row = " ".join([f"{header}:", *(each.text for each in operation.sentences if each.section == "webhook")])
        yield Fact("webhook", "header", "", header.casefold(), header, "webhook", row)


def _parameter(parameter: Parameter) -> Iterator[Fact]:
    name, section = parameter.name, "request parameters"
    required = {True: "Yes", False: "No", None: ""}[parameter.required]
    row = f"{name} | {required} | {parameter.type} | {parameter.description}"
    yield Fact("parameter", name, "", PRESENT, row, section, row)
    yield Fact("parameter", name, "required", parameter.required, required, section, row)
    yield Fact("parameter", name, "type", _type(parameter.type), parameter.type, section, row)
    default = parameter.rules.default
    commits = atoms(parameter.description, "" if default is msgspec.UNSET else str(default))  # or a column has it
    for attribute, value in msgspec.to_builtins(parameter.rules).items():
        meaning = value
        if attribute in ("enumeration", "formats"):
            meaning = sorted(map(str, value))
        elif attribute == "conditions":
            meaning = sorted(atoms(*value))
        elif attribute == "default" and str(value).casefold() in ("true", "false", "none"):
            meaning = str(value).casefold()
        text = "; ".join(value) if attribute == "conditions" else _written(value)
        yield Fact("parameter", name, attribute, meaning, text, section, row, commits)
    yield Fact("parameter", name, "description", sorted(commits), parameter.description, section, row, commits)


def _results(operation: Operation) -> Iterator[Fact]:
    """What it responds, how a result is waited for, and what it costs."""
    for code, text in operation.codes.items():
        yield Fact("code", code, "", sorted(gist(text)), text, "response handling", f"{code} | {text}")
    for name, (type_, text) in operation.fields.items():
        section, row = "response fields", f"{name} | {type_} | {text}"
        yield Fact("field", name, "", PRESENT, row, section, row)
        yield Fact("field", name, "type", _type(type_), type_, section, row)
        yield Fact("field", name, "description", sorted(atoms(text)), text, section, row)
    if operation.status_url:
        yield from _route("status route", operation.status_method, operation.status_url, "endpoint")
    for name, value in operation.status_headers.items():
        yield Fact("status route header", name, "", PRESENT, name, "endpoint", f"{name}: {value}")
    for name, text in operation.statuses.items():
        yield Fact("status", name, "", sorted(atoms(text)), text, "status values", f"{name} | {text}")
    if operation.flow:
        yield Fact("status flow", "", "", sorted(operation.flow), operation.flow_text, "status flow")
    if operation.polling:
        text = "every {}-{} seconds".format(*operation.polling)
        yield Fact("polling", "interval", "", list(operation.polling), text, "typical workflow")
    for name, price in operation.prices.items():
        yield Fact("price", name, "", price.replace(" ", ""), price, "pricing")


def _type(text: str) -> list[str]:
    """The types that a cell names, in a fixed order and spelling."""
    plain = re.sub(r"\s*\([^)]*\)", "", text.casefold())
    names = [each.strip() for each in re.split(r"\||\bor\b|,", plain)]
    same = {"float": "number", "int": "integer", "bool": "boolean", "str": "string", "double": "number"}
    return sorted(same.get(each, re.sub(r"^(?:array|list)\b.*|.*\[\]$", "array", each)) for each in names)


def _sample(sample: Sample, name: str) -> Iterator[Fact]:
    """A sample of a response fixes its shape; samples of requests and programs are only examples."""
    section = sample.section
    if section in ("request code", "example request", "curl example") or sample.value is msgspec.UNSET:
        yield Fact("example", name, "", None, sample.text, section)
        return
    yield Fact("sample", name, "", PRESENT, sample.text, section, sample.text)
    literal = section in ("queue system errors", "error responses")
    if literal:
        yield Fact("sample", name, "label", sorted(atoms(sample.label)), sample.label, section, sample.text)
    for path, leaf in _leaves(sample.value, ""):
        meaning = leaf if literal and isinstance(leaf, str) else _form(leaf)
        yield Fact("sample", name, path, meaning, _written(leaf), section, sample.text)


def _written(value: object) -> str:
    """A value as the page writes it: a text as it is, any other as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _leaves(value: object, path: str) -> Iterator[tuple[str, Any]]:
    if is_object(value) and value:
        for name, member in value.items():
            yield from _leaves(member, f"{path}.{name}" if path else name)
    elif is_array(value) and value:
        yield from _leaves(value[0], f"{path}[]")
    else:
        yield path, value


def _form(value: object) -> str:
    """What a value of a sample fixes: for a string its form, since its contents are an example."""
    if not isinstance(value, str):
        return _KINDS.get(type(value), "an empty object or list")
    if value.startswith(("http://", "https://")):
        url = urlsplit(value)
        path = _ID.sub(r"\1_{id}", re.sub(r"\{[^}]*\}", "{id}", url.path))
        host = re.sub(r"^pub-[0-9a-f]+\.", "pub-{bucket}.", url.netloc)
        return f"{url.scheme}://{host}{path.rpartition('.')[0] or path}"
    if stamp := _STAMP.fullmatch(value):
        return f"timestamp, {len(stamp[1] or '.') - 1} decimals, {'Z' if stamp[2] == 'Z' else 'offset'}"
    if found := _ID.fullmatch(value):
        return f"id {found[1]}"
    return value if _WORD.fullmatch(value) or _MIME.fullmatch(value) or _SLUG.fullmatch(value) else "text"
