"""The commands `pixazo-sim validate` and `pixazo-sim schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

_KIND = click.Choice(["script", "profile", "model"])


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--kind", type=_KIND, help="What the files are. Without: told from the names of their members.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON array instead of text.")
def validate(files: tuple[Path, ...], kind: str | None, *, as_json: bool) -> None:
    """Check scripts, profiles and model files, and exit with 1 if one is wrong.

    Each problem is one line, FILE:LINE: PROBLEM. A form is known by the name of a file: .json, .yaml, .yml, anything else is TOML.
    """
    from pixazo_simulator.server import problems

    found = [(file, *problems(file, kind)) for file in files]
    if as_json:
        table = [
            {"file": str(file), "kind": known, "problems": [{"line": line, "problem": says} for line, says in wrong]}
            for file, known, wrong in found
        ]
        click.echo(json.dumps(table, indent=2, ensure_ascii=False))
    for file, known, wrong in () if as_json else found:
        for line, says in wrong:
            click.echo(f"{file}:{'' if line is None else f'{line}:'} {says}")
        if not wrong:
            click.echo(f"{file}: a valid {known}")
    if any(wrong for *_, wrong in found):
        raise SystemExit(1)


@click.command()
@click.argument("kind", type=_KIND)
def schema(kind: str) -> None:
    """Print the JSON Schema of a kind of file, by which editors complete and check it."""
    from .schemas import file_schema

    click.echo(json.dumps(file_schema(kind), indent=2, ensure_ascii=False))
