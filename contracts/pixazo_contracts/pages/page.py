"""What one page of the vendor says, as values: its operations, with everything that the page says about each."""

from __future__ import annotations

from typing import Any

import msgspec


class InvalidPageError(Exception):
    """A text that is no model page of the vendor: it has no operation that could be read, or none of which a model could be drafted."""


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a description says about the values of a parameter; anything else is left out.

    Lengths are code points, sizes bytes. `enumeration` has the allowed values, `formats` words such as `jpeg` or `url`; `items` are the
    least and the most elements of an array. `conditions` are conditional rules, in the words of the page.
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
    """One row of a table of request parameters: `required` is None if the page says neither yes nor no.

    `unread` are the sentences of its description that state something that is in no rule.
    """

    name: str
    required: bool | None
    type: str
    description: str
    line: int
    rules: Rules = Rules()
    unread: tuple[str, ...] = ()


class Sample(msgspec.Struct, frozen=True):
    """A sample of a request, a response, an error or a program, with its section.

    `label` is the comment above it (`402 — Insufficient balance`), `value` its JSON, UNSET if it is not JSON.
    """

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
    """One operation of a page: `group` is the heading over it (`Text to Video`), `title` that of its request, `path` that of its requests, `/minimax-hailuo-ai/v1/generate`, and `model_id` what its ids begin with.

    `headers` are those of a request; `codes`, `fields`, `statuses` and `prices` the rows of these tables; `flow` the arrows of the status
    flow; `polling` the least and the most seconds between two polls; `webhook_header` the header that asks for a callback.
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
