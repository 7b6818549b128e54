"""The vendor's pages: the headings and tables of their template, and what a page says about each operation, as values."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

#: The headings of the template. Copies of a rendered page have some of them as plain lines; Chatterbox has two names for the sample.
TITLES: Final = (
    "base url", "authentication", "request code", "output", "webhook", "request parameters", "example request", "response",
    "request headers", "response handling", "error responses", "queue system errors", "error via status/webhook",
    "retrieving results", "endpoint", "curl example", "response (completed)", "response fields", "status values", "status flow",
    "typical workflow", "pricing",
)  # fmt: skip
_ALIASES: Final = {
    "webhook (optional)": "webhook", "headers": "request headers", "request body": "example request", "parameters": "request parameters",
    "minimum request": "example request", "full request (all options)": "example request",
}  # fmt: skip
#: What a table is about, by its columns; and the columns that a list has in place of a table.
TABLES: Final = {
    ("parameter", "type", "required", "description"): "request parameters",
    ("header", "type", "required", "description"): "authentication",
    ("header", "value"): "request headers",
    ("code", "meaning"): "response handling",
    ("field", "type", "description"): "response fields",
    ("status", "description"): "status values",
    ("resolution", "price"): "pricing",
}  # fmt: skip
#: Names of columns, as written: a parameter `status` is not one.
COLUMNS: Final = frozenset(
    {"Default", "Duration", "Price (USD)", *(each.capitalize() for names in TABLES for each in names)}
)
#: What looks like a price, and the names of columns that have prices.
PRICE: Final = re.compile(r"[$€£]\s*\d|.*\d\s*(?:USD|EUR|credits?|cents?|¢)", re.IGNORECASE)
PRICED: Final = re.compile(r"\b(?:price|pricing|costs?|usd|credits?|rate)\b", re.IGNORECASE)
_YES: Final = frozenset({"yes", "true", "required", "mandatory", "y", "✓", "✔", "✅", "☑"})
_NO: Final = frozenset({"no", "false", "optional", "n", "✗", "✘", "✕", "❌", "☐"})


def is_required(cell: str) -> bool | None:
    """What a cell of the column `Required` says; None if it is neither yes nor no."""
    plain = cell.strip(" *`\ufe0f").casefold()
    return True if plain in _YES else False if plain in _NO else None


def kind_of(title: str) -> str:
    """The heading of the template that this is, or an empty string: `Request Parameters - Generate Video Request` is `request parameters`."""
    plain = " ".join(title.rstrip(": ").casefold().split())
    plain = _ALIASES.get(plain, plain)
    if plain in TITLES:
        return plain
    if plain.startswith("request parameters"):
        return "request parameters"
    return "pricing" if plain.endswith((" pricing", " prices")) or plain == "prices" else ""


def url_parts(url: str) -> tuple[str, str]:
    """Scheme and host, and path, of a URL that may have placeholders which `urlsplit` refuses: `https://[region].pixazo.ai/v1`."""
    scheme, mark, rest = re.split("[?#]", url, maxsplit=1)[0].partition("://")
    if not mark:
        return "", scheme
    host, slash, path = rest.partition("/")
    return scheme + mark + host, slash + path


class InvalidPageError(Exception):
    """A text that is no model page of the vendor: it has no operation that could be read, or none of which a model could be drafted."""


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a description says about the values of a parameter; anything else is left out.

    Lengths are code points, sizes bytes, `formats` words such as `jpeg` or `url`; `items` are the least and the most elements of
    an array. `conditions` are conditional rules, in the words of the page.
    """

    default: Any = msgspec.UNSET
    enumeration: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    max_bytes: int | None = None
    short_side_above: int | None = None
    aspect_ratio: tuple[str, str] | None = None
    formats: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


class Parameter(msgspec.Struct, frozen=True):
    """A row of a table of request parameters; `required` is None if the page does not say it, `unread` is what is stated beyond the rules."""

    name: str
    required: bool | None
    type: str
    description: str
    line: int
    rules: Rules = Rules()
    unread: tuple[str, ...] = ()


class Sample(msgspec.Struct, frozen=True):
    """A sample of a request, response, error or program: its section, the comment above it (`label`), its JSON as `value`, else UNSET."""

    section: str
    text: str
    line: int
    label: str = ""
    value: Any = msgspec.UNSET


class Sentence(msgspec.Struct, frozen=True):
    """Something that the page says outside tables and samples, or that was not understood."""

    section: str
    text: str
    line: int


class Operation(msgspec.Struct, frozen=True):
    """One operation of a page: `group` is the heading over it (`Text to Video`), `title` and `path` are its request's, ids begin with `model_id`.

    `headers` are those of a request; `codes`, `fields`, `statuses` and `prices` the rows of these tables; `flow` the arrows of
    the status flow; `polling` the least and most seconds between two polls; `webhook_header` the header that asks for a callback.
    """

    title: str
    group: str
    method: str
    url: str
    path: str
    line: int
    base_url: str = ""
    model_id: str = ""
    headers: dict[str, str] = {}
    authentication: dict[str, tuple[str, ...]] = {}
    parameters: tuple[Parameter, ...] = ()
    samples: tuple[Sample, ...] = ()
    codes: dict[str, str] = {}
    fields: dict[str, tuple[str, ...]] = {}
    statuses: dict[str, str] = {}
    flow: tuple[tuple[str, str], ...] = ()
    flow_text: str = ""
    status_method: str = ""
    status_url: str = ""
    status_headers: dict[str, str] = {}
    webhook_header: str = ""
    polling: tuple[int, int] | None = None
    prices: dict[str, str] = {}
    sentences: tuple[Sentence, ...] = ()


class Page(msgspec.Struct, frozen=True):
    """A page: its title, where it came from, its operations in order, and what was not understood; `is_open` if it ends within a sample."""

    title: str
    source: str = ""
    provider: str = ""
    operations: tuple[Operation, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    unread: tuple[Sentence, ...] = ()
    is_open: bool = False
