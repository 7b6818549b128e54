"""The command `pixazo-sim faults`."""

from __future__ import annotations

import inspect
import json
import shutil
import textwrap
from typing import Any

import click
import msgspec

from pixazo_simulator.script import EXAMPLES, FAULTS, OCCASIONS, in_python, in_toml

MOST_COLUMNS = 120


@click.command(short_help="Print every fault that a script can make happen, with an example.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON array instead of text.")
def faults(*, as_json: bool) -> None:
    """Print every kind of fault: what it does, where it applies, its parameters, and an example in Python and TOML.

    Faults of one rule combine: delays add up and come first, then the body is garbled or cut short, then the connection ends.
    """
    told = [_told(kind) for kind in FAULTS]
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    width = min(MOST_COLUMNS, shutil.get_terminal_size((100, 24)).columns)
    click.echo("Use one in a test (Python), or in the file of `pixazo-sim serve --script FILE` (TOML).")
    for each in told:
        click.echo("\n" + _paragraph(each, width))


def _told(kind: str) -> dict[str, Any]:
    fault, example = FAULTS[kind], EXAMPLES[kind]
    return {
        "fault": kind,
        "name": fault.__name__,
        "says": inspect.cleandoc(fault.__doc__ or ""),
        "applies_to": [when for when, meant in OCCASIONS.items() if meant <= fault.applies_to],
        "parameters": {
            field.name: None if field.required else field.default for field in msgspec.structs.fields(fault)
        },
        "python": in_python(example),
        "toml": in_toml(example),
        "rule": example.told(),
    }


def _paragraph(told: dict[str, Any], width: int) -> str:
    title = click.style(told["fault"], bold=True)
    given = ", ".join(f"{name}{'' if value is None else f'={value!r}'}" for name, value in told["parameters"].items())
    lines = [f"{title}  {told['name']}({given})"]
    lines += textwrap.wrap(
        f"{told['says']} Applies to {', '.join(told['applies_to'])}.",
        width,
        initial_indent="    ",
        subsequent_indent="    ",
    )
    lines += [textwrap.indent(told["python"], "    "), textwrap.indent(told["toml"], "    ")]
    return "\n".join(lines)
