"""The commands that print what the simulator knows: `policy` and `magic`."""

from __future__ import annotations

import json
import shutil
import textwrap
from typing import Any

import click

from pixazo_simulator.spec import KEYS, PROFILES, PROMPTS, points

MOST_COLUMNS = 120


@click.command(short_help="Print what is assumed where the vendor's page is silent, and why.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON array instead of text.")
def policy(*, as_json: bool) -> None:
    """Print all 48 points that the vendor's page leaves open.

    Each with its field, its values in the two profiles, the forms a value may take, how we know, and the clauses it belongs to.
    """
    rows = [_row(name) for name in points()]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    width = min(MOST_COLUMNS, shutil.get_terminal_size((100, 24)).columns)
    click.echo("Set a field with `pixazo-sim serve --set FIELD=VALUE`, or start from `--profile observed`.")
    for row in rows:
        click.echo("\n" + _paragraph(row, width))


def _row(name: str) -> dict[str, Any]:
    point = points()[name]
    return {
        "row": point.row,
        "field": name,
        "documented": PROFILES["documented"].text(name),
        "observed": PROFILES["observed"].text(name),
        "values": point.forms,
        "label": point.label,
        "clauses": point.clauses,
        "says": point.says,
    }


def _paragraph(row: dict[str, Any], width: int) -> str:
    title = click.style(f"{row['row']:>2}  {row['field']}", bold=True)
    same = row["documented"] == row["observed"]
    values = row["documented"] + ("" if same else f"   (observed: {row['observed']})")
    lines = [f"{title} = {values}", f"    [{row['label']}] {row['clauses']}"]
    lines += textwrap.wrap(row["says"], width, initial_indent="    ", subsequent_indent="    ")
    if row["values"] != row["documented"]:
        lines += textwrap.wrap(f"values: {row['values']}", width, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


@click.command(short_help="Print the prompts and keys that ask for an outcome.")
def magic() -> None:
    """Print the marks and keys by which a caller without control plane chooses an outcome.

    A script rule beats magic, magic beats policy; `serve --no-magic` switches it off.
    """
    click.echo("In a prompt, anywhere and together:")
    click.echo(_columns([(form, f"the generation {does}") for form, does in PROMPTS.values()]))
    click.echo("\nAs the API key, with -SUFFIX behind it for one more of its kind:")
    click.echo(_columns([(key, f"the caller {does}") for key, does in KEYS.items()]))


def _columns(rows: list[tuple[str, str]]) -> str:
    widest = max(len(left) for left, _ in rows)
    return "\n".join(f"  {left:<{widest}}  {right}" for left, right in rows)
