"""docs/reference/client.md: every public class, method and exception of `pixazo_client`."""

from __future__ import annotations

import inspect
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


class _Written(str):
    """An annotation as its source has it."""

    __slots__ = ()
    __repr__ = str.__str__


def _signature(name: str, thing: object) -> str:
    """How something is called."""
    if isinstance(thing, property):
        returned = inspect.signature(thing.fget).return_annotation if thing.fget else ""
        return f"{name}: {returned}"
    found = inspect.signature(thing)  # type: ignore[arg-type]
    given = [
        each.replace(
            annotation=_Written(each.annotation) if isinstance(each.annotation, str) else each.annotation,
            # The default of this one shows where it is in memory.
            default=_Written(f"{type(each.default).__name__}()") if " at 0x" in repr(each.default) else each.default,
        )
        for each in found.parameters.values()
        if each.name != "self"
    ]
    returned = found.return_annotation
    found = found.replace(
        parameters=given, return_annotation=_Written(returned) if isinstance(returned, str) else returned
    )
    text = f"{'async ' if inspect.iscoroutinefunction(thing) else ''}{name}{found}"
    if len(text) > 100:
        text = f"{name}(\n" + "".join(f"    {each},\n" for each in given) + ")" + text.rpartition(")")[2]
    return text.removesuffix(" -> None")


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
