"""docs/reference/client.md: every public class, method and exception of `pixazo_client`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pixazo_client
from pixazo_client import _errors

from .markdown import documented

__all__ = ["described", "page"]

_HEAD = """\
# The client, name by name

Every public name of `pixazo_client`, as the code has it. [The client](../how-to/client.md) shows how they are used. This page is generated (`python -m tools.reference`).

"""
_FIRST = ["PixazoClient", "RequestHandle", "AsyncPixazoClient", "AsyncRequestHandle", "Generation", "Polling"]


_QUOTED = re.compile(r"""(: |-> )(["'])(.*?)\2(?=[,) ]|$)""")
_FORWARD = re.compile(r"""ForwardRef\((["'])(.*?)\1\)""")  # of a NamedTuple, before Python 3.14
_COMMA = re.compile(r", (?=[*/]|\w+: )")


def _signature(name: str, thing: object) -> str:
    """How something is called, with its annotations as the source has them."""
    if isinstance(thing, property):
        return f"{name}: {inspect.signature(thing.fget).return_annotation}" if thing.fget else name
    found = inspect.signature(thing)  # type: ignore[arg-type]
    given = [
        each.replace(default=...) if " at 0x" in repr(each.default) else each  # it shows where it is in memory
        for each in found.parameters.values()
        if each.name != "self"
    ]
    called = str(found.replace(parameters=given)).replace("= Ellipsis", "= ...")
    plain = _FORWARD.sub(r"\2", _QUOTED.sub(r"\1\3", called))
    text = f"{'async ' if inspect.iscoroutinefunction(thing) else ''}{name}{plain.removesuffix(' -> None')}"
    if len(text) <= 100:
        return text
    head, _, rest = text.partition("(")
    inner, _, end = rest.rpartition(")")
    return f"{head}(\n" + "".join(f"    {each},\n" for each in _COMMA.split(inner)) + f"){end}"


def _shown(heading: str, name: str, thing: object) -> str:
    if inspect.isclass(thing) and issubclass(thing, (BaseException, Enum)):  # no test makes one
        return f"{heading}\n\nBase: `{thing.__bases__[0].__name__}`. {documented(thing)}"
    return f"{heading}\n\n```text\n{_signature(name, thing)}\n```\n\n{documented(thing)}"


def _members(kind: type) -> Iterator[tuple[str, object]]:
    """The public methods and properties, also those of private bases."""
    for base in kind.__mro__:
        if base is kind or base.__name__.startswith("_"):
            yield from (
                (name, value) for name, value in vars(base).items()
                if name[0] != "_" and (inspect.isfunction(value) or isinstance(value, (property, classmethod, staticmethod)))
            )  # fmt: skip


def described(name: str, thing: Any, level: str = "##") -> str:
    """A class with its members, or a function."""
    parts = [_shown(f"{level} {name}", name, thing)]
    for member, value in _members(thing) if inspect.isclass(thing) else ():
        function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        parts.append(_shown(f"{level}# {name}.{member}", f"{name}.{member}", function))
    return "".join(parts)


def page() -> str:
    """The page."""
    parts = [_HEAD, *(described(name, getattr(pixazo_client, name)) for name in _FIRST)]
    tree = inspect.cleandoc(_errors.__doc__ or "").partition("\n\n")[2]
    parts.append(f"## Exceptions\n\n```text\n{tree}\n```\n\n")
    errors = (name for name in pixazo_client.__all__ if name not in _FIRST)
    return "".join([*parts, *(described(name, getattr(pixazo_client, name), "###") for name in errors)])
