"""The commands that list what the simulator has: `mutants` and `openapi`."""

from __future__ import annotations

import json

import click

from pixazo_simulator.control import ROUTES, document
from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON array instead of text.")
def mutants(*, as_json: bool) -> None:
    """List the names that `serve --mutant` and `serve --variant` take.

    A mutant breaks the clause named beside it. A variant is benign: it differs in a way that the page allows.
    """
    changes: tuple[Mutant | Variant, ...] = (*MUTANTS, *VARIANTS)
    rows = [
        {
            "name": each.name,
            "kind": "mutant" if isinstance(each, Mutant) else "variant",
            "clause": each.clause if isinstance(each, Mutant) else None,
            "says": each.sentence,
            "collateral": list(each.collateral) if isinstance(each, Mutant) else [],
        }
        for each in changes
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    widest = max(len(each.name) for each in changes)
    for kind, title in (("mutant", f"{len(MUTANTS)} mutants"), ("variant", f"\n{len(VARIANTS)} benign variants")):
        click.echo(click.style(f"{title} (serve --{kind} NAME)", bold=True))
        for row in rows:
            if row["kind"] == kind:
                click.echo(f"  {row['name']:<{widest}}  {row['clause'] or 'benign':<13}  {row['says']}")


@click.command()
def openapi() -> None:
    """Print the routes under /_sim as OpenAPI 3.1 (JSON), as a running server does at /_sim/openapi.json."""
    click.echo(json.dumps(document(ROUTES), indent=2, ensure_ascii=False))
