"""docs/reference/attributes.md: every attribute of the types that a test reads or writes, in the words of the code."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import msgspec

import pytest_pixazo
from pixazo_simulator import Attempt, Delivery, Entry, Exchange, Generation, Plan, Request, Response
from pixazo_simulator.script import FAULTS
from pytest_pixazo import Callback, PolicyFields

from .markdown import documented, table

__all__ = ["is_value", "page", "shown"]

_HEAD = """\
# What a test reads, attribute by attribute

The values that the fixtures return, then those that a test passes. Times are `datetime` in UTC, sums are `Decimal` in US dollars, and no string contains a
key. In JSON, `/_sim` sends the same under the same names ([The control API](control.md)). What the client returns is in
[The client, name by name](client.md), faults are in [Faults](faults.md). This page is generated (`python -m tools.reference`).

"""

_SOURCES: dict[type[Any], str] = {
    Exchange: "`pixazo.journal[0]`, `pixazo.journal.submits`, `.polls`, `.downloads`, `.filter(...)`",
    Request: "`exchange.request`",
    Response: "`exchange.response`",
    Generation: "`pixazo.generations[0]`",
    Plan: "`generation.plan`",
    Delivery: "`pixazo.webhooks[0]`",
    Attempt: "`delivery.attempts[0]`, `pixazo.webhooks.resend(number)`",
    Callback: "what `pixazo_webhooks` received: `.wait()`, `.received`",
    Entry: "`pixazo.wallet.entries[0]`",
}
"""The types that most tests read, and where a test gets a value of each: all their attributes have a description."""


def shown(hint: Any) -> str:
    """A type as a reader of the documentation knows it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return shown(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(map(shown, arguments))
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if isinstance(hint, list):
        return f"[{', '.join(map(shown, hint))}]"
    if arguments:
        return f"{origin.__name__}[{', '.join(map(shown, arguments))}]"
    if hint in (NoneType, ...):
        return "None" if hint is NoneType else "..."
    public = next((known for known in (datetime, Decimal) if inspect.isclass(hint) and issubclass(hint, known)), hint)
    return str(getattr(public, "__name__", getattr(public, "__forward_arg__", public)))


def fields(kind: type[Any]) -> Iterator[tuple[str, str, str]]:
    """Name, type and description of each field: that of its annotation, else the text below it in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    below = {
        field.target.id: str(text.value.value)
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }  # fmt: skip
    for name, hint in _hints(kind).items():
        known = [each.description for each in get_args(hint)[1:] if isinstance(each, msgspec.Meta) and each.description]
        # An instant has another form in JSON than in Python.
        yield name, shown(hint), next(iter(known), below.get(name, "")).partition(", RFC 3339")[0]


def _hints(thing: Any) -> dict[str, Any]:
    """The types as the source has them, where a name of them is known to type checkers only."""
    try:
        return get_type_hints(thing, include_extras=True)
    except NameError:
        return dict(thing.__annotations__)


def others(kind: type[Any]) -> Iterator[tuple[str, str, str]]:
    """Name, type and description of each property and method."""
    for name, value in vars(kind).items():
        call: Callable[..., Any] | None = value.fget if isinstance(value, property) else value
        if name.startswith("_") or not inspect.isfunction(call):
            continue
        first = inspect.cleandoc(call.__doc__ or "").partition("\n")[0]
        given = "" if isinstance(value, property) else f"({', '.join([*inspect.signature(call).parameters][1:])})"
        yield f"{name}{given}", shown(_hints(call)["return"]), first


def _sentence(kind: type[Any], name: str, text: str) -> str:
    """A description without a full stop, in Python's words. Raises ValueError where one of `_SOURCES` has none."""
    if not text and kind in _SOURCES:
        remedy = "write Annotated[..., Meta(description=...)], or a text below the field"
        raise ValueError(f"{kind.__name__}.{name} has no description: {remedy}")
    lower = text if text[:2].isupper() else text[:1].lower() + text[1:]
    return lower.replace("null", "None").removesuffix(".")


def is_value(thing: object) -> bool:
    """Whether something is a type with fields, that is no fault."""
    if not inspect.isclass(thing) or thing in FAULTS.values():
        return False
    return issubclass(thing, msgspec.Struct) or dataclasses.is_dataclass(thing) or is_typeddict(thing)


def page() -> str:
    """The page."""
    public = (getattr(pytest_pixazo, name) for name in dir(pytest_pixazo))
    parts = [_HEAD]
    for kind in dict.fromkeys([*_SOURCES, *filter(is_value, public)]):
        if kind is PolicyFields:  # docs/reference/policy.md
            continue
        source = f"From {_SOURCES[kind]}.\n\n" if kind in _SOURCES else ""
        rows = (
            (f"`.{name}`", f"`{hint}`", _sentence(kind, name, text))
            for name, hint, text in (*fields(kind), *others(kind))
        )
        parts.append(f"## {kind.__name__}\n\n{documented(kind)}{source}{table(['attribute', 'type', 'meaning'], rows)}")
    return "".join(parts)
