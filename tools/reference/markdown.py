"""Pieces of Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable

__all__ = ["cell", "documented", "table"]

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")
_ITEM = re.compile(r"^ {4}(\*{0,2}[\w., ]+?): (.*)$")


def cell(text: str) -> str:
    """Text that does not break a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table; without rows an empty text."""
    lines = [f"| {' | '.join(cell(str(each)) for each in row)} |" for row in rows]
    titles = list(head)
    return "\n".join([f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}", *lines]) + "\n\n" if lines else ""


def documented(thing: object) -> str:
    """The docstring of a class or function, whose sections become lists. Raises ValueError where it has none of its own."""
    text = thing.__doc__
    if not text:
        named = getattr(thing, "fget", thing)  # a property has no name of its own
        raise ValueError(f"{getattr(named, '__qualname__', named)} has no docstring: write one")
    lines = list[str]()
    for line in inspect.cleandoc(text).splitlines():
        if section := _SECTION.match(line):
            lines += [f"*{section[1]}*", ""]
        elif item := _ITEM.match(line):
            lines.append(f"- `{item[1]}`: {item[2]}")
        else:
            lines.append(re.sub(r"^ {4,}", "  ", line))
    return "\n".join(lines) + "\n\n"
