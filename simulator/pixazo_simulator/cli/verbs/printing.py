"""Prints values for people: objects as lines of name and value, lists of objects as tables that fit the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import click

from pixazo_html import visible

_NARROWEST = 12
"""Characters that a column keeps where the terminal is too narrow for all."""
# fmt: off
_COLUMNS = {
    "exchanges": ("number", "at", "status", "method", "target", "reason"),
    "deliveries": ("number", "due_at", "delivered", "attempts", "url", "request_id"),
    "generations": ("operation", "status", "state", "since", "at", "price", "refunded", "fate", "waste", "request_id"),
    "events": ("at", "kind", "status", "number", "attempt", "url", "problem", "request_id"),
    "rules": ("number", "used", "matched", "decides", "label", "missed", "differences"),
}
# fmt: on
"""The columns of a list, by its name, as far as its objects have them; any other list has all columns."""

Row = Mapping[str, Any]


def print_value(value: Row) -> None:
    """Print an object: its members by their paths, then strings of several lines, then lists of objects as tables."""
    members = dict(_members(value, ""))
    tables = {name: cast("list[Row]", each) for name, each in members.items() if _is_table(each)}
    cells = {click.style(name, bold=True): _cell(each) for name, each in members.items() if name not in tables}
    plain = [(name, cell) for name, cell in cells.items() if "\n" not in cell]
    click.echo(aligned(plain), nl=bool(plain))
    for name, cell in cells.items():
        if "\n" in cell:
            click.echo(f"\n{name}\n{cell.rstrip()}")
    for name, rows in tables.items():
        title = f"\n{click.style(name, bold=True)}" if len(tables) > 1 else ""
        click.echo(title, nl=bool(title or plain))
        known = _COLUMNS.get(name.rpartition(".")[2]) or tuple(dict.fromkeys(each for row in rows for each in row))
        columns = [each for each in known if any(each in row for row in rows)]
        head = [click.style(each.upper(), bold=True) for each in columns]
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(aligned([head, *([_cell(row.get(each)) for each in columns] for row in rows)], width))


def _members(value: Row, path: str) -> Iterator[tuple[str, Any]]:
    for name, each in value.items():
        if isinstance(each, dict) and each:
            yield from _members(cast("Row", each), f"{path}{name}.")
        else:
            yield f"{path}{name}", each


def _is_table(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in cast("list[object]", value)[:1])


def _cell(value: object) -> str:
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        each = cast("list[object]", value)
        return str(len(each)) if _is_table(each) else ", ".join(map(_cell, each))
    return "\n".join(map(visible, str(value).split("\n")))


def aligned(rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Rows in columns that begin below each other; with a `width` the widest columns except ids are cut until a line fits into it."""
    widths = [max(len(click.unstyle(cell)) for cell in column) for column in zip(*rows, strict=True)]
    while width and sum(widths) + 2 * (len(widths) - 1) > width:
        cut = [number for number, title in enumerate(rows[0]) if click.unstyle(title) != "REQUEST_ID"]
        widest = max(cut, key=lambda number: widths[number], default=None)
        if widest is None or widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return "\n".join("  ".join(_fitted(*each) for each in zip(row, widths, strict=True)).rstrip() for row in rows)


def _fitted(cell: str, width: int) -> str:
    plain = click.unstyle(cell)
    return cell + " " * (width - len(plain)) if len(plain) <= width else f"{plain[: width - 3]}..."
