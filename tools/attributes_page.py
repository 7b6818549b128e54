"""Prints docs/reference/attributes.md: every attribute of the types that a test reads, in the words of the code."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from policy_page import cell

from pixazo_simulator import Attempt, Delivery, Entry, Exchange, Generation, Plan, Request, Response
from pytest_pixazo import Callback

HEAD = """\
# What a test reads, attribute by attribute

The values that the fixtures return. All of them are frozen, times are `datetime` in UTC, sums are `Decimal` in US dollars, and no text holds a
key. In JSON, `/_sim` sends the same under the same names ([control.md](control.md)). The table is generated (`tools/attributes_page.py`).
What the client returns is in [client.md](../how-to/client.md).
"""

TYPES: dict[type[Any], str] = {
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
"""The types, and where a test gets a value of each."""


def shown(hint: Any) -> str:
    """A type as a reader of the documentation knows it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return shown(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(map(shown, arguments))
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if arguments:
        return f"{origin.__name__}[{', '.join(map(shown, arguments))}]"
    if hint in (NoneType, ...):
        return "None" if hint is NoneType else "..."
    public = next((known for known in (datetime, Decimal) if inspect.isclass(hint) and issubclass(hint, known)), hint)
    return str(public.__name__)


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
    for name, hint in get_type_hints(kind, include_extras=True).items():
        known = [each.description for each in get_args(hint)[1:] if isinstance(each, msgspec.Meta) and each.description]
        # An instant has another form in JSON than in Python.
        yield name, shown(hint), next(iter(known), below.get(name, "")).partition(", RFC 3339")[0]


def others(kind: type[Any]) -> Iterator[tuple[str, str, str]]:
    """Name, type and description of each property and method."""
    for name, value in vars(kind).items():
        call: Callable[..., Any] | None = value.fget if isinstance(value, property) else value
        if name.startswith("_") or not inspect.isfunction(call):
            continue
        first = inspect.cleandoc(call.__doc__ or "").partition("\n")[0]
        given = "" if isinstance(value, property) else f"({', '.join([*inspect.signature(call).parameters][1:])})"
        yield f"{name}{given}", shown(get_type_hints(call)["return"]), first


def sentence(kind: type[Any], name: str, text: str) -> str:
    """A description without a full stop, in Python's words. Raises ValueError where there is none."""
    if not text:
        remedy = "write Annotated[..., Meta(description=...)], or a text below the field"
        raise ValueError(f"{kind.__name__}.{name} has no description: {remedy}")
    lower = text if text[:2].isupper() else text[0].lower() + text[1:]
    return cell(lower.replace("null", "None").removesuffix("."))


def main() -> None:
    """Print the page."""
    print(HEAD, end="")
    for kind, source in TYPES.items():
        about = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        print(f"\n## {kind.__name__}\n\n{about} From {source}.\n\n| attribute | type | is |\n| --- | --- | --- |")
        for name, hint, text in (*fields(kind), *others(kind)):
            print(f"| `.{name}` | `{cell(hint)}` | {sentence(kind, name, text)} |")


if __name__ == "__main__":
    main()
